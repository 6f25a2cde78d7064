//! Clients hear of new releases on their heartbeats, which are licensing's.

use crate::repository::definition;
use crate::world::{World, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn licensing_is_told_once_of_what_is_newest_and_of_nothing_when_all_is_taken_back() {
    let world = World::new().await;
    let mut first = definition("cad", "1.0");
    first.features = vec!["cad".to_owned()];
    let path = world.vendor.release(first, b"one", world.now());
    let process = world.start().await;
    process.sync().await.unwrap();
    let stands = || world.peers.notices.lock().unwrap().clone();
    until("the first is told", || async { !stands().is_empty() }).await;
    let (key, version, features, product) = stands().remove(0);
    assert_eq!((key.as_str(), version.as_str()), ("update/cad/stable", "1.0"));
    assert_eq!((features, product), (vec!["cad".to_owned()], String::new()));
    process.sync().await.unwrap();
    world.vendor.release(definition("cad", "2.0"), b"two", world.now());
    process.sync().await.unwrap();
    until("the second is told", || async { stands().iter().any(|(_, version, ..)| version == "2.0") }).await;
    assert_eq!(stands()[0].3, "cad", "without features it is for all of the product");
    assert_eq!(*world.peers.told.lock().unwrap(), 2, "nothing is told twice");

    world.vendor.withdraw("cad/2.0/rules.db", world.now());
    world.vendor.withdraw(&path, world.now());
    process.sync().await.unwrap();
    until("nothing is told any more", || async { stands().is_empty() }).await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_licensing_did_not_hear_is_told_by_the_next_process() {
    let world = World::new().await;
    world.vendor.release(definition("cad", "1.0"), b"one", world.now());
    let process = world.start().await;
    *world.peers.deaf.lock().unwrap() = true;
    process.sync().await.unwrap();
    process.stop().await;
    assert_eq!(*world.peers.told.lock().unwrap(), 0);
    *world.peers.deaf.lock().unwrap() = false;
    // Nobody asks for anything to be mirrored.
    let process = world.start().await;
    until("it is told", || async {
        world.peers.notices.lock().unwrap().iter().any(|(_, version, ..)| version == "1.0")
    })
    .await;
    process.stop().await;
}
