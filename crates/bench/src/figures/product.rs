//! The server under measurement: the real program in a process of its own, on a data directory or a database of its
//! own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use leasehold::SystemClock;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{self, Vendor};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::types::v1 as types;
use leasehold_testkit::{Process, free_port};
use tempfile::TempDir;

use crate::load::endpoint;
use crate::servers::Servers;

/// More of each feature than any run checks out.
const OWNED: i64 = 1_000_000_000;
/// How long starting and stopping may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);
/// What private keys at rest are sealed with.
const MASTER_KEY: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";

/// The server's program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// The one at `path`, else the one that was built beside this program.
    pub(super) fn find(path: Option<&Path>) -> Result<Self, String> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => std::env::current_exe()
                .map_err(|error| format!("where this program is cannot be found out: {error}"))?
                .with_file_name("leasehold"),
        };
        if path.is_file() {
            // Started from other folders than this one.
            return Ok(Self { path: path.canonicalize().unwrap_or(path) });
        }
        let profile = if cfg!(debug_assertions) { "" } else { " --profile dist" };
        Err(format!(
            "the server's program is not at {}; build it with `cargo build{profile} --package leasehold`, or say \
             where it is with --leasehold PATH",
            path.display()
        ))
    }

    /// What it calls itself.
    pub(super) fn version(&self) -> Result<String, String> {
        let output = Command::new(&self.path).arg("--version").output();
        let output = output.map_err(|error| format!("{} cannot be started: {error}", self.path.display()))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A fresh data directory, in which so many features are owned.
    pub(super) async fn embedded(&self, features: usize) -> Result<Site, String> {
        let site = self.site(features, None)?;
        let mut init = site.spawn(&["init", "--data-dir", "data"])?;
        let status = init.wait(PATIENCE).await.map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("`leasehold init` ended with {status}:\n{}{}", init.stdout(), init.stderr()));
        }
        site.supply().await?;
        Ok(site)
    }

    /// A fresh database of this name, in which so many features are owned, with leases in Redis.
    pub(super) async fn on(
        &self,
        servers: &Servers,
        database: &str,
        features: usize,
    ) -> Result<Site, String> {
        let urls = [servers.make_database(database)?, servers.redis.url()];
        let site = self.site(features, Some(urls))?;
        site.supply().await?;
        Ok(site)
    }

    fn site(&self, features: usize, urls: Option<[String; 2]>) -> Result<Site, String> {
        let folder =
            TempDir::with_prefix("leasehold-").map_err(|error| format!("no temporary folder: {error}"))?;
        let features: Vec<String> = (1..=features).map(|number| format!("bench-{number}")).collect();
        Ok(Site { program: self.clone(), folder, features, urls })
    }
}

/// What servers can be started on, one after the other.
pub(super) struct Site {
    program: Program,
    folder: TempDir,
    features: Vec<String>,
    /// Of Postgres and Redis; `None` is a data directory.
    urls: Option<[String; 2]>,
}

impl Site {
    /// The disk that an embedded one writes to.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What is owned.
    pub(super) fn features(&self) -> &[String] {
        &self.features
    }

    /// Starts a server and does not wait for it.
    pub(super) fn serve(&self) -> Result<Product, String> {
        let port = free_port().map_err(|error| error.to_string())?;
        let sync = free_port().map_err(|error| error.to_string())?;
        let [address, sync] = [port, sync].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let (listen, sync_listen) = (address.to_string(), sync.to_string());
        let mut words = vec!["serve", "all", "--listen", &listen, "--sync-listen", &sync_listen];
        match &self.urls {
            None => words.extend(["--data-dir", "data"]),
            Some([postgres, redis]) => words.extend(["--database-url", postgres, "--redis-url", redis]),
        }
        let process = self.spawn(&words)?;
        Ok(Product { process, address, sync })
    }

    /// Lets a vendor give the server its features.
    async fn supply(&self) -> Result<(), String> {
        let items = self.features.iter().map(|feature| {
            serde_json::json!({"id": format!("L-{feature}"), "feature": feature, "version": "1.0", "count": OWNED})
        });
        let estate = serde_json::json!({"line_items": items.collect::<Vec<_>>()});
        let estate = EstateFile::from_scenario(&estate).map_err(|error| error.to_string())?;
        let mut product = self.serve()?;
        product.ready().await?;
        let mut vendor =
            Vendor::open(Arc::new(SystemClock::new())).await.map_err(|error| error.to_string())?;
        let way = vendor::Site::at(product.address, product.sync);
        vendor.supply(&way, &estate).await.map_err(|error| error.to_string())?;
        product.stop().await
    }

