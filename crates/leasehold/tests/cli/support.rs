//! A working directory of its own, commands in it, and a server that ends with the test.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use leasehold::SystemClock;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site, Vendor};
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use leasehold_proto::sync::v1::{GetIdentityRequest, SyncStatus};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Longer than anything here takes; reaching it is a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two features: one scarce, partly set aside and with the shortest lease, and one without a count.
pub(crate) const ESTATE: &str = r#"{
  "line_items": [
    {"id": "L1", "feature": "Export", "version": "2.0", "count": 2, "overdraft": 1, "lease_ttl": "10s",
     "expires_at": "2099-12-31T23:59:59Z"},
    {"id": "L2", "feature": "Print", "version": "1.0"}
  ],
  "reservations": [
    {"group": "Night", "hostid": "render-01", "entries": [{"feature": "Export", "count": 1}]}
  ]
}
"#;

/// The setting that lets administrators end grants.
pub(crate) const DROP_ALLOWED: &[(&str, &str)] = &[("LEASEHOLD__LICENSING__ALLOW_DEVICE_DROP", "true")];

/// What a command left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Fails unless the command ended with this exit code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless the command ended with this exit code and an error that has all these parts.
    #[track_caller]
    pub(crate) fn expect_error(self, code: i32, parts: &[&str]) {
        let ended = self.expect(code);
        assert!(ended.stderr.contains("error: "), "{}", ended.stderr);
        for part in parts {
            assert!(ended.stderr.contains(part), "{part:?} is not in {}", ended.stderr);
        }
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// An empty directory in which commands run.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A place after `leasehold init`.
    pub(crate) fn initialised() -> Self {
        let place = Self::new();
        place.leasehold(["init"]).expect(0);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// The program, to be started here, with nothing of the tests' own environment that it reads.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leasehold"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LEASEHOLD_") {
                command.env_remove(name);
            }
        }
        // One port cannot be everybody's.
        command
            .env("LEASEHOLD__ADMIN__LISTEN", "")
            .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__SYNC__LISTEN", "127.0.0.1:0");
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn leasehold<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Ended {
        ended(&mut self.command(args))
    }

    /// Starts a server on any free port, with line items and reservations, and waits until it is ready.
    pub(crate) fn serve(&self, estate: &str) -> Server {
        self.serve_with(estate, &[])
    }

    /// The same with settings from the environment.
    pub(crate) fn serve_with(&self, estate: &str, settings: &[(&str, &str)]) -> Server {
        let mut server = self.serve_alone(settings);
        server.supply(estate);
        server
    }

    /// The same without a vendor.
    pub(crate) fn serve_alone(&self, settings: &[(&str, &str)]) -> Server {
        let mut command = self.command(["serve", "--listen", "127.0.0.1:0"]);
        command.envs(settings.iter().copied());
        Server::start(command)
    }
}

/// Runs a command to its end.
pub(crate) fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command that goes on, and is told to end when the test ends, however it ends.
pub(crate) struct Going(Child);

impl Going {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn send(&self, signal: Signal) {
        send(signal, self.pid());
    }

    /// Waits for its end and returns the exit code, with what it printed.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let status = wait(&mut self.0);
        let mut printed = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        (status.code(), printed)
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            self.send(Signal::TERM);
            let _ = self.0.wait();
        }
    }
}

/// Sends a signal to a process that this test has started.
pub(crate) fn send(signal: Signal, pid: u32) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

#[track_caller]
fn wait(child: &mut Child) -> ExitStatus {
    until("the process ends", || child.try_wait().unwrap())
}

/// Asks again and again until there is an answer.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A server that is killed when the test ends, however it ends.
pub(crate) struct Server {
    child: Child,
    /// Where it serves.
    pub(crate) address: String,
    /// What it has logged and was read so far.
    seen: String,
    lines: Receiver<String>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(command: Command) -> Self {
        Self::start_until(command, "licensing is ready")
    }

    /// Starts a server of whatever kind and waits for this line of its log, which says where it serves.
    pub(crate) fn start_until(mut command: Command, line: &str) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let (address, seen, reader) = (String::new(), String::new(), Some(reader));
        let mut server = Self { child, address, seen, lines, reader };
        let ready = server.line(line);
        ready["address"].as_str().unwrap().clone_into(&mut server.address);
        server
    }

    /// Lets a vendor of its own give it these rights, unless it has some.
    pub(crate) fn supply(&mut self, estate: &str) {
        let estate = EstateFile::parse(estate, "estate.json").unwrap();
        let sync = self.line("sync is ready")["address"].as_str().unwrap().parse().unwrap();
        let licensing = self.address.parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::at(licensing, sync);
            let asked =
                SyncServiceClient::new(site.sync.clone()).get_identity(GetIdentityRequest::default()).await;
            if asked.unwrap().into_inner().status() == SyncStatus::Unenrolled {
                let mut vendor = Vendor::open(Arc::new(SystemClock::new())).await.unwrap();
                vendor.supply(&site, &estate).await.unwrap();
            }
        });
    }

    /// The first line of its log with this message, which is waited for.
    pub(crate) fn line(&mut self, message: &str) -> Value {
        let record = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
        if let Some(found) = self.seen.lines().map(record).find(|line| line["message"] == message) {
            return found;
        }
        loop {
            let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
                panic!("no line {message:?}: {}", self.seen)
            };
            self.seen += &line;
            self.seen.push('\n');
            let record = record(&line);
            if record["message"] == message {
                return record;
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a command that calls this server.
    pub(crate) fn leasehold<I: AsRef<OsStr>>(
        &self,
        place: &Place,
        args: impl IntoIterator<Item = I>,
    ) -> Ended {
        ended(place.command(args).env("LEASEHOLD_SERVER", &self.address))
    }

    /// A list of this server, as JSON.
    pub(crate) fn list(&self, place: &Place, what: &str) -> Vec<Value> {
        let listed = self.leasehold(place, [what, "list", "-o", "json"]).expect(0);
        listed.json()[format!("{what}s")].as_array().unwrap().clone()
    }

    /// Sends a signal, waits for the end, and returns it with the log.
    pub(crate) fn stop(mut self, signal: Signal) -> (ExitStatus, String) {
        send(signal, self.pid());
        let status = wait(&mut self.child);
        self.reader.take().unwrap().join().unwrap();
        let rest = self.lines.try_iter().collect::<Vec<_>>().join("\n");
        (status, std::mem::take(&mut self.seen) + &rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a path is there.
pub(crate) fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}
