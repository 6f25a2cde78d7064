//! Replicas of the real server that share a Postgres and a Redis of their own, and what befalls each of them.

mod replica;

use std::sync::Arc;
use std::time::Duration;

use leasehold::SystemClock;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::Vendor;
use leasehold_proto::licensing::v1 as pb;
use leasehold_testkit::{FakeClock, FaultProxy, Postgres, Redis};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::calls::Admin;
use crate::server::channel;
pub(crate) use replica::Replica;

const PATIENCE: Duration = Duration::from_mins(1);

/// How a cluster is made.
pub(crate) struct Plan<'a> {
    pub(crate) replicas: usize,
    pub(crate) estate: &'a Value,
    /// Keys such as `licensing.lease_ttl`.
    pub(crate) settings: &'a [(&'a str, &'a str)],
    /// Whether a proxy stands between each replica and each of its servers.
    pub(crate) proxies: bool,
    /// Whether every process goes by a wall clock that can be stepped.
    pub(crate) clocks: bool,
}

/// A database, a lease store and replicas. Dropping it ends them all.
pub(crate) struct Cluster {
    // Fields are dropped in order: replicas before what they use.
    pub(crate) replicas: Vec<Replica>,
    pub(crate) postgres: Postgres,
    pub(crate) redis: Redis,
    pub(crate) clocks: Option<Clocks>,
    _folder: TempDir,
}

/// The wall clocks of a cluster.
pub(crate) struct Clocks {
    pub(crate) postgres: FakeClock,
    pub(crate) redis: FakeClock,
    pub(crate) replicas: Vec<FakeClock>,
}

impl Cluster {
    /// A cluster with this estate, every replica ready for calls.
    pub(crate) async fn start(plan: &Plan<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clocks = plan.clocks.then(|| Clocks::new(plan.replicas));
        let postgres = match &clocks {
            Some(clocks) => Postgres::start_with_clock(&[], &clocks.postgres).await.unwrap(),
            None => Postgres::start().await.unwrap(),
        };
        let redis = Redis::start_with(&[], clocks.as_ref().map(|clocks| &clocks.redis)).await.unwrap();
        let mut replicas = Vec::new();
        for number in 0..plan.replicas {
            let proxies = if plan.proxies {
                let proxy = async |port| Some(FaultProxy::start(port).await.unwrap());
                (proxy(postgres.port()).await, proxy(redis.port()).await)
            } else {
                (None, None)
            };
            let port = |proxy: &Option<FaultProxy>, own| proxy.as_ref().map_or(own, FaultProxy::port);
            let postgres = postgres.url().replace(
                &format!(":{}", postgres.port()),
                &format!(":{}", port(&proxies.0, postgres.port())),
            );
            let redis = format!("redis://127.0.0.1:{}", port(&proxies.1, redis.port()));
            let mut replica =
                Replica::new(folder.path(), number, &[("postgres.url", &postgres), ("redis.url", &redis)]);
            replica.set(plan.settings);
            replica.clock(clocks.as_ref().map(|clocks| &clocks.replicas[number]));
            (replica.to_postgres, replica.to_redis) = proxies;
            replicas.push(replica);
        }
        for replica in &mut replicas {
            replica.serve().await;
        }
        // One is given the estate; the others find it.
        let estate = EstateFile::from_scenario(plan.estate).unwrap();
        let mut vendor = Vendor::open(Arc::new(SystemClock::new())).await.unwrap();
        vendor.supply(&replicas[0].site(), &estate).await.unwrap();
        Self { replicas, postgres, redis, clocks, _folder: folder }
    }

    /// The ports of all replicas.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.replicas.iter().map(Replica::port).collect()
    }

    /// Waits until the named features have these counts out, asking whichever replica answers; the last numbers
    /// where they do not in time.
    pub(crate) async fn settled(
        &self,
        wanted: &[(String, i64)],
        until: Instant,
    ) -> Result<(), Vec<(String, i64)>> {
        let mut admins: Vec<Admin> =
            self.replicas.iter().map(|replica| Admin::new(channel(replica.port()))).collect();
        let mut last = Vec::new();
        loop {
            for admin in &mut admins {
                let asked = admin.list_features(pb::ListFeaturesRequest::default());
                let Ok(Ok(answer)) = tokio::time::timeout(Duration::from_secs(3), asked).await else {
                    continue;
                };
                last = answer.into_inner().features.into_iter().map(|row| (row.name, row.used)).collect();
                if wanted.iter().all(|wanted| last.contains(wanted)) {
                    return Ok(());
                }
            }
            if Instant::now() >= until {
                return Err(last);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Asks every replica that runs to end; each must end well and in time.
    pub(crate) async fn stop(&mut self) {
        for replica in self.replicas.iter_mut().filter(|replica| replica.runs()) {
            let took = replica.stop().await;
            assert!(took < Duration::from_secs(15), "a replica took {took:?} to stop");
        }
    }
}

impl Clocks {
    fn new(replicas: usize) -> Self {
        let clock = || FakeClock::new().unwrap().unwrap_or_else(|| panic!("{}", FakeClock::INSTALL));
        Self { postgres: clock(), redis: clock(), replicas: (0..replicas).map(|_| clock()).collect() }
    }
}
