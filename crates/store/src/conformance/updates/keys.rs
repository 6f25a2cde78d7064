//! The keys that assignments are signed with.

use super::Factory;
use super::sample::{World, at, instance, key};
use crate::StoreError;

/// A store that is there answers.
pub async fn a_store_answers(factory: &dyn Factory) {
    factory.open().await.ping().await.unwrap();
}

/// As many as are asked for, of the instance alone.
pub async fn keys_come_back_newest_first(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for (byte, made) in [(1, 10), (2, 30), (3, 20)] {
        world.store.add_answer_key(world.instance, &key(byte, made)).await.unwrap();
    }
    assert_eq!(world.store.answer_keys(world.instance, 2).await.unwrap(), [key(2, 30), key(3, 20)]);
    assert!(world.store.answer_keys(instance(2), 9).await.unwrap().is_empty());
}

/// The id names it.
pub async fn a_key_is_added_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.store.add_answer_key(world.instance, &key(1, 10)).await.unwrap();
    let error = world.store.add_answer_key(world.instance, &key(1, 20)).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    world.store.add_answer_key(instance(2), &key(1, 20)).await.unwrap();
    assert_eq!(world.store.answer_keys(world.instance, 9).await.unwrap(), [key(1, 10)]);
}

/// Those that are good stay.
pub async fn keys_that_have_ended_are_forgotten(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for (byte, made) in [(1, 0), (2, 1)] {
        world.store.add_answer_key(world.instance, &key(byte, made)).await.unwrap();
    }
    assert_eq!(world.store.forget_answer_keys(world.instance, at(100)).await.unwrap(), 1);
    assert_eq!(world.store.answer_keys(world.instance, 9).await.unwrap(), [key(2, 1)]);
}
