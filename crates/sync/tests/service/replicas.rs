//! Several processes on one store.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_proto::sync::v1 as pb;
use leasehold_store_sql::{Place, SqlSyncStore};
use leasehold_sync::Interval;
use leasehold_testkit::Postgres;
use tonic::Code;

use crate::licensing;
use crate::vendor::Trouble;
use crate::world::{World, instance, reason, refused, until};
use leasehold_testkit::Fuse;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_at_once_one_synchronises_and_the_other_is_told() {
    let world = World::new().await;
    let (one, other) = (world.enrolled().await, world.start().await);
    world.vendor.expect([Trouble::Slow(Duration::from_millis(2_500))]);
    let (first, second) = tokio::join!(one.synchronize(), other.synchronize());
    let (done, refusal) = match (first, second) {
        (Ok(done), Err(refusal)) | (Err(refusal), Ok(done)) => (done, refusal),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (done.number, refusal.code(), reason(&refusal).as_str()),
        (1, Code::Aborted, "SYNC_IN_PROGRESS")
    );
    assert_eq!(world.vendor.requests.lock().unwrap().len(), 1);
    assert_eq!(other.synchronize().await.unwrap().number, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_would_change_it_waits_for_its_turn() {
    let world = World::new().await;
    let (one, other) = (world.enrolled().await, world.start().await);
    let file = one.export(false).await.unwrap();
    let answer = world.vendor.process(&file, leasehold_signing::sealed_file::Form::Binary);
    world.vendor.expect([Trouble::Slow(Duration::from_secs(8))]);
    let slow = tokio::spawn({
        let admin = one.admin.clone();
        async move { admin.clone().synchronize_now(pb::SynchronizeNowRequest { instance: String::new() }).await }
    });
    until("the request is there", async || world.vendor.requests.lock().unwrap().len() == 1).await;
    for process in [&one, &other] {
        refused(process.import(answer.clone()).await, Code::Aborted, "SYNC_IN_PROGRESS", &["history"]);
        let enrolled = process.enrol(world.vendor.enrolment()).await;
        refused(enrolled, Code::Aborted, "SYNC_IN_PROGRESS", &["wait"]);
        // What only adds does not wait.
        process.export(false).await.unwrap();
        process.identity().await;
    }
    slow.await.unwrap().unwrap();
    refused(other.import(answer).await, Code::FailedPrecondition, "BUNDLE_ROLLBACK", &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_of_a_process_that_died_ends_with_its_time() {
    let world = World::new().await;
    world.enrolled().await.stop_in_order().await;
    // Dies when it has the claim, the request is saved and sent.
    let fuse = Fuse::at(5);
    let (dying, other) = (world.start_with(&fuse).await, world.start().await);
    let call = tokio::spawn(async move { drop(dying.synchronize().await) });
    fuse.blown().await;
    refused(other.synchronize().await, Code::Aborted, "SYNC_IN_PROGRESS", &[]);
    world.advance(SignedDuration::from_secs(29));
    refused(other.synchronize().await, Code::Aborted, "SYNC_IN_PROGRESS", &[]);
    world.advance(SignedDuration::from_secs(1));
    let exchange = other.synchronize().await.unwrap();
    assert_eq!((exchange.number, exchange.bundle_sequence), (1, 1));
    call.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_is_kept_for_as_long_as_the_work_takes() {
    let world = World::new().await;
    let (one, other) = (world.enrolled().await, world.start().await);
    world.vendor.expect([Trouble::Slow(Duration::from_secs(14))]);
    let slow = tokio::spawn(async move { one.synchronize().await.map(|done| (one, done)) });
    until("the request is there", async || world.vendor.requests.lock().unwrap().len() == 1).await;
    world.advance(SignedDuration::from_secs(20));
    // It is moved on every 8 seconds, by whatever the clock says then.
    tokio::time::sleep(Duration::from_secs(9)).await;
    world.advance(SignedDuration::from_secs(20));
    refused(other.synchronize().await, Code::Aborted, "SYNC_IN_PROGRESS", &[]);
    let (_, done) = slow.await.unwrap().unwrap();
    assert_eq!((done.number, world.vendor.requests.lock().unwrap().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_thought_dead_changes_nothing_when_it_goes_on() {
    let world = World::new().await;
    let (sleeper, other) = (world.enrolled().await, world.start().await);
    world.vendor.expect([Trouble::Slow(Duration::from_secs(3))]);
    let slow = tokio::spawn(async move { sleeper.synchronize().await.map(|_| sleeper) });
    until("the request is there", async || world.vendor.requests.lock().unwrap().len() == 1).await;
    // Its claim is over before it could move it on.
    world.advance(SignedDuration::from_secs(31));
    let exchange = other.synchronize().await.unwrap();
    assert_eq!((exchange.number, exchange.bundle_sequence), (1, 1));
    let standing = world.standing().await;
    let refusal = slow.await.unwrap().err().unwrap();
    assert!(["REPLAYED", "SYNC_IN_PROGRESS"].contains(&reason(&refusal).as_str()), "{refusal:?}");
    assert_eq!(world.standing().await, standing);
    let history = other.history().await;
    assert_eq!((history.len(), history[0].state()), (1, pb::ExchangeState::Done));
    assert_eq!(other.synchronize().await.unwrap().number, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_on_a_server_synchronise_by_the_schedule_once() {
    let server = Postgres::start().await.unwrap();
    let place = Place::Postgres { url: server.url(), password: None, max_connections: 4 };
    let mut world = World::on(Arc::new(SqlSyncStore::open(&place).await.unwrap()));
    world.interval = Interval::Every(SignedDuration::from_hours(1));
    let mut processes = vec![world.enrolled().await];
    for _ in 0..2 {
        let store = Arc::new(SqlSyncStore::open(&place).await.unwrap());
        let replica = World {
            clock: world.clock.clone(),
            store,
            licensing: Arc::clone(&world.licensing),
            vendor: Arc::clone(&world.vendor),
            interval: world.interval,
        };
        processes.push(replica.start().await);
    }
    for round in 1..=3 {
        until("a bundle comes", async || world.sequence().await == round).await;
        // Time for the others to do it again, if they would.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert_eq!(world.vendor.requests.lock().unwrap().len() as u64, round);
        world.advance(SignedDuration::from_mins(67));
    }
    let pending = world.store.pending(instance()).await.unwrap();
    assert_eq!((pending.applying, pending.online), (None, None));
    for process in processes {
        process.stop_in_order().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_left_half_way_another_puts_in_force() {
    let world = World::new().await;
    let (one, other) = (world.enrolled().await, world.start().await);
    world.licensing.expect(&[licensing::Trouble::LostAnswer]);
    one.synchronize().await.unwrap_err();
    one.stop_in_order().await;
    until("the bundle is in force", async || other.identity().await.bundle_sequence == 1).await;
    assert_eq!((world.licensing.sequence(), other.history().await.len()), (1, 1));
}
