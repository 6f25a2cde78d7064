//! Notices for clients.

use leasehold_domain::{Changes, InstanceId};

use super::Factory;
use super::sample::{World, at, uuid};
use crate::licensing::{Notice, Notices};

/// A notice that is over so many seconds into the test.
fn notice(key: &str, number: u64, until: i64) -> Notice {
    Notice { key: key.to_owned(), number, until: at(until), content: vec![0, 255, 10, 13] }
}

async fn put(world: &World, notices: &[Notice]) {
    let mut batch = world.begin().await;
    for notice in notices {
        batch.put_notice(notice).await.unwrap();
    }
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
}

async fn kept(world: &World) -> Notices {
    let outside = world.store.notices(world.instance).await.unwrap();
    assert_eq!(world.begin().await.notices().await.unwrap(), outside);
    outside
}

/// They are found by number, whatever their keys are, until they are taken away, also when the store is opened again;
/// the last number stays.
pub async fn notices_stand_by_number_until_they_are_taken_away(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(kept(&world).await, Notices::default());
    let far =
        Notice { content: vec![7; 10_000], ..notice("ä/\u{1f4a1}", i64::MAX.unsigned_abs(), 9_999_999) };
    put(&world, &[notice("z", 3, 10), notice("a", 9, 20), far.clone()]).await;
    let all =
        Notices { last_number: far.number, kept: vec![notice("z", 3, 10), notice("a", 9, 20), far.clone()] };
    assert_eq!(kept(&world).await, all);

    let mut batch = world.begin().await;
    batch.remove_notice(&far.key).await.unwrap();
    batch.remove_notice("none").await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    let left = Notices { last_number: far.number, kept: vec![notice("z", 3, 10), notice("a", 9, 20)] };
    assert_eq!(kept(&world).await, left);
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert_eq!(kept(&World { store, instance }).await, left);
}

/// One key, one notice.
pub async fn a_notice_takes_the_place_of_the_one_with_its_key(factory: &dyn Factory) {
    let world = World::new(factory).await;
    put(&world, &[notice("a", 1, 10), notice("b", 2, 10)]).await;
    let anew = Notice { content: b"anew".to_vec(), ..notice("a", 3, 30) };
    put(&world, std::slice::from_ref(&anew)).await;
    assert_eq!(kept(&world).await, Notices { last_number: 3, kept: vec![notice("b", 2, 10), anew] });
}

/// They go with their batch.
pub async fn notices_of_a_dropped_batch_are_not_kept(factory: &dyn Factory) {
    let world = World::new(factory).await;
    put(&world, &[notice("a", 1, 10)]).await;
    let mut dropped = world.begin().await;
    dropped.put_notice(&notice("b", 2, 10)).await.unwrap();
    dropped.remove_notice("a").await.unwrap();
    drop(dropped);
    assert_eq!(kept(&world).await, Notices { last_number: 1, kept: vec![notice("a", 1, 10)] });
}

/// What is over is forgotten, and nothing else.
pub async fn notices_that_are_over_are_forgotten(factory: &dyn Factory) {
    let world = World::new(factory).await;
    put(&world, &[notice("a", 1, 10), notice("b", 2, 20), notice("c", 3, 30)]).await;
    assert_eq!(world.store.forget_notices(world.instance, at(20)).await.unwrap(), 2);
    assert_eq!(world.store.forget_notices(world.instance, at(20)).await.unwrap(), 0);
    assert_eq!(kept(&world).await, Notices { last_number: 3, kept: vec![notice("c", 3, 30)] });
}

/// Each instance has its own.
pub async fn notices_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    put(&world, &[notice("a", 7, 10)]).await;
    put(&other, &[notice("a", 1, 10)]).await;
    assert_eq!(kept(&other).await, Notices { last_number: 1, kept: vec![notice("a", 1, 10)] });
    assert_eq!(world.store.forget_notices(other.instance, at(99)).await.unwrap(), 1);
    assert_eq!(kept(&world).await, Notices { last_number: 7, kept: vec![notice("a", 7, 10)] });
    let unknown = InstanceId(uuid(77));
    assert_eq!(world.store.notices(unknown).await.unwrap(), Notices::default());
    assert_eq!(world.store.forget_notices(unknown, at(99)).await.unwrap(), 0);
}
