//! A Redis server of one's own: the installed program, a temporary folder, a free port, nothing kept on disk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, Signal};
use crate::resp::ask;
use crate::{Error, FakeClock, free_port};

/// How long starting and stopping may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
const READY: &str = "Ready to accept connections";
const PORT_TAKEN: &str = "Address already in use";
/// A port found free can be taken by somebody else before the server has it.
const PORTS_TRIED: usize = 5;
const PROGRAM: &str = "redis-server";
/// Where packages put servers that are not on everybody's PATH.
const USUAL: &[&str] = &["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/homebrew/bin"];

/// A server for one test. Whoever is on this machine may connect. Dropping it ends the server.
#[derive(Debug)]
pub struct Redis {
    // Before the folder: fields are dropped in order, and the server ends first.
    server: Process,
    folder: TempDir,
    setup: Setup,
    port: u16,
}

/// What a server is started with, again and again.
#[derive(Debug)]
struct Setup {
    program: PathBuf,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Redis {
    /// Makes a new, empty server and waits until it takes connections.
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(&[], None).await
    }

    /// The same with settings of `redis.conf`, which overrule the ones that it has from here, and by a clock that can
    /// be stepped.
    pub async fn start_with(settings: &[(&str, &str)], clock: Option<&FakeClock>) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("redis-").tempdir();
        let folder = folder.map_err(Error::system("cannot make a temporary folder"))?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let setup = Setup {
            program: find()?,
            settings: settings.iter().map(owned).collect(),
            environment: clock.map(FakeClock::environment).unwrap_or_default(),
        };
        let mut tried = 1;
        loop {
            let port = free_port()?;
            match setup.start_server(folder.path(), port).await {
                Ok(server) => return Ok(Self { server, folder, setup, port }),
                Err(Error::Ended { output, .. }) if output.contains(PORT_TAKEN) && tried < PORTS_TRIED => {
                    tried += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Where a client connects: `redis://127.0.0.1:PORT`. The same after [`Self::start_again`].
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Its TCP port at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The operating system's number for it.
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// Sends one command and gives its answer as text: a line for each element of a list, nothing for a missing value.
    /// An error that the server answers is an error.
    pub async fn ask(&self, command: &[&str]) -> Result<String, Error> {
        ask(self.port, command).await
    }

    /// Removes everything that it holds.
    pub async fn flush(&self) -> Result<(), Error> {
        self.ask(&["FLUSHALL"]).await.map(drop)
    }

    /// Keeps it from answering any command for so long. It still takes connections.
    pub async fn block(&self, duration: Duration) -> Result<(), Error> {
        self.ask(&["CLIENT", "PAUSE", &duration.as_millis().to_string(), "ALL"]).await.map(drop)
    }

    /// Lets it stand still: the machine goes on taking connections for it.
    pub fn pause(&mut self) -> Result<(), Error> {
        self.server.signal(Signal::Stop)
    }

    /// Lets it go on.
    pub fn resume(&mut self) -> Result<(), Error> {
        self.server.signal(Signal::Continue)
    }

    /// Ends it at once, as `kill -9` does. Everything that it held is gone.
    pub fn kill(&mut self) -> Result<(), Error> {
        self.server.kill()
    }

    /// Stops it in order. Everything that it held is gone.
    pub async fn stop(&mut self) -> Result<(), Error> {
        self.server.terminate(PATIENCE).await.map(drop)
    }

    /// Starts an empty server at the same port. One that runs is killed first.
    pub async fn start_again(&mut self) -> Result<(), Error> {
        self.kill()?;
        self.server = self.setup.start_server(self.folder.path(), self.port).await?;
        Ok(())
    }
}

impl Setup {
    async fn start_server(&self, folder: &Path, port: u16) -> Result<Process, Error> {
        let mut command = Command::new(&self.program);
        let mut set = |name: &str, value: &str| {
            command.arg(format!("--{name}")).arg(value);
        };
        set("port", &port.to_string());
        set("bind", "127.0.0.1");
        set("protected-mode", "yes");
        set("save", "");
        set("appendonly", "no");
        set("dir", &folder.to_string_lossy());
        for (name, value) in &self.settings {
            set(name, value);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut server = Process::spawn(command)?;
        server.wait_for_line(READY, PATIENCE).await?;
        Ok(server)
    }
}

fn find() -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = std::env::split_paths(&path).chain(USUAL.iter().map(PathBuf::from));
    let found = folders.find_map(|folder| Some(folder.join(PROGRAM)).filter(|program| program.is_file()));
    found.ok_or(Error::RedisNotInstalled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn what_it_held_is_gone_after_a_kill_a_stop_or_a_flush() {
        let mut redis = Redis::start().await.unwrap();
        let (url, first) = (redis.url(), redis.id());
        for empty in ["flush", "kill", "stop"] {
            redis.ask(&["SET", "a key", "a value"]).await.unwrap();
            assert_eq!(redis.ask(&["GET", "a key"]).await.unwrap(), "a value");
            match empty {
                "flush" => redis.flush().await.unwrap(),
                "kill" => redis.kill().unwrap(),
                _ => redis.stop().await.unwrap(),
            }
            if empty != "flush" {
                assert!(redis.ask(&["PING"]).await.is_err(), "nobody is there after {empty}");
                redis.start_again().await.unwrap();
            }
            assert_eq!(redis.ask(&["GET", "a key"]).await.unwrap(), "", "after {empty}");
        }
        assert_eq!(redis.url(), url);
        assert_ne!(redis.id(), first);
    }

    #[tokio::test]
    async fn nothing_is_kept_on_disk() {
        let redis = Redis::start_with(&[("maxmemory", "64mb")], None).await.unwrap();
        assert_eq!(redis.ask(&["CONFIG", "GET", "maxmemory"]).await.unwrap(), "maxmemory\n67108864");
        assert_eq!(redis.ask(&["CONFIG", "GET", "appendonly"]).await.unwrap(), "appendonly\nno");
        assert_eq!(redis.ask(&["CONFIG", "GET", "save"]).await.unwrap().trim(), "save");
        let folder = redis.folder.path().to_owned();
        assert!(folder.exists());
        drop(redis);
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn one_that_stands_still_answers_when_it_goes_on() {
        let mut redis = Redis::start().await.unwrap();
        redis.pause().unwrap();
        assert!(tokio::time::timeout(SHORT, redis.ask(&["PING"])).await.is_err(), "no answer");
        redis.resume().unwrap();
        assert_eq!(redis.ask(&["PING"]).await.unwrap(), "PONG");
        redis.block(SHORT * 2).await.unwrap();
        assert!(tokio::time::timeout(SHORT, redis.ask(&["PING"])).await.is_err(), "no answer");
        assert_eq!(redis.ask(&["PING"]).await.unwrap(), "PONG");
    }

    #[tokio::test]
    async fn its_errors_are_told() {
        let redis = Redis::start().await.unwrap();
        let error = redis.ask(&["NO-SUCH-COMMAND"]).await.unwrap_err().to_string();
        assert!(error.contains("unknown command"), "{error}");
        let error = Redis::start_with(&[("no-such-setting", "1")], None).await.unwrap_err().to_string();
        assert!(error.contains("no-such-setting"), "{error}");
    }
}
