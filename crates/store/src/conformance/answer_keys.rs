//! The keys that answers are signed with.

use leasehold_domain::InstanceId;

use super::Factory;
use super::sample::{World, at, uuid};
use crate::StoreError;
use crate::licensing::AnswerKey;

/// A key that was made so many seconds into the test, and is good for 100 from then.
fn key(number: u8, made: i64) -> AnswerKey {
    AnswerKey {
        key_id: [number; 32],
        sealed_seed: vec![number, 0, 255],
        certificates: vec![number; 2_000],
        not_before: at(made - 10),
        not_after: at(made + 100),
        created_at: at(made),
    }
}

async fn add(world: &World, key: &AnswerKey) {
    world.store.add_answer_key(world.instance, key).await.unwrap();
}

async fn keys(world: &World) -> Vec<AnswerKey> {
    world.store.answer_keys(world.instance, 100).await.unwrap()
}

/// Keys come newest first, byte for byte, no more than asked, and when the store is opened again.
pub async fn the_newest_keys_come_first(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(keys(&world).await, []);
    let (old, new, newest) = (key(9, 1), key(1, 2), key(2, 3));
    for key in [&new, &newest, &old] {
        add(&world, key).await;
    }
    assert_eq!(keys(&world).await, [newest.clone(), new.clone(), old.clone()]);
    assert_eq!(world.store.answer_keys(world.instance, 2).await.unwrap(), [newest.clone(), new.clone()]);
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert_eq!(keys(&World { store, instance }).await, [newest, new, old]);
}

/// A key is added once; the first stays as it was.
pub async fn a_key_is_added_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    add(&world, &key(1, 1)).await;
    let error = world.store.add_answer_key(world.instance, &key(1, 2)).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(keys(&world).await, [key(1, 1)]);
}

/// Keys that had ended by then are forgotten, and no others.
pub async fn ended_keys_are_forgotten(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for made in 1..=3 {
        add(&world, &key(u8::try_from(made).unwrap(), made)).await;
    }
    let forget = async |seconds| world.store.forget_answer_keys(world.instance, at(seconds)).await.unwrap();
    assert_eq!(forget(100).await, 0);
    assert_eq!(forget(102).await, 2);
    assert_eq!(keys(&world).await, [key(3, 3)]);
}

/// Each instance has keys of its own, and one that was never made can have none.
pub async fn keys_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    add(&world, &key(1, 1)).await;
    assert_eq!(keys(&other).await, []);
    add(&other, &key(1, 2)).await;
    assert_eq!(other.store.forget_answer_keys(other.instance, at(999)).await.unwrap(), 1);
    assert_eq!((keys(&world).await, keys(&other).await), (vec![key(1, 1)], vec![]));

    let unknown = InstanceId(uuid(77));
    assert_eq!(world.store.answer_keys(unknown, 10).await.unwrap(), []);
    assert_eq!(world.store.forget_answer_keys(unknown, at(999)).await.unwrap(), 0);
    let error = world.store.add_answer_key(unknown, &key(1, 1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
}
