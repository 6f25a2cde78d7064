//! The wiring as tests and benches use it: in one process, with a clock of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use leasehold::app::{AppOptions, Listen, Running, StoreChoice, start};
use leasehold::config::{Config, Sources};
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site, Vendor};
use leasehold::{ManualClock, SystemClock};
use leasehold_client::{Checkout, Client, Options};
use leasehold_proto::licensing::v1::{GetInstanceRequest, ListFeaturesRequest};
use serde_json::json;

fn config() -> Config {
    Config::load(&Sources::default()).unwrap()
}

fn in_memory() -> AppOptions {
    AppOptions::in_memory(config(), Arc::new(SystemClock::new()))
}

/// Lets a vendor give it three counts of a feature.
async fn supply(running: &Running) {
    let estate = json!({"line_items": [{"id": "L1", "feature": "f", "count": 3}]});
    let mut vendor = Vendor::open(Arc::new(SystemClock::new())).await.unwrap();
    let site = Site::at(running.licensing_addr(), running.sync_addr());
    vendor.supply(&site, &EstateFile::from_scenario(&estate).unwrap()).await.unwrap();
}

async fn client(running: &Running) -> Client {
    let mut options = Options::new(running.licensing_addr().into());
    options.hostids.push("D1".parse().unwrap());
    options.call_timeout = Duration::from_secs(5);
    Client::connect(options).await.unwrap()
}

async fn used(client: &Client) -> i64 {
    let answer = client.admin().list_features(ListFeaturesRequest::default()).await.unwrap().into_inner();
    answer.features[0].used
}

#[tokio::test]
async fn a_server_in_memory_serves_and_stops() {
    let running = start(in_memory()).await.unwrap();
    supply(&running).await;
    let client = client(&running).await;
    let guard = client.checkout(Checkout::new("f").count(2)).await.unwrap();
    assert_eq!(used(&client).await, 2);
    guard.release().await.unwrap();
    assert_eq!(used(&client).await, 0);

    let address = running.licensing_addr();
    running.stop().await.unwrap();
    TcpListener::bind(address).expect("the port is free again");
}

#[tokio::test]
async fn its_clock_is_the_one_given() {
    let noon = "2026-01-01T12:00:00Z".parse().unwrap();
    let clock = ManualClock::new(noon);
    let running = start(AppOptions::in_memory(config(), Arc::new(clock.clone()))).await.unwrap();
    let client = client(&running).await;
    let time = async || {
        let answer = client.admin().get_instance(GetInstanceRequest::default()).await.unwrap().into_inner();
        answer.server_time.unwrap().seconds
    };
    assert_eq!(time().await, noon.as_second());
    clock.advance(Duration::from_secs(90));
    assert_eq!(time().await, noon.as_second() + 90);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_file_keeps_grants_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let on_file = || AppOptions { store: StoreChoice::File(folder.path().join("l.db")), ..in_memory() };
    let running = start(on_file()).await.unwrap();
    supply(&running).await;
    let first = client(&running).await;
    let guard = first.checkout(Checkout::new("f").count(2).borrow()).await.unwrap();
    running.stop().await.unwrap();

    let running = start(on_file()).await.unwrap();
    assert_eq!(used(&client(&running).await).await, 2);
    drop(guard);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn two_servers_in_memory_share_nothing() {
    let one = start(in_memory()).await.unwrap();
    supply(&one).await;
    let two = start(in_memory()).await.unwrap();
    let features = client(&two).await.admin().list_features(ListFeaturesRequest::default()).await.unwrap();
    assert!(features.into_inner().features.is_empty());
    one.stop().await.unwrap();
    two.stop().await.unwrap();
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    leasehold::app::create_data_dir(&path, Arc::new(SystemClock::new())).await.unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = || AppOptions {
        store: StoreChoice::DataDir(path.clone()),
        listen: Listen { licensing: Some(address), ..Listen::on_free_ports() },
        ..AppOptions::new(config(), Arc::new(SystemClock::new())).on_free_ports()
    };
    let mut wrong = config();
    wrong.security.set_master_key("no key");
    let Err(error) = start(AppOptions { config: wrong, ..options() }).await else {
        panic!("nothing can be opened without the key")
    };
    assert!(error.to_string().contains("security.master_key"), "{error}");

    let running = start(options()).await.expect("the port and the lock are free");
    running.stop().await.unwrap();
}
