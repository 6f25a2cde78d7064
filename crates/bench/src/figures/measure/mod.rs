//! The measurements: what each figure runs, in which order, and what is checked before its number counts.
//!
//! Ours runs between two runs of theirs, so that a machine that slows down or speeds up moves both.

mod checkouts;
mod grown;
mod latency;
mod memory;
mod start;
mod transport;

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

pub(super) use checkouts::{embedded, hot, spread};
pub(super) use grown::grown;
pub(super) use latency::latency;
pub(super) use memory::memory;
pub(super) use start::start;
pub(super) use transport::{check_outs, many_heartbeats, single_heartbeats};

use super::cpu::Cpu;
use super::product::{Product, Program, Site};
use super::table::Figure;
use crate::load::{self, Caller, Load, Outcome};
use crate::servers::Servers;
use crate::tell;

/// Clients of the figures with many.
const CLIENTS: usize = 64;
/// Where more clients make larger batches.
const MANY_CLIENTS: usize = 512;
const CONNECTIONS: usize = 8;
/// Unmeasured seconds before each kind of load.
const WARM_UP: u64 = 2;
/// The product's database, where it has but one.
const DATABASE: &str = "leasehold";

/// What every measurement works with.
pub(super) struct Setting {
    pub(super) program: Program,
    pub(super) seconds: u64,
}

/// Figures, and lines that belong below the table.
pub(super) struct Measured {
    pub(super) figures: Vec<Figure>,
    pub(super) notes: Vec<String>,
}

impl Setting {
    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// A server and the connections of its clients.
struct Bench<'a> {
    servers: &'a Servers,
    /// The product's database; `None` is a data directory.
    database: Option<&'static str>,
    site: Site,
    product: Product,
    load: Load,
}

/// A run, and who used the machine meanwhile.
struct Watched {
    outcome: Outcome,
    cpu: String,
}

impl<'a> Bench<'a> {
    /// On Postgres and Redis.
    async fn on(
        setting: &Setting,
        servers: &'a Servers,
        database: &'static str,
        features: usize,
    ) -> Result<Self, String> {
        let site = setting.program.on(servers, database, features).await?;
        Self::start(servers, Some(database), site).await
    }

    /// On a data directory, on the disk that Postgres writes to.
    async fn embedded(setting: &Setting, servers: &'a Servers) -> Result<Self, String> {
        let site = setting.program.embedded(1).await?;
        same_disk(servers.postgres.socket_dir(), site.folder())?;
        Self::start(servers, None, site).await
    }

    async fn start(servers: &'a Servers, database: Option<&'static str>, site: Site) -> Result<Self, String> {
        let mut product = site.serve()?;
        product.ready().await?;
        let load = Load::connect(product.address(), CONNECTIONS, site.features()).await?;
        Ok(Self { servers, database, site, product, load })
    }

    /// Lets clients call for so long and watches the machine.
    async fn run(&self, clients: Vec<impl Caller>, length: Duration) -> Result<Watched, String> {
        tell(&format!("ours: {} clients, {length:?}", clients.len()));
        let mut programs = vec![("server", self.product.id())];
        if self.database.is_some() {
            programs.push(("Postgres", self.servers.postgres_id()?));
            programs.push(("Redis", self.servers.redis.id()));
        }
        let cpu = Cpu::start(programs);
        let outcome = load::run(clients, length).await?;
        let cpu = cpu.stop(outcome.answered);
        Ok(Watched { outcome, cpu })
    }

    /// Checkouts of so many clients, before anything is measured.
    async fn warm_up(&self, clients: usize) -> Result<(), String> {
        load::run(self.load.check_outs(clients), Duration::from_secs(WARM_UP)).await.map(drop)
    }

    /// Compares what clients were told with what the server says and what the database holds, and stops the server.
    async fn finish(self, out: u64) -> Result<(), String> {
        self.product.check(out).await?;
        if let Some(database) = self.database {
            let books =
                "select (select count(*) from licensing.grants), (select sum(used) from licensing.cells)";
            let found = self.servers.ask(database, books)?;
            if found != format!("{out}|{out}") {
                return Err(format!("the database has {found} as grants and counts out, not {out}"));
            }
        }
        // Connections of the load would keep the server from draining at once.
        drop(self.load);
        self.product.stop().await
    }
}

fn same_disk(theirs: &Path, ours: &Path) -> Result<(), String> {
    let disk = |folder: &Path| folder.metadata().map(|data| data.dev());
    match (disk(theirs), disk(ours)) {
        (Ok(theirs), Ok(ours)) if theirs == ours => Ok(()),
        (Ok(_), Ok(_)) => Err("PostgreSQL and the server write to different disks; set TMPDIR".to_owned()),
        (Err(error), _) | (_, Err(error)) => Err(format!("the disk cannot be found out: {error}")),
    }
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1_000.0
}

/// So many percent of a run's calls took at most so many milliseconds.
fn percentile(outcome: &Outcome, percent: usize) -> f64 {
    outcome.latencies.percentile(percent).map_or(f64::NAN, millis)
}
