//! A process that dies at every point of its work, one after the other: what is in force is the old or the new, never
//! something between, and the next process synchronises.

use std::sync::Arc;

use leasehold_proto::sync::v1 as pb;
use leasehold_signing::sealed_file::Form;
use leasehold_store::SyncStore;
use leasehold_store_sql::{Place, SqlSyncStore};
use tokio::time::timeout;

use crate::vendor::seal;
use crate::world::{LONG, Process, World, instance};
use leasehold_testkit::Fuse;

/// Runs the work in a process that dies at this point; whether it came that far. What the process left behind stays.
async fn dies<F>(world: &World, point: usize, work: impl FnOnce(Process) -> F) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let fuse = Fuse::at(point);
    let process = world.start_with(&fuse).await;
    let working = tokio::spawn(work(process));
    let died = tokio::select! {
        biased;
        () = fuse.blown() => true,
        done = timeout(LONG, async { while !working.is_finished() { tokio::time::sleep(std::time::Duration::from_millis(1)).await } }) => {
            done.unwrap();
            false
        }
    };
    working.abort();
    died
}

/// What is in force fits together: licensing has the bundle of sync's books, or the next one, which is half way.
async fn is_old_or_new(world: &World, old: u64, new: u64, point: usize) {
    let (books, licensing) = (world.sequence().await, world.licensing.sequence());
    assert!([old, new].contains(&books) && [old, new].contains(&licensing), "{point}: {books}, {licensing}");
    assert!(books <= licensing, "{point}: sync's books are never ahead");
    let pending = world.store.pending(instance()).await.unwrap();
    assert_eq!(books < licensing, pending.applying.is_some() && licensing == new, "{point}: {pending:?}");
}

/// The next process ends what stood, and synchronises.
async fn recovers(world: &World, point: usize) {
    let process = world.start().await;
    let exchange = process.synchronize().await.unwrap_or_else(|status| panic!("{point}: {status:?}"));
    assert_eq!(exchange.state(), pb::ExchangeState::Done, "{point}");
    let newest = world.vendor.sequence();
    assert_eq!((world.sequence().await, world.licensing.sequence()), (newest, newest), "{point}");
    let pending = world.store.pending(instance()).await.unwrap();
    assert_eq!((pending.applying, pending.online), (None, None), "{point}");
    for exchange in process.history().await {
        let waits =
            exchange.way() == pb::ExchangeWay::File && exchange.state() == pb::ExchangeState::Requested;
        assert!(waits || exchange.state() == pb::ExchangeState::Done, "{point}: {exchange:?}");
    }
    process.stop_in_order().await;
}

/// An instance with one bundle in force, on this store.
async fn served(store: Arc<dyn SyncStore>) -> World {
    let world = World::on(store);
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    process.stop_in_order().await;
    world
}

async fn in_memory() -> Arc<dyn SyncStore> {
    Arc::new(SqlSyncStore::open(&Place::Memory).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronisation_over_the_network_survives_death_at_every_point() {
    for point in 0.. {
        let world = served(in_memory().await).await;
        let died = dies(&world, point, |process| async move { drop(process.synchronize().await) }).await;
        is_old_or_new(&world, 1, 2, point).await;
        recovers(&world, point).await;
        if !died {
            // Before and after: a claim, a request, the call, a response, licensing, the end, the claim.
            assert!(point >= 14, "{point}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_synchronisation_survives_death_at_every_point() {
    for point in 0.. {
        let world = World::on(in_memory().await);
        world.enrolled().await.stop_in_order().await;
        let died = dies(&world, point, |process| async move { drop(process.synchronize().await) }).await;
        is_old_or_new(&world, 0, 1, point).await;
        recovers(&world, point).await;
        if !died {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_survives_death_at_every_point_and_the_file_stays_good_until_it_is_taken() {
    for point in 0.. {
        let world = served(in_memory().await).await;
        let process = world.start().await;
        let file = process.export(false).await.unwrap();
        let recipient = process.identity().await.recipient;
        process.stop_in_order().await;
        let answer = world.vendor.answer(&world.vendor.open(&file), |_| {}).unwrap();
        let response = seal(&answer, &recipient, Form::Binary);
        let (first, again) = (response.clone(), response);
        let died = dies(&world, point, |process| async move { drop(process.import(first).await) }).await;
        is_old_or_new(&world, 1, 2, point).await;
        let process = world.start().await;
        match process.import(again).await {
            Ok(exchange) => assert_eq!(exchange.bundle_sequence, 2, "{point}"),
            Err(status) => assert_eq!(crate::world::reason(&status), "REPLAYED", "{point}"),
        }
        assert_eq!((world.sequence().await, world.licensing.sequence()), (2, 2), "{point}");
        process.stop_in_order().await;
        recovers(&world, point).await;
        if !died {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enrolling_survives_death_at_every_point() {
    for point in 0.. {
        let world = World::on(in_memory().await);
        let enrolment = world.vendor.enrolment();
        let died = dies(&world, point, |process| async move { drop(process.enrol(enrolment).await) }).await;
        let process = world.start().await;
        process.enrol(world.vendor.enrolment()).await.unwrap_or_else(|status| panic!("{point}: {status:?}"));
        process.stop_in_order().await;
        recovers(&world, point).await;
        if !died {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_deaths_in_a_row_do_no_more_than_one() {
    for seed in 0..12_usize {
        let world = served(in_memory().await).await;
        for death in 0..4 {
            let point = (seed * 7 + death * 5) % 15;
            dies(&world, point, |process| async move { drop(process.synchronize().await) }).await;
            let (books, licensing) = (world.sequence().await, world.licensing.sequence());
            assert!(books <= licensing && licensing <= books + 1, "{seed} {death}: {books}, {licensing}");
        }
        recovers(&world, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_half_way_is_put_in_force_at_the_next_start_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::File(folder.path().join("sync.db"));
    let store = SqlSyncStore::open(&place).await.unwrap();
    let world = served(Arc::new(store.clone())).await;
    world.licensing.expect(&[crate::licensing::Trouble::Silent]);
    let process = world.start().await;
    let admin = process.admin.clone();
    let call = tokio::spawn(async move {
        let request = pb::SynchronizeNowRequest { instance: String::new() };
        admin.clone().synchronize_now(request).await
    });
    crate::world::until("it is half way", async || {
        world.store.pending(instance()).await.unwrap().applying.is_some()
    })
    .await;
    process.stop().await;
    call.abort();
    store.close().await;

    let world = World { store: Arc::new(SqlSyncStore::open(&place).await.unwrap()), ..world };
    let process = world.start().await;
    crate::world::until("the bundle is in force", async || world.sequence().await == 2).await;
    assert_eq!(process.history().await[0].state(), pb::ExchangeState::Done);
}
