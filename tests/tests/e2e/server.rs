//! The real server: its data directory, its process and the way to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasehold::SystemClock;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site, Supplied, Vendor};
use leasehold_testkit::{Process, free_port};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::binary::leasehold;
use crate::calls::{Admin, Licensing};

const PATIENCE: Duration = Duration::from_mins(1);

/// A data directory with an estate, and the server on it while there is one.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    sync_port: u16,
    vendor: Vendor,
    supplied: Option<Supplied>,
    settings: Vec<(String, String)>,
    process: Option<Process>,
}

impl Server {
    /// A server with this estate, ready for calls. `settings` are keys such as `licensing.lease_ttl`.
    pub(crate) async fn start(estate: &Value, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let (port, sync_port) = (free_port().unwrap(), free_port().unwrap());
        let vendor = Vendor::open(Arc::new(SystemClock::new())).await.unwrap();
        let mut server = Self { folder, port, sync_port, vendor, supplied: None, settings, process: None };
        let mut init = Process::spawn(server.command(&["init", "--data-dir", "data"])).unwrap();
        let status = init.wait(PATIENCE).await.unwrap();
        assert!(status.success(), "leasehold init: {status}\n{}", init.stderr());
        server.serve().await;
        let estate = EstateFile::from_scenario(estate).unwrap();
        server.supplied = Some(server.vendor.supply(&server.site(), &estate).await.unwrap());
        server
    }

    /// Starts the process on the same data and port, and waits until it answers.
    pub(crate) async fn serve(&mut self) {
        self.serve_with(&[]).await;
    }

    /// The same with these flags besides.
    pub(crate) async fn serve_with(&mut self, flags: &[&str]) {
        assert!(self.process.is_none(), "the server runs already");
        let [listen, sync] = [self.port, self.sync_port].map(|port| format!("127.0.0.1:{port}"));
        let mut command =
            self.command(&["serve", "--data-dir", "data", "--listen", &listen, "--sync-listen", &sync]);
        command.args(flags);
        let mut process = Process::spawn(command).unwrap();
        process.wait_for_port(self.port, PATIENCE).await.unwrap();
        let start = Instant::now();
        while !self.is_healthy().await {
            assert!(process.status().unwrap().is_none(), "the server ended: {}", process.stderr());
            assert!(start.elapsed() < PATIENCE, "it is not healthy\n{}", process.stderr());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.process = Some(process);
    }

    /// Whether every service says that it can be used.
    async fn is_healthy(&self) -> bool {
        for port in [self.port, self.sync_port] {
            let answer = HealthClient::new(channel(port)).check(HealthCheckRequest::default()).await;
            if !answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving) {
                return false;
            }
        }
        true
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("the server runs").kill().unwrap();
    }

    /// Asks the process to end, and says how long it took. It must end well.
    pub(crate) async fn stop(&mut self) -> Duration {
        let mut process = self.process.take().expect("the server runs");
        let start = Instant::now();
        let status = process.terminate(PATIENCE).await.unwrap();
        let took = start.elapsed();
        assert!(status.success(), "{status}\n{}", process.stderr());
        took
    }

    /// What the process has logged so far.
    pub(crate) fn log(&self) -> String {
        self.process.as_ref().map(Process::stderr).unwrap_or_default()
    }

    /// The address, `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A connection of its own, made when it is first used and made again when it is lost.
    pub(crate) fn channel(&self) -> Channel {
        channel(self.port)
    }

    /// The port, the same for every process on this data.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A client for what licence holders call.
    pub(crate) fn licensing(&self) -> Licensing {
        Licensing::new(self.channel())
    }

    /// A client for what administrators call.
    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.channel())
    }

    /// Runs a command against the server, which must succeed, and gives what it prints.
    pub(crate) async fn leasehold(&self, words: &[&str]) -> String {
        let address = self.address();
        let mut command = self.command(&[words, &["--server", &address]].concat());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Lets the vendor replace the line items of the server, which has to run.
    pub(crate) async fn change_estate(&mut self, estate: &Value) {
        let (site, estate) = (self.site(), EstateFile::from_scenario(estate).unwrap());
        let supplied = self.supplied.as_ref().expect("the server has an estate");
        self.vendor.change(&site, supplied, &estate).await.unwrap();
    }

    /// The root key of its vendor.
    pub(crate) fn vendor_root(&self) -> &str {
        self.vendor.root()
    }

    /// The id that its vendor gave it.
    pub(crate) fn license_server_id(&self) -> &str {
        &self.supplied.as_ref().expect("the server has an estate").license_server_id
    }

    /// The ways to it for its vendor.
    pub(crate) fn site(&self) -> Site {
        Site { licensing: self.channel(), sync: channel(self.sync_port) }
    }

    /// The folder that the server keeps its data in.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(leasehold());
        // What the machine has set must not change what is tested.
        let ambient =
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"));
        for (name, _) in ambient {
            command.env_remove(name);
        }
        // One port cannot be everybody's.
        command
            .env("LEASEHOLD__ADMIN__LISTEN", "")
            .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0");
        for (key, value) in &self.settings {
            command.env(format!("LEASEHOLD__{}", key.to_uppercase().replace('.', "__")), value);
        }
        command.args(words).current_dir(self.folder.path());
        command
    }
}

/// A connection to a port of this machine.
pub(crate) fn channel(port: u16) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("this is a URI");
    endpoint.connect_timeout(Duration::from_secs(5)).connect_lazy()
}

/// Licensing's database file in a data directory.
pub(crate) fn database(data: &Path) -> PathBuf {
    data.join("licensing.db")
}
