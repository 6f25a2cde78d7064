//! One replica: the process of the real binary, its way to its servers, and its wall clock.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use leasehold::vendor::Site;
use leasehold_proto::licensing::v1 as pb;
use leasehold_testkit::{FakeClock, FaultProxy, Process, Signal, free_port};
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use crate::binary::leasehold;
use crate::calls::Admin;
use crate::server::channel;

/// What private keys at rest are sealed with, in every replica.
const MASTER_KEY: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

/// Names a folder in which every replica leaves its log, for whoever looks into a failure.
const LOGS: &str = "LEASEHOLD_TEST_LOGS";

/// A replica, and its process while there is one.
pub(crate) struct Replica {
    /// The way to the database, where a proxy stands on it.
    pub(crate) to_postgres: Option<FaultProxy>,
    /// The way to the lease store, where a proxy stands on it.
    pub(crate) to_redis: Option<FaultProxy>,
    folder: PathBuf,
    port: u16,
    sync_port: u16,
    environment: Vec<(String, String)>,
    process: Option<Process>,
}

impl Replica {
    pub(super) fn new(folder: &Path, number: usize, settings: &[(&str, &str)]) -> Self {
        let mut replica = Self {
            to_postgres: None,
            to_redis: None,
            folder: folder.to_owned(),
            port: free_port().unwrap(),
            sync_port: free_port().unwrap(),
            environment: Vec::new(),
            process: None,
        };
        replica.set(settings);
        replica.set(&[("admin.listen", "127.0.0.1:0"), ("security.master_key", MASTER_KEY)]);
        if let Ok(logs) = std::env::var(LOGS) {
            let file = format!("{logs}/{}-{number}.log", std::process::id());
            replica.set(&[("logging.file", &file)]);
        }
        replica
    }

    pub(super) fn set(&mut self, settings: &[(&str, &str)]) {
        let variable = |key: &str| format!("LEASEHOLD__{}", key.to_uppercase().replace('.', "__"));
        self.environment.extend(settings.iter().map(|(key, value)| (variable(key), (*value).to_owned())));
    }

    pub(super) fn clock(&mut self, clock: Option<&FakeClock>) {
        self.environment.extend(clock.map(FakeClock::environment).unwrap_or_default());
    }

    /// Starts the process and waits until it answers.
    pub(crate) async fn serve(&mut self) {
        self.begin();
        self.ready().await;
    }

    /// Starts the process, and waits for nothing.
    pub(crate) fn begin(&mut self) {
        assert!(self.process.is_none(), "the replica runs already");
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
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let [listen, sync] = [self.port, self.sync_port].map(|port| format!("127.0.0.1:{port}"));
        command.args(["serve", "--listen", &listen, "--sync-listen", &sync]);
        command.current_dir(&self.folder);
        self.process = Some(Process::spawn(command).unwrap());
    }

    /// Waits until the process answers.
    pub(crate) async fn ready(&mut self) {
        let process = self.process.as_mut().expect("the replica runs");
        process.wait_for_port(self.port, PATIENCE).await.unwrap();
        let start = Instant::now();
        let mut admin = Admin::new(channel(self.port));
        loop {
            let asked = admin.get_instance(pb::GetInstanceRequest::default());
            match timeout(Duration::from_secs(2), asked).await {
                Ok(Ok(_)) => return,
                other => {
                    assert!(process.status().unwrap().is_none(), "the replica ended: {}", process.stderr());
                    assert!(start.elapsed() < PATIENCE, "{other:?}\n{}", process.stderr());
                }
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the process as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.process.take().expect("the replica runs").kill().unwrap();
    }

    /// Asks the process to end, and says how long it took. It must end well.
    pub(crate) async fn stop(&mut self) -> Duration {
        let mut process = self.process.take().expect("the replica runs");
        let start = Instant::now();
        let status = process.terminate(PATIENCE).await.unwrap();
        assert!(status.success(), "{status}\n{}", process.stderr());
        start.elapsed()
    }

    /// Lets the process stand still for so long.
    pub(crate) async fn stand_still(&mut self, time: Duration) {
        let process = self.process.as_mut().expect("the replica runs");
        process.signal(Signal::Stop).unwrap();
        sleep(time).await;
        process.signal(Signal::Continue).unwrap();
    }

    /// Whether there is a process.
    pub(crate) fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// The port, the same for every process of this replica.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The ways to it for its vendor.
    pub(super) fn site(&self) -> Site {
        Site { licensing: channel(self.port), sync: channel(self.sync_port) }
    }
}
