//! One of the processes: how it is started, killed and started again.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use leasehold_testkit::{Process, free_port};
use tokio::time::sleep;

use super::{PATIENCE, ended};
use crate::binary::leasehold;

/// What private keys at rest are sealed with.
const MASTER_KEY: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

/// A process, and what it is started with.
pub(super) struct Part {
    name: &'static str,
    folder: PathBuf,
    port: u16,
    words: Vec<String>,
    settings: Vec<(String, String)>,
    process: Option<Process>,
}

impl Part {
    /// A service with a certificate of its own.
    pub(super) fn new(folder: &Path, name: &'static str, port: u16, settings: &[(&str, &str)]) -> Self {
        let flag = if name == "sync" { "--sync-listen" } else { "--listen" };
        let words = ["serve", name, flag, &format!("127.0.0.1:{port}")].map(str::to_owned).to_vec();
        let settings = settings.iter().map(|(key, value)| (*key, (*value).to_owned()));
        Self::of(folder, name, port, words, settings.chain(papers(name)))
    }

    /// A gateway with the certificate of this name.
    pub(super) fn gateway(folder: &Path, papers_of: &str, settings: &[(&str, &str)]) -> Self {
        let port = free_port().unwrap();
        let listen = format!("127.0.0.1:{port}");
        let words = ["serve", "gateway", "--gateway-listen", &listen].map(str::to_owned).to_vec();
        let settings = settings.iter().map(|(key, value)| (*key, (*value).to_owned()));
        Self::of(folder, "gateway", port, words, settings.chain(papers(papers_of)))
    }

    /// The vendor's side, which anybody on this machine can call.
    pub(super) fn back_office(folder: &Path, port: u16, database: &str) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let words = ["vendor", "serve", "--database-url", database, "--listen", &listen];
        Self::of(folder, "back office", port, words.map(str::to_owned).to_vec(), [])
    }

    fn of<'a>(
        folder: &Path,
        name: &'static str,
        port: u16,
        words: Vec<String>,
        settings: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let variable = |key: &str| format!("LEASEHOLD__{}", key.to_uppercase().replace('.', "__"));
        let settings = settings.into_iter().map(|(key, value)| (variable(key), value)).collect();
        Self { name, folder: folder.to_owned(), port, words, settings, process: None }
    }

    /// Makes the vendor, which licence servers reach at this address.
    pub(super) async fn set_up(&self, address: &str) {
        let database = &self.words[3];
        let words = ["vendor", "init", "--dir", "vendor", "--vendor-id", "example", "--name", "Example"];
        let words = [words.as_slice(), &["--address", address, "--database-url", database]].concat();
        let output = run(&self.folder, &words).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts the process, and waits for nothing.
    pub(super) fn begin(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let mut command = command(&self.folder);
        command.args(&self.words).envs(self.settings.iter().map(|(name, value)| (name, value)));
        self.process = Some(Process::spawn(command).unwrap());
    }

    /// Waits until it takes connections.
    pub(super) async fn ready(&mut self) {
        let process = self.process.as_mut().expect("it was started");
        let start = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err()
            || !process.stderr().contains("is ready")
        {
            if let Some(words) = ended(process) {
                panic!("{} has ended: {words}", self.name);
            }
            assert!(start.elapsed() < PATIENCE, "{} does not begin: {}", self.name, process.stderr());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the process as `kill -9` does.
    pub(super) fn kill(&mut self) {
        self.process.take().expect("it runs").kill().unwrap();
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        self.process.as_ref().map(Process::stderr).unwrap_or_default()
    }
}

/// The settings by which a service has the certificate of this name.
fn papers(name: &str) -> [(&'static str, String); 3] {
    [
        ("tls.certificate", format!("tls/{name}.pem")),
        ("tls.key", format!("tls/{name}-key.pem")),
        ("tls.client_ca", "tls/ca.pem".to_owned()),
    ]
}

/// Runs a command to its end.
pub(super) async fn run<S: AsRef<OsStr>>(folder: &Path, words: &[S]) -> Output {
    let mut command = command(folder);
    command.args(words);
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(leasehold());
    // What the machine has set must not change what is tested.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"))
    {
        command.env_remove(name);
    }
    // One port cannot be everybody's.
    command
        .env("LEASEHOLD__ADMIN__LISTEN", "")
        .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0")
        .env("LEASEHOLD_MASTER_KEY", MASTER_KEY);
    command.current_dir(folder);
    command
}
