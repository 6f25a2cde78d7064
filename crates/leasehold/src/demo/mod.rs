//! A demonstration in one process: a licence server, its vendor, and a small firm whose programs come, work, crash and
//! return, and to which the vendor sends an update. In the end it judges by itself whether the server has kept its promises.
//!
//! The server is the one of `leasehold serve`, wired by [`crate::app`]; programs use the SDK over the network. What they
//! send and hear is noted beside the server, and what it has kept is read past it: `leasehold_promises` compares the two.
//!
//! Not responsible for the command line, nor for what is printed: an [`Audience`] is told.

mod books;
mod counts;
mod database;
mod day;
mod device;
mod error;
mod estate;
mod place;
mod ports;
mod report;
mod repository;
mod seller;
mod server;
mod update;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leasehold_client::InstanceId;
use leasehold_promises::snapshot::Snapshot;
use leasehold_runtime::Clock;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use counts::{Counts, Numbers};
pub use device::Pace;
pub use error::Error;
pub use report::{Finding, PROMISES, Report};
pub use server::{Addresses, Console};
pub use update::UpdateReport;

use crate::app::Observed;
use crate::vendor::Site;
use database::Database;
use device::{Firm, Source, Trusted};
use place::Place;
use report::Evidence;
use seller::Seller;
use server::Started;

/// How a demonstration is run.
pub struct Options {
    /// Devices.
    pub clients: usize,
    /// What decides what they do. The same seed makes the same choices; when each is made is the machine's affair.
    pub seed: u64,
    /// How fast they do it.
    pub pace: Pace,
    /// How long; `None`: until `shutdown`.
    pub duration: Option<Duration>,
    /// Where state is kept.
    pub stores: Stores,
    /// The directory, which the next start may use again; `None`: a temporary one.
    pub data_dir: Option<PathBuf>,
    /// Whether to listen on the usual ports, where they are free.
    pub usual_ports: bool,
    /// What the admin listener shows; without it there is none.
    pub observed: Option<Observed>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Cancelling it ends the demonstration in order.
    pub shutdown: CancellationToken,
}

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stores {
    /// In files, leases in the memory of the process.
    Embedded,
    /// In a Postgres database of the demonstration's own, leases in Redis.
    Postgres {
        /// `postgres://USER@HOST:5432/DATABASE`.
        database_url: String,
        /// `redis://HOST:6379/0`.
        redis_url: String,
    },
}

/// Who watches.
pub trait Audience: Sync {
    /// Everything runs, and clients begin to come.
    fn started(&self, addresses: &Addresses);
    /// How it goes: since when, what clients did, and how many grants are out.
    fn goes_on(&self, since: Duration, numbers: &Numbers, out: u64);
    /// Another code makes the first administrator: the one before is used up or over.
    fn another_code(&self, code: &str);
}

impl Stores {
    /// What a report calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Postgres { .. } => "postgres",
        }
    }
}

/// Runs a demonstration to its end, and judges it.
pub async fn run(options: Options, audience: &dyn Audience) -> Result<Report, Error> {
    let mut place = Place::open(options.data_dir.as_deref())?;
    let database = match &options.stores {
        Stores::Embedded => None,
        Stores::Postgres { database_url, .. } => Some(Database::take(database_url).await?),
    };
    let seller = Seller::start(&mut place, options.usual_ports, Arc::clone(&options.clock)).await?;
    let stage = Stage { place, seller };
    let report = Box::pin(stage.play(options, audience)).await;
    if let Some(database) = database {
        database.leave().await;
    }
    report
}

/// A place with its vendor.
struct Stage {
    place: Place,
    seller: Seller,
}

impl Stage {
    /// Starts the server, lets the day pass, stops everything in order, and judges.
    async fn play(mut self, mut options: Options, audience: &dyn Audience) -> Result<Report, Error> {
        let observed = options.observed.take();
        let clock = Arc::clone(&options.clock);
        let started = server::start(&self.place, &options.stores, options.usual_ports, observed, clock).await;
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                // Why it did not start is what counts.
                let _ = self.seller.stop().await;
                return Err(error);
            }
        };
        let books = started.books.clone();
        let day = self.day(&options, &started, audience).await;
        let stopped = started.running.stop().await;
        let closed = self.seller.stop().await;
        let mut evidence = day?;
        stopped?;
        closed?;
        evidence.after = books.read().await?;
        Ok(evidence.judge())
    }

    /// From the first rights to the last client.
    async fn day(
        &mut self,
        options: &Options,
        started: &Started,
        audience: &dyn Audience,
    ) -> Result<Evidence, Error> {
        let (licensing, sync) = (started.running.licensing_addr(), started.running.sync_addr());
        let updates = started.running.updates_addr();
        let estate = estate::of_a_small_firm(options.clock.now());
        let site = Site::at(licensing, sync);
        let id = self.seller.supply(&mut self.place, &site, &estate).await?;
        let before = started.books.read().await?;
        audience.started(&self.addresses(started, options.usual_ports));
        let trusted = Trusted {
            server: licensing.into(),
            root: self.seller.root(),
            license_server_id: server_id(&id)?,
        };
        let counts = Arc::new(Counts::default());
        let root = self.seller.repository_root().to_vec();
        let (vendor, devices) = (self.place.vendor(), self.place.devices());
        let firm = Firm {
            trusted,
            updates: Source { server: updates.into(), root },
            devices: devices.clone(),
            seed: options.seed,
            pace: options.pace,
            counts: Arc::clone(&counts),
        };
        let start = Instant::now();
        let worked = day::work(options, started, &firm, (&vendor, audience)).await?;
        let (elapsed, numbers) = (start.elapsed(), counts.now());
        let published = if worked.published { repository::published(&vendor).await? } else { Vec::new() };
        let update = update::look(&devices, published, &numbers, updates).await?;
        Ok(Evidence {
            before,
            after: Snapshot::default(),
            histories: worked.histories,
            watched: worked.watched,
            update,
            numbers,
            seed: options.seed,
            stores: options.stores.name(),
            clients: options.clients,
            worked: elapsed,
        })
    }

    fn addresses(&self, started: &Started, usual_ports: bool) -> Addresses {
        let Started { running, admin, console, .. } = started;
        let addresses = Addresses {
            licensing: running.licensing_addr(),
            sync: running.sync_addr(),
            updates: running.updates_addr(),
            mirror: running.updates_http_addr(),
            admin: *admin,
            vendor: self.seller.address(),
            repository: self.seller.repository(),
            console: Some(console.clone()),
            data_dir: self.place.kept().map(|path| path.display().to_string()),
            elsewhere: Vec::new(),
        };
        let elsewhere =
            if usual_ports { addresses.off_the_usual(running.gateway_addr()) } else { Vec::new() };
        Addresses { elsewhere, ..addresses }
    }
}

fn server_id(text: &str) -> Result<InstanceId, Error> {
    let id = text.parse().map_err(|_| Error::Client(format!("the vendor calls the server {text:?}")))?;
    Ok(InstanceId(id))
}
