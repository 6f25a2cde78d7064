//! Claims: one holder at a time, and not for ever.

use uuid::Uuid;

use super::Factory;
use super::sample::{World, at, instance};

const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

impl World {
    async fn claim(&self, holder: Uuid, now: i64, until: i64) -> bool {
        self.store.claim(self.instance, holder, at(now), at(until)).await.unwrap()
    }
}

/// Who has it keeps others out; an instance needs no identity for it.
pub async fn one_holder_has_a_claim(factory: &dyn Factory) {
    let world = World { store: factory.open().await, instance: instance(1) };
    assert!(world.claim(ONE, 0, 30).await);
    assert!(!world.claim(OTHER, 0, 30).await);
    assert!(!world.claim(OTHER, 29, 60).await);
}

/// Its holder moves it on, and back.
pub async fn a_claim_is_moved_on_by_its_holder(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.claim(ONE, 0, 30).await);
    assert!(world.claim(ONE, 20, 50).await);
    assert!(!world.claim(OTHER, 49, 99).await);
    assert!(world.claim(ONE, 20, 40).await);
    assert!(world.claim(OTHER, 40, 99).await);
}

/// Beyond its time somebody else may have it, and then the first has not.
pub async fn a_claim_ends_with_its_time(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.claim(ONE, 0, 30).await);
    assert!(world.claim(OTHER, 30, 60).await);
    assert!(!world.claim(ONE, 31, 61).await);
}

/// What no claim that is made now could reach was made by another clock, and its holder may be gone.
pub async fn a_claim_from_before_a_clock_was_set_back_is_none(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.claim(ONE, 1_000, 1_030).await);
    assert!(!world.claim(OTHER, 970, 1_000).await);
    assert!(world.claim(OTHER, 969, 999).await);
    assert!(!world.claim(ONE, 969, 999).await);
}

/// Only its holder gives it up.
pub async fn a_claim_is_given_up_by_its_holder_alone(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.claim(ONE, 0, 30).await);
    world.store.release(world.instance, OTHER).await.unwrap();
    assert!(!world.claim(OTHER, 1, 31).await);
    world.store.release(world.instance, ONE).await.unwrap();
    world.store.release(world.instance, ONE).await.unwrap();
    assert!(world.claim(OTHER, 1, 31).await);
}

/// All claims are forgotten at once.
pub async fn claims_are_forgotten_all_at_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside().await;
    assert!(world.claim(ONE, 0, 30).await && other.claim(ONE, 0, 30).await);
    world.store.forget_claims().await.unwrap();
    assert!(world.claim(OTHER, 1, 31).await && other.claim(OTHER, 1, 31).await);
}

/// The claim of one instance is nothing to another.
pub async fn claims_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside().await;
    assert!(world.claim(ONE, 0, 30).await);
    assert!(other.claim(OTHER, 0, 30).await);
    other.store.release(other.instance, ONE).await.unwrap();
    assert!(!other.claim(ONE, 1, 31).await);
    world.store.release(world.instance, ONE).await.unwrap();
    assert!(!other.claim(ONE, 1, 31).await);
}
