//! A process under test: its output kept in files, waited for with deadlines, signalled, and ended with its value.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Error;

const POLL: Duration = Duration::from_millis(10);
/// Lines of output that an error shows.
const LAST_LINES: usize = 30;

/// A signal that a program can tell apart. For the one that it cannot, see [`Process::kill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: end, please.
    Terminate,
    /// SIGINT: as Ctrl-C does.
    Interrupt,
    /// SIGHUP: read the configuration again.
    HangUp,
    /// SIGSTOP: stand still, without being asked.
    Stop,
    /// SIGCONT: go on.
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::HangUp => "HUP",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// A running (or ended) child. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    program: String,
    child: Child,
    ended: Option<ExitStatus>,
    output: TempDir,
}

impl Process {
    /// Starts a command with nothing to read and with its output kept. The child stays in the caller's process
    /// group, so that whoever ends a hanging test ends it too.
    pub fn spawn(mut command: Command) -> Result<Self, Error> {
        let program = command.get_program().display().to_string();
        let output = tempfile::tempdir().map_err(Error::system("cannot make a temporary folder"))?;
        let file = |name| File::create(output.path().join(name)).map_err(Error::system("cannot keep output"));
        command.stdin(Stdio::null()).stdout(file("stdout")?).stderr(file("stderr")?);
        match command.spawn() {
            Ok(child) => Ok(Self { program, child, ended: None, output }),
            Err(source) => Err(Error::Start { program, source }),
        }
    }

