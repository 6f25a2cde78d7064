//! The measurements: what each figure runs, in which order, and what is checked before its number counts.
//!
//! Ours runs between two runs of theirs, so that a machine that slows down or speeds up moves both.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::machine::{busy_time, processor_time};
use super::peer::Peer;
use super::product::{FEATURE, Product, Program, Site};
use super::table::{Better, Figure};
use crate::load::{Client, Load, Outcome, endpoint};
use crate::tell;

/// Clients of the figures with many.
const CLIENTS: usize = 64;
/// Shown beside them.
const MANY_CLIENTS: usize = 512;
const CONNECTIONS: usize = 8;
/// Unmeasured time before each kind of load.
const WARM_UP: u64 = 2;
/// Starts of which the middle one counts.
const STARTS: usize = 5;
/// How long a start may take before it counts as failed.
const START_PATIENCE: Duration = Duration::from_mins(1);
const RETRY: Duration = Duration::from_millis(1);

/// What every measurement works with.
pub(super) struct Setting {
    pub(super) program: Program,
    pub(super) seconds: u64,
}

/// A figure, and lines that belong below the table.
pub(super) struct Measured {
    pub(super) figure: Figure,
    pub(super) notes: Vec<String>,
}

/// One client's checkouts against one client's transactions: the middle latency.
pub(super) async fn latency(setting: &Setting, peer: &mut Peer) -> Result<Measured, String> {
    let bench = Bench::start(setting, peer, 1, 1).await?;
    let before = peer.run(1, setting.seconds).await?;
    let ours = bench.load.run(1, setting.length()).await?;
    let after = peer.run(1, setting.seconds).await?;
    let middle = |latencies: &crate::load::Latencies| {
        latencies.percentile(50).map(millis).ok_or("a run had not a single call".to_owned())
    };
    let theirs = f64::midpoint(middle(&before.latencies)?, middle(&after.latencies)?);
    let figure = Figure {
        id: "P6",
        work: "one client's checkout, p50, on SQLite",
        ours: middle(&ours.latencies)?,
        theirs: Some(theirs),
        unit: "ms",
        better: Better::Lower,
        must: 3.0,
        goal: 2.0,
    };
    let note = format!(
        "P6: p50 of {} checkouts (p99 {:.3} ms) and of the transactions in pgbench's log; theirs before and after: \
         {:.3} and {:.3} ms. The store is SQLite.",
        ours.granted,
        ours.latencies.percentile(99).map_or(f64::NAN, millis),
        middle(&before.latencies)?,
        middle(&after.latencies)?,
    );
    bench.finish(&[&ours]).await?;
    Ok(Measured { figure, notes: vec![note] })
}

/// Many clients' checkouts of one feature against many clients' transactions on one row: the rates.
pub(super) async fn throughput(setting: &Setting, peer: &mut Peer) -> Result<Measured, String> {
    let bench = Bench::start(setting, peer, CLIENTS, CONNECTIONS).await?;
    let before = peer.run(CLIENTS, setting.seconds).await?;
    let cpu = Cpu::start(bench.product.id());
    let ours = bench.load.run(CLIENTS, setting.length()).await?;
    let cpu = cpu.stop();
    let after = peer.run(CLIENTS, setting.seconds).await?;
    let many = bench.load.run(MANY_CLIENTS, setting.length()).await?;
    let theirs = f64::midpoint(before.rate, after.rate);
    let figure = Figure {
        id: "P12",
        work: "checkouts on SQLite, 64 clients, one hot feature",
        ours: ours.rate(),
        theirs: Some(theirs),
        unit: "1/s",
        better: Better::Higher,
        must: 8.0,
        goal: 20.0,
    };
    let notes = vec![
        format!(
            "P12: {} checkouts, all granted, p50 {:.1} ms, p99 {:.1} ms; theirs before and after: {:.0} and {:.0}/s.{cpu}",
            ours.granted,
            ours.latencies.percentile(50).map_or(f64::NAN, millis),
            ours.latencies.percentile(99).map_or(f64::NAN, millis),
            before.rate,
            after.rate,
        ),
        format!(
            "P12 with {MANY_CLIENTS} clients, for information: {:.0}/s, {:.2} × the transaction with {CLIENTS}.",
            many.rate(),
            many.rate() / theirs,
        ),
    ];
    bench.finish(&[&ours, &many]).await?;
    Ok(Measured { figure, notes })
}

