//! A herd: thousands of clients that ask at once, over few connections, and the server gone under them and back.
//!
//! In CI 2,000 clients and 5 s without a server; `LEASEHOLD_HERD_CLIENTS` and `LEASEHOLD_HERD_SECONDS` set others: the
//! full herd is 10,000 and 30 s.

mod driver;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::checker::snapshot::Activity;
use crate::checker::{Rule, Violations, postgres, state};
use crate::cluster::{Cluster, Plan};
use crate::crash::setting;
use driver::{Driver, Flock};

/// The shortest time to live, so that silence counts soon.
const TTL: Duration = Duration::from_secs(10);
/// After the server is back: until everybody who fits is served, and until all heartbeats are answered.
const SERVED_WITHIN: Duration = TTL.saturating_add(Duration::from_secs(30));
const HEARD_WITHIN: Duration = Duration::from_secs(10);
/// Calls that reach the server, over the calls that it takes.
const AMPLIFICATION: f64 = 2.0;
/// Leases of one heartbeat.
const FLOCK: usize = 100;
/// Those who ask in vain.
const TOO_MANY: usize = 50;
/// How long the herd is watched once all is well: long enough for the reaper to have an opinion.
const WATCHED: Duration = Duration::from_secs(16);

/// A cluster and those who live off it.
struct Herd {
    cluster: Cluster,
    driver: Arc<Driver>,
    clients: usize,
    newcomers: usize,
    flocks: Vec<Flock>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_herd_is_served_and_finds_its_way_back() {
    let mut herd = Herd::gather().await;
    herd.come_all_at_once().await;
    herd.lose_the_server().await;
    let refused = herd.ask(herd.clients + herd.newcomers..herd.clients + herd.newcomers + TOO_MANY).await;
    assert!(refused.iter().all(Option::is_none), "nothing is given out twice");
    sleep(WATCHED).await;
    herd.judge().await;
}

impl Herd {
    async fn gather() -> Self {
        let clients = usize::try_from(setting("LEASEHOLD_HERD_CLIENTS").unwrap_or(2_000)).unwrap();
        let newcomers = clients / 10;
        let estate = json!({"line_items": [
            {"id": "L1", "feature": "grass", "version": "1.0", "count": clients + newcomers, "lease_ttl": "10s"},
        ]});
        let plan = Plan {
            replicas: 2,
            estate: &estate,
            settings: &[("logging.level", "info")],
            proxies: false,
            clocks: false,
        };
        let cluster = Cluster::start(&plan).await;
        let driver = Arc::new(Driver::new(&cluster.ports()));
        Self { cluster, driver, clients, newcomers, flocks: Vec::new() }
    }

    async fn come_all_at_once(&mut self) {
        let start = Instant::now();
        let grants = self.ask(0..self.clients).await;
        let report = self.driver.report("checked out", start.elapsed());
        assert!(report.amplification() <= AMPLIFICATION, "{report:?}");
        self.keep(grants);
        sleep(TTL / 2).await;
        self.driver.report("kept", TTL / 2);
    }

    /// The server is gone for a while, the lease store forgets, and meanwhile more clients come.
    async fn lose_the_server(&mut self) {
        let gone = Duration::from_secs(setting("LEASEHOLD_HERD_SECONDS").unwrap_or(5));
        for replica in &mut self.cluster.replicas {
            replica.kill();
        }
        self.cluster.redis.flush().await.unwrap();
        let left = Instant::now();
        let coming = ask(self.driver.clone(), self.clients..self.clients + self.newcomers);
        let coming = tokio::spawn(coming);
        sleep_until(left + gone).await;
        for replica in &mut self.cluster.replicas {
            replica.begin();
        }
        self.cluster.replicas[0].ready().await;
        let back = Instant::now();
        for flock in &self.flocks {
            flock.heard_after(back).await;
        }
        let heard = back.elapsed();
        let came = coming.await.unwrap();
        let served = back.elapsed();
        self.cluster.replicas[1].ready().await;
        let report = self.driver.report("gone and back", left.elapsed());
        let (clients, newcomers) = (self.clients, self.newcomers);
        eprintln!(
            "{clients} clients, {gone:?} without a server: after it was back all heartbeats were answered in {heard:?}, \
             and all {newcomers} newcomers served in {served:?}"
        );
        assert!(heard <= HEARD_WITHIN, "heartbeats were answered after {heard:?}");
        assert!(served <= SERVED_WITHIN, "newcomers were served after {served:?}");
        assert!(report.amplification() <= AMPLIFICATION, "{report:?}");
        self.keep(came);
    }

    async fn judge(mut self) {
        let mut violations = Violations::default();
        let mut heard = (0, 0);
        for flock in self.flocks {
            let told = flock.stop().await;
            heard = (heard.0 + told.alive, heard.1 + told.degraded);
            for lost in told.lost {
                violations.add(Rule::NoLiveEviction, format!("{lost:?}"));
            }
        }
        self.cluster.stop().await;
        let snapshot = postgres::read(&self.cluster.postgres.url()).await;
        violations.0.extend(state::check(&snapshot).0);
        let ended = |record: &&Activity| matches!(record.kind.as_str(), "EXPIRED" | "ENDED");
        for record in snapshot.activity.iter().filter(ended) {
            violations.add(Rule::NoLiveEviction, format!("{record:?}"));
        }
        eprintln!("leases were heard alive {} times, and {} times without the lease store", heard.0, heard.1);
        violations.assert_none("no chance in it");
        assert_eq!(snapshot.grants.len(), self.clients + self.newcomers);
    }

    async fn ask(&self, numbers: Range<usize>) -> Vec<Option<pb::GrantRef>> {
        ask(self.driver.clone(), numbers).await
    }

    /// Has these grants kept alive; there must be one for everybody who asked.
    fn keep(&mut self, grants: Vec<Option<pb::GrantRef>>) {
        assert!(grants.iter().all(Option::is_some), "there is enough for everybody");
        let grants: Vec<pb::GrantRef> = grants.into_iter().flatten().collect();
        self.flocks.extend(grants.chunks(FLOCK).map(|grants| Flock::new(self.driver.clone(), grants)));
    }
}

/// Lets these clients ask for one count each, all at once; `None` where it was refused.
async fn ask(driver: Arc<Driver>, numbers: Range<usize>) -> Vec<Option<pb::GrantRef>> {
    let mut asking = JoinSet::new();
    for number in numbers {
        let driver = driver.clone();
        asking.spawn(async move { driver.check_out(number).await });
    }
    asking.join_all().await
}
