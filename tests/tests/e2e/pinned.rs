//! Clients that have pinned a vendor's root, against the real server: whose answers they take, and how they live through
//! its absence.

use std::time::Duration;

use leasehold_client::{Checkout, CheckoutError, Client, InstanceId, Options, State};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::calls::totals;
use crate::server::Server;

const PATIENCE: Duration = Duration::from_mins(1);

fn options(server: &Server) -> Options {
    let mut options = Options::new(server.address().parse().unwrap());
    options.hostids = vec!["D1".parse().unwrap()];
    options.vendor_root = Some(server.vendor_root().parse().unwrap());
    options
}

async fn checked_out(options: Options) -> Result<State, CheckoutError> {
    let guard = Client::connect(options).await.unwrap().checkout(Checkout::new("cad")).await?;
    let state = guard.state();
    guard.release().await.unwrap();
    Ok(state)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_pinned_vendor_and_the_pinned_server_are_believed() {
    let estate = json!({"line_items": [{"id": "L1", "feature": "cad", "version": "2.0", "count": 2}]});
    let mut server = Server::start(&estate, &[]).await;
    let own = server.license_server_id().to_owned();
    let mut pinned = options(&server);
    pinned.license_server_id = Some(InstanceId(own.parse().unwrap()));
    for good in [options(&server), pinned] {
        assert_eq!(checked_out(good).await.unwrap(), State::Valid);
    }

    // The root of another vendor, which is as good a key.
    let other = Server::start(&estate, &[]).await;
    let mut of_another = options(&server);
    of_another.vendor_root = Some(other.vendor_root().parse().unwrap());
    let mut another_server = options(&server);
    another_server.license_server_id = Some(InstanceId(other.license_server_id().parse().unwrap()));
    for bad in [of_another, another_server] {
        match checked_out(bad).await {
            Err(CheckoutError::Unverified { .. }) => {}
            heard => panic!("nobody stands behind this answer: {heard:?}"),
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_borrow_is_used_while_the_server_is_away_and_taken_up_when_it_is_back() {
    let estate = json!({"line_items": [{"id": "L1", "feature": "cad", "version": "2.0", "count": 2}]});
    let mut server = Server::start(&estate, &[]).await;
    let kept = TempDir::new().unwrap();
    let with_answers = || {
        let mut options = options(&server);
        options.answers = Some(kept.path().to_owned());
        options.call_timeout = Duration::from_secs(2);
        options
    };
    let (first, again) = (with_answers(), with_answers());
    let borrow = || Checkout::new("cad").slot("desk").borrow_for(Duration::from_hours(2));
    let guard = Client::connect(first).await.unwrap().checkout(borrow()).await.unwrap();
    let grant = guard.grant_id();
    // The program ends without returning it.
    drop(guard);

    server.kill();
    let client = Client::connect(again).await.unwrap();
    let guard = client.checkout(borrow()).await.unwrap();
    assert_eq!(guard.grant_id(), grant);
    assert!(matches!(guard.state(), State::Offline { until: Some(_) }), "{:?}", guard.state());
    let nothing = client.checkout(Checkout::new("cad").slot("another").borrow()).await;
    assert!(nothing.is_err(), "nothing was held there: {nothing:?}");

    server.serve().await;
    let mut states = guard.watch();
    let back = timeout(PATIENCE, states.wait_for(|state| *state == State::Valid))
        .await
        .is_ok_and(|seen| seen.is_ok());
    assert!(back, "{:?}", guard.state());
    assert_eq!((guard.grant_id(), totals(&mut server.admin()).await.used), (grant, 1));
    guard.release().await.unwrap();
    assert_eq!(totals(&mut server.admin()).await.used, 0);
    server.stop().await;
}
