//! A heartbeat that comes between the moment at which the lease store is asked about a silent grant and the commit
//! that takes it back.

use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use leasehold_testkit::{Caught, Direction, containing};
use tokio::time::sleep;

use super::{SETTINGS, estate};
use crate::calls::{Licensing, check_out, request};
use crate::checker::{postgres, state};
use crate::cluster::{Cluster, Plan};
use crate::holder::PLENTY;
use crate::server::channel;

const HOLDERS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(40);
/// With this a batch begins: for how many milliseconds, as a text of five characters, its turn may be kept.
const BEGIN: &[u8] = b"\0\0\0\x0510000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_told_ok_while_being_taken_back_keeps_the_grant() {
    let estate = estate();
    let plan = Plan { replicas: 2, estate: &estate, settings: SETTINGS, proxies: true, clocks: false };
    let mut cluster = Cluster::start(&plan).await;
    let mut grants = Vec::new();
    let mut first = Licensing::new(channel(cluster.replicas[0].port()));
    for number in 0..HOLDERS {
        grants.push(check_out(&mut first, request(&format!("D{number}"), &[(PLENTY, 1)])).await);
    }

    // Everybody falls silent, and the replica whose turn it is has found out. What it sends to take the grants back
    // does not arrive yet.
    let mut caught: Vec<Caught> = cluster
        .replicas
        .iter()
        .map(|replica| {
            let proxy = replica.to_postgres.as_ref().expect("there is a proxy");
            proxy.catch(Direction::ToServer, containing(BEGIN))
        })
        .collect();
    let (one, other) = caught.split_at_mut(1);
    let reaper = tokio::select! {
        caught = one[0].wait(PATIENCE) => caught.map(|()| 0),
        caught = other[0].wait(PATIENCE) => caught.map(|()| 1),
    };
    let reaper = reaper.expect("silent grants are taken back");
    // The lease store forgets what was found out, and the other replica hears the clients again.
    cluster.redis.flush().await.unwrap();
    let mut licensing = Licensing::new(channel(cluster.replicas[1 - reaper].port()));
    let heartbeat = pb::HeartbeatRequest { leases: grants.clone(), ..Default::default() };
    let told = licensing.heartbeat(heartbeat.clone()).await.unwrap().into_inner().results;
    drop(caught);
    sleep(Duration::from_secs(2)).await;
    let later = licensing.heartbeat(heartbeat).await.unwrap().into_inner().results;
    let alive = |result: &pb::LeaseResult| {
        matches!(result.status(), pb::LeaseStatus::Ok | pb::LeaseStatus::OkDegraded)
    };
    for (told, later) in told.iter().zip(&later) {
        assert!(alive(told), "the store still had it: {told:?}");
        assert!(alive(later), "it was told OK, and then taken back: {later:?}");
    }

    cluster.stop().await;
    let snapshot = postgres::read(&cluster.postgres.url()).await;
    state::check(&snapshot).assert_none("no chance in it");
    assert_eq!((snapshot.grants.len(), later.len()), (HOLDERS, HOLDERS));
    assert!(snapshot.activity.iter().all(|record| record.kind != "EXPIRED"), "nobody was taken back");
}
