//! The SDK against the real server, through a crash of it.

use std::time::{Duration, Instant};

use leasehold_client::{Checkout, CheckoutError, Client, Guard, HostId, Options, RefusalReason, State};
use leasehold_proto::licensing::v1 as pb;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::calls::{Admin, totals};
use crate::server::Server;

const PATIENCE: Duration = Duration::from_mins(1);

async fn client(server: &Server, device: &str) -> Client {
    let mut options = Options::new(server.address().parse().unwrap());
    options.hostids = vec![device.parse::<HostId>().unwrap()];
    Client::connect(options).await.unwrap()
}

async fn becomes(guard: &Guard, wanted: State) {
    let mut states = guard.watch();
    let seen = states.wait_for(|state| *state == wanted);
    let found = timeout(PATIENCE, seen).await;
    assert!(matches!(found, Ok(Ok(_))), "{wanted:?} was to come; it is {:?}", guard.state());
}

async fn used_becomes(admin: &mut Admin, wanted: i64) {
    let start = Instant::now();
    while totals(admin).await.used != wanted {
        assert!(
            start.elapsed() < PATIENCE,
            "{wanted} counts were to be out; it is {:?}",
            totals(admin).await
        );
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_outlives_a_crash_of_the_server() {
    let estate = json!({"line_items": [{"id": "L1", "feature": "cad", "version": "2.0", "count": 2}]});
    let mut server = Server::start(&estate, &[("licensing.lease_ttl", "16s")]).await;
    let mut admin = server.admin();
    let one = client(&server, "D1").await;
    let guard = one.checkout(Checkout::new("cad").version("1.0").count(2)).await.unwrap();
    assert_eq!((guard.feature(), guard.count(), guard.state()), ("cad", 2, State::Valid));
    let grant = guard.grant_id();
    assert_eq!(totals(&mut admin).await.used, 2);

    let two = client(&server, "D2").await;
    match two.checkout(Checkout::new("cad").version("1.0")).await {
        Err(CheckoutError::Refused {
            reason: RefusalReason::InsufficientCount, asked: 1, free: 0, ..
        }) => {}
        other => panic!("nothing is free: {other:?}"),
    }

    server.kill();
    becomes(&guard, State::Jeopardy).await;
    server.serve().await;
    becomes(&guard, State::Valid).await;
    assert_eq!(guard.grant_id(), grant, "it is the same grant");
    let list = admin.list_grants(pb::ListGrantsRequest::default()).await.unwrap().into_inner();
    let ids: Vec<_> = list.grants.iter().map(|grant| grant.grant_id.clone()).collect();
    assert_eq!(ids, [grant.to_string()]);

    drop(guard);
    used_becomes(&mut admin, 0).await;
    let guard = two.checkout(Checkout::new("cad").version("1.0")).await.unwrap();
    assert_eq!(totals(&mut admin).await.used, 1);
    guard.release().await.unwrap();
    assert_eq!(totals(&mut admin).await.used, 0);
    server.stop().await;
}