/// From starting the program to its first grant: the middle of several starts.
pub(super) async fn start(setting: &Setting) -> Result<Measured, String> {
    let site = setting.program.init().await?;
    let devices = Arc::new(AtomicU64::new(0));
    // The first start puts the estate in force and brings the program into memory.
    tell("P9: one start that does not count");
    first_grant(&site, &devices).await?;
    let mut lengths = Vec::with_capacity(STARTS);
    for number in 1..=STARTS {
        let length = first_grant(&site, &devices).await?;
        tell(&format!("P9: start {number} of {STARTS}: {:.3} s", length.as_secs_f64()));
        lengths.push(length.as_secs_f64());
    }
    lengths.sort_by(f64::total_cmp);
    let figure = Figure {
        id: "P9",
        work: "`serve all` embedded, start to first grant, median of 5",
        ours: lengths[STARTS / 2],
        theirs: None,
        unit: "s",
        better: Better::Lower,
        must: 1.5,
        goal: 0.5,
    };
    let note = format!("P9: fastest {:.3} s, slowest {:.3} s.", lengths[0], lengths[STARTS - 1]);
    Ok(Measured { figure, notes: vec![note] })
}

impl Setting {
    fn length(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// A server and its clients, warm, beside a peer that is warm too.
struct Bench {
    /// Removed after the server has stopped.
    _site: Site,
    product: Product,
    load: Load,
    warm_up: Outcome,
}

impl Bench {
    async fn start(
        setting: &Setting,
        peer: &mut Peer,
        clients: usize,
        connections: usize,
    ) -> Result<Self, String> {
        let site = setting.program.init().await?;
        same_disk(peer.folder(), site.folder())?;
        let mut product = site.serve()?;
        product.ready().await?;
        let load = Load::connect(product.address(), connections, FEATURE).await?;
        tell(&format!("warming up: {clients} clients"));
        peer.run(clients, WARM_UP).await?;
        let warm_up = load.run(clients, Duration::from_secs(WARM_UP)).await?;
        tell(&format!("measuring: {clients} clients, theirs, ours, theirs, {} s each", setting.seconds));
        Ok(Self { _site: site, product, load, warm_up })
    }

    /// Compares what was granted with what the server has, and stops it.
    async fn finish(self, runs: &[&Outcome]) -> Result<(), String> {
        let granted = self.warm_up.granted + runs.iter().map(|run| run.granted).sum::<u64>();
        self.product.check(granted).await?;
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

/// Starts the server, asks until it grants, and stops it again.
async fn first_grant(site: &Site, devices: &Arc<AtomicU64>) -> Result<Duration, String> {
    let start = Instant::now();
    let mut product = site.serve()?;
    let endpoint = endpoint(product.address())?;
    let channel = loop {
        match endpoint.connect().await {
            Ok(channel) => break channel,
            Err(error) if start.elapsed() > START_PATIENCE => {
                return Err(format!("the server did not start within {START_PATIENCE:?}: {error}"));
            }
            Err(_) => product.still_runs()?,
        }
        tokio::time::sleep(RETRY).await;
    };
    let mut client = Client::new(channel, FEATURE.to_owned(), Arc::clone(devices));
    while let Err(error) = client.check_out().await {
        product.still_runs()?;
        if start.elapsed() > START_PATIENCE {
            return Err(format!("the server granted nothing within {START_PATIENCE:?}: {error}"));
        }
        tokio::time::sleep(RETRY).await;
    }
    let length = start.elapsed();
    drop(client);
    product.stop().await?;
    Ok(length)
}

/// How much of the machine the server, the load generator and everybody else use.
struct Cpu {
    server: u32,
    since: Instant,
    used: [Option<Duration>; 3],
}

impl Cpu {
    fn start(server: u32) -> Self {
        Self { server, since: Instant::now(), used: Self::used(server) }
    }

    fn stop(self) -> String {
        let elapsed = self.since.elapsed().as_secs_f64();
        let now = Self::used(self.server);
        let cores = |index: usize| {
            let used = now[index]?.checked_sub(self.used[index]?)?;
            Some(used.as_secs_f64() / elapsed)
        };
        let (Some(server), Some(load), Some(all)) = (cores(0), cores(1), cores(2)) else {
            return String::new();
        };
        let others = (all - server - load).max(0.0);
        format!(
            " The server used {server:.2} cores, the load generator {load:.2}, everybody else {others:.2}."
        )
    }

    fn used(server: u32) -> [Option<Duration>; 3] {
        [processor_time(server), processor_time(std::process::id()), busy_time()]
    }
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1_000.0
}