    fn spawn(&self, words: &[&str]) -> Result<Process, String> {
        let mut command = Command::new(&self.program.path);
        command.args(words);
        // Settings of whoever runs the bench are not what is measured.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LEASEHOLD_") {
                command.env_remove(name);
            }
        }
        // Health and metrics are on, where they meet nobody else's.
        command
            .env("LEASEHOLD__ADMIN__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__LISTEN", "127.0.0.1:0")
            .env("LEASEHOLD__UPDATES__HTTP_LISTEN", "127.0.0.1:0");
        if self.urls.is_some() {
            command.env("LEASEHOLD_MASTER_KEY", MASTER_KEY);
        }
        command.current_dir(self.folder.path());
        Process::spawn(command).map_err(|error| error.to_string())
    }
}

/// A running server.
pub(super) struct Product {
    process: Process,
    address: SocketAddr,
    sync: SocketAddr,
}

impl Product {
    /// Where it serves, or soon will.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The operating system's number for it.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it takes connections.
    pub(super) async fn ready(&mut self) -> Result<(), String> {
        self.process.wait_for_port(self.address.port(), PATIENCE).await.map_err(|error| error.to_string())
    }

    /// An error if it has ended, with its last words.
    pub(super) fn still_runs(&mut self) -> Result<(), String> {
        match self.process.status().map_err(|error| error.to_string())? {
            None => Ok(()),
            Some(status) => Err(format!(
                "the server ended with {status}:\n{}{}",
                self.process.stdout(),
                self.process.stderr()
            )),
        }
    }

    /// Whether so many grants of one count each are out, and the counters say so too.
    pub(super) async fn check(&self, granted: u64) -> Result<(), String> {
        let channel = endpoint(self.address)?.connect().await.map_err(|error| error.to_string())?;
        let mut admin = LicensingAdminServiceClient::new(channel);
        let failed = |status: tonic::Status| format!("the outcome cannot be checked: {status}");
        // All in one page: more features than that are never owned here.
        let page = Some(types::PageRequest { page_size: 500, ..Default::default() });
        let request = pb::ListFeaturesRequest { page, ..Default::default() };
        let features = admin.list_features(request).await.map_err(failed)?.into_inner().features;
        let used: i64 = features.iter().map(|feature| feature.used).sum();
        let grants = admin.list_grants(pb::ListGrantsRequest::default()).await.map_err(failed)?.into_inner();
        let grants = grants.page.map_or(0, |page| page.total);
        balance(used, grants, granted)
    }

    /// Stops it in order.
    pub(super) async fn stop(mut self) -> Result<(), String> {
        let status = self.process.terminate(PATIENCE).await.map_err(|error| error.to_string())?;
        if status.success() {
            return Ok(());
        }
        Err(format!("the server did not stop in order ({status}):\n{}", self.process.stderr()))
    }
}

/// Counts out, and grants of one count each, must both be what clients were told.
fn balance(used: i64, grants: i64, granted: u64) -> Result<(), String> {
    if u64::try_from(used) == Ok(granted) && u64::try_from(grants) == Ok(granted) {
        return Ok(());
    }
    Err(format!("the server counts {used} out and lists {grants} grants after {granted} checkouts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_told_with_how_to_build_it() {
        let error = Program::find(Some(Path::new("/no/such/leasehold"))).unwrap_err();
        assert!(error.contains("/no/such/leasehold; build it with `cargo build"), "{error}");
        assert!(error.contains("--leasehold PATH"), "{error}");
    }

    #[test]
    fn a_lost_or_extra_grant_is_seen() {
        assert!(balance(7, 7, 7).is_ok());
        for (used, grants) in [(6, 7), (7, 6), (8, 8), (-7, 7)] {
            let error = balance(used, grants, 7).unwrap_err();
            assert!(error.contains("after 7 checkouts"), "{error}");
        }
    }
}