    /// The operating system's number for it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.output.path().join("stdout"))
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr_file())
    }

    /// Where its standard error is kept; gone with the value.
    pub fn stderr_file(&self) -> PathBuf {
        self.output.path().join("stderr")
    }

    /// How it ended; `None` while it runs.
    pub fn status(&mut self) -> Result<Option<ExitStatus>, Error> {
        if self.ended.is_none() {
            self.ended =
                self.child.try_wait().map_err(Error::system(format!("cannot ask after {}", self.program)))?;
        }
        Ok(self.ended)
    }

    /// Waits for a whole line that contains `text`, in either output, and gives the first one. An end of the process
    /// without such a line is an error.
    pub async fn wait_for_line(&mut self, text: &str, within: Duration) -> Result<String, Error> {
        let find = |output: &str| {
            let whole = output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            whole.into_iter().find(|line| line.contains(text)).map(str::to_owned)
        };
        let look = |process: &Self| find(&process.stderr()).or_else(|| find(&process.stdout()));
        self.until(&format!("a line with {text:?}"), within, look).await
    }

    /// Waits until somebody accepts connections at this port of 127.0.0.1. An end of the process before is an error.
    pub async fn wait_for_port(&mut self, port: u16, within: Duration) -> Result<(), Error> {
        let look = |_: &Self| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(drop);
        self.until(&format!("to accept connections at port {port}"), within, look).await
    }

    /// Waits for its end.
    pub async fn wait(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.status()?;
        self.until("to end", within, |process| process.ended).await
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub async fn terminate(&mut self, within: Duration) -> Result<ExitStatus, Error> {
        self.signal(Signal::Terminate)?;
        self.wait(within).await
    }

    /// Sends a signal. One that has ended already gets none, which is no error.
    pub fn signal(&mut self, signal: Signal) -> Result<(), Error> {
        if self.status()?.is_some() {
            return Ok(());
        }
        // The number is still the child's: until `status` has seen its end, nobody else can get it.
        send(signal.name(), &[self.id()])
    }

    /// Ends it at once, as `kill -9` does, and waits until it has ended. Its own children live on.
    pub fn kill(&mut self) -> Result<(), Error> {
        if self.status()?.is_none() {
            let ended = self.child.kill().and_then(|()| self.child.wait());
            self.ended = Some(ended.map_err(Error::system(format!("cannot kill {}", self.program)))?);
        }
        Ok(())
    }

    async fn until<T>(
        &mut self,
        awaited: &str,
        within: Duration,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + within;
        loop {
            // Asked before looking, so that what it wrote last is seen.
            let ended = self.status()?;
            if let Some(found) = look(self) {
                return Ok(found);
            }
            let (program, awaited) = (self.program.clone(), awaited.to_owned());
            if let Some(status) = ended {
                return Err(Error::Ended { program, status, awaited, output: self.last_lines() });
            }
            if Instant::now() >= deadline {
                return Err(Error::TooSlow { program, within, awaited, output: self.last_lines() });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn last_lines(&self) -> String {
        let all = self.stdout() + &self.stderr();
        let lines: Vec<&str> = all.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = self.kill();
    }
}

/// Sends a signal to processes, if any. The shell has `kill` built in, where the program may not be installed.
pub(crate) fn send(signal: &str, processes: &[u32]) -> Result<(), Error> {
    if processes.is_empty() {
        return Ok(());
    }
    let script = r#"kill -s "$0" "$@""#;
    let mut shell = Command::new("sh");
    shell.args([OsStr::new("-c"), OsStr::new(script), OsStr::new(signal)]);
    shell.args(processes.iter().map(u32::to_string)).stdin(Stdio::null()).stderr(Stdio::null());
    shell.status().map(drop).map_err(Error::system(format!("cannot send SIG{signal}")))
}

fn read(file: &Path) -> String {
    std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(200);

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::spawn(command).unwrap()
    }

    fn alive(id: u32) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }

    #[tokio::test]
    async fn lines_of_both_outputs_are_found() {
        let mut process = shell("echo starting; echo listening on 7 >&2; exec sleep 60");
        assert_eq!(process.wait_for_line("listening", LONG).await.unwrap(), "listening on 7");
        assert_eq!(process.wait_for_line("start", LONG).await.unwrap(), "starting");
        assert_eq!(
            (process.stdout().as_str(), process.stderr().as_str()),
            ("starting\n", "listening on 7\n")
        );
    }

    #[tokio::test]
    async fn half_a_line_is_not_a_line() {
        let mut process = shell("printf 'port 12'; exec sleep 60");
        assert!(matches!(process.wait_for_line("port", SHORT).await, Err(Error::TooSlow { .. })));
    }

    #[tokio::test]
    async fn an_early_end_is_told_with_the_output() {
        let mut process = shell("echo no such file >&2; exit 3");
        let error = process.wait_for_line("ready", LONG).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such file"), "{error}");
        assert_eq!(process.wait(LONG).await.unwrap().code(), Some(3));
    }

    #[tokio::test]
    async fn a_deadline_ends_the_waiting() {
        let mut process = shell("exec sleep 60");
        let error = process.wait(SHORT).await.unwrap_err().to_string();
        assert!(error.starts_with("sh took longer than 200ms for: to end"), "{error}");
        assert!(process.status().unwrap().is_none(), "and the process runs on");
    }

    #[tokio::test]
    async fn a_port_is_waited_for() {
        let port = crate::free_port().unwrap();
        let mut process = shell("exec sleep 60");
        assert!(matches!(process.wait_for_port(port, SHORT).await, Err(Error::TooSlow { .. })));
        let _listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        process.wait_for_port(port, LONG).await.unwrap();
    }

    #[tokio::test]
    async fn a_program_can_answer_a_signal_but_not_a_kill() {
        let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
        let mut polite = shell(script);
        polite.wait_for_line("ready", LONG).await.unwrap();
        assert!(polite.terminate(LONG).await.unwrap().success());
        assert_eq!(polite.stdout(), "ready\nbye\n");
        polite.signal(Signal::Terminate).unwrap();

        let mut killed = shell(script);
        killed.wait_for_line("ready", LONG).await.unwrap();
        killed.kill().unwrap();
        assert_eq!(killed.status().unwrap().unwrap().code(), None);
        assert_eq!(killed.stdout(), "ready\n");
    }

    #[tokio::test]
    async fn a_stopped_process_does_nothing_until_it_goes_on() {
        let mut process = shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.02; done");
        process.wait_for_line("ready", LONG).await.unwrap();
        process.signal(Signal::Stop).unwrap();
        process.signal(Signal::Terminate).unwrap();
        assert!(process.wait(SHORT).await.is_err());
        process.signal(Signal::Continue).unwrap();
        assert_eq!(process.wait(LONG).await.unwrap().code(), Some(7));
    }

    #[tokio::test]
    async fn dropping_ends_it() {
        let process = shell("exec sleep 60");
        let (id, output) = (process.id(), process.stderr_file());
        assert!(alive(id) && output.exists());
        drop(process);
        assert!(!alive(id) && !output.exists());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Process::spawn(Command::new("no-program-has-this-name")).unwrap_err().to_string();
        assert!(error.starts_with("cannot start no-program-has-this-name: "), "{error}");
    }
}
