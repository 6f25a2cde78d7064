//! A replica that is killed after its database has committed and before it could say so.

use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use leasehold_testkit::{Direction, FaultProxy, containing};
use prost::Message;
use tokio::time::{sleep, timeout};

use super::{SETTINGS, estate, rounds};
use crate::calls::{Licensing, request, unsigned};
use crate::checker::{Violations, postgres, state};
use crate::cluster::{Cluster, Plan};
use crate::raw;
use crate::server::channel;

const REQUEST: &str = "/leasehold.licensing.v1.LicensingService/RequestCapabilities";
const PATIENCE: Duration = Duration::from_secs(20);
/// What the database answers once it has committed a statement that writes: one row with one empty column.
const COMMITTED: &[u8] = b"D\0\0\0\x0a\0\x01\0\0\0\0C\0\0\0\x0dSELECT 1\0";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_not_told_is_found_by_the_other_replica() {
    let estate = estate();
    let plan = Plan { replicas: 2, estate: &estate, settings: SETTINGS, proxies: true, clocks: false };
    let mut cluster = Cluster::start(&plan).await;
    let rounds = rounds(5);
    for round in 0..rounds {
        let request = request(&format!("D{round}"), &[("plot", 1), ("nothing", 1)]);
        let told = kill_between_commit_and_answer(&mut cluster, &request).await;
        let other = cluster.replicas[1].port();
        let again = send(other, &request).await.expect("the other replica answers");
        assert_eq!(again, told, "round {round}: the same request has the answer that was committed");

        cluster.replicas[0].serve().await;
        let once_more = send(cluster.replicas[0].port(), &request).await;
        assert_eq!(once_more.as_ref(), Some(&told), "round {round}: and so it has after the restart");
        let answer = pb::RequestCapabilitiesResponse::decode(told.as_slice()).unwrap();
        let grant = answer.outcomes[0].grant.clone().expect("there was enough");
        let mut licensing = Licensing::new(channel(other));
        assert_eq!(crate::calls::beat(&mut licensing, &grant).await.status(), pb::LeaseStatus::Ok);
    }
    cluster.stop().await;
    let snapshot = postgres::read(&cluster.postgres.url()).await;
    let violations: Violations = state::check(&snapshot);
    violations.assert_none("no chance in it");
    let rounds = usize::try_from(rounds).unwrap();
    let kinds = |kind: &str| snapshot.activity.iter().filter(|record| record.kind == kind).count();
    assert_eq!((snapshot.grants.len(), snapshot.answers.len()), (rounds, rounds));
    assert_eq!((kinds("GRANTED"), kinds("REFUSED")), (rounds, rounds), "every request had its effect once");
}

/// Sends a request to the first replica, kills it when the commit's answer is on its way to it, and gives the answer
/// that the database has kept.
async fn kill_between_commit_and_answer(
    cluster: &mut Cluster,
    request: &pb::RequestCapabilitiesRequest,
) -> Vec<u8> {
    let url = cluster.postgres.url();
    let victim = &mut cluster.replicas[0];
    let proxy = victim.to_postgres.as_ref().expect("there is a proxy");
    // Others than this request's may be caught first: those are let go.
    let mut caught = proxy.catch(Direction::ToClient, containing(COMMITTED));
    let (port, sent) = (victim.port(), request.clone());
    let call = tokio::spawn(async move { send(port, &sent).await });
    let kept = loop {
        caught.wait(PATIENCE).await.expect("the replica commits");
        if let Some(kept) = kept(&url, &request.request_id).await {
            break kept;
        }
        caught = next(proxy, caught);
    };
    victim.kill();
    drop(caught);
    let heard = call.await.unwrap();
    assert_eq!(heard, None, "the answer was on its way when the replica died");
    kept
}

fn next(proxy: &FaultProxy, caught: leasehold_testkit::Caught) -> leasehold_testkit::Caught {
    let next = proxy.catch(Direction::ToClient, containing(COMMITTED));
    caught.let_go();
    next
}

/// The stored answer, which is visible a moment after the commit was answered, if at all.
async fn kept(url: &str, request: &str) -> Option<Vec<u8>> {
    for _ in 0..5 {
        if let Some(kept) = postgres::stored_answer(url, request).await {
            return Some(kept);
        }
        sleep(Duration::from_millis(10)).await;
    }
    None
}

async fn send(port: u16, request: &pb::RequestCapabilitiesRequest) -> Option<Vec<u8>> {
    let channel = channel(port);
    let sent = raw::call(&channel, REQUEST, request.encode_to_vec());
    timeout(PATIENCE, sent).await.ok()?.ok()?.as_deref().map(unsigned)
}
