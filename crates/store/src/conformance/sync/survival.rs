//! What outlives the store.

use uuid::Uuid;

use super::Factory;
use super::sample::{World, all, at, bundle, ended, exchange};
use crate::sync::{Exchange, ExchangeState, Identity, Way};

/// Everything is there again when the store is opened again.
pub async fn everything_survives_reopening(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let full = Identity { bundle: Some(bundle(3)), next_number: 4, ..world.identity().await };
    assert!(world.save(full, Some(exchange(1, Way::Online))).await);
    world.put(ended(exchange(2, Way::File), ExchangeState::Done)).await;
    let applying =
        Exchange { state: ExchangeState::Applying, response: vec![9; 1000], ..exchange(3, Way::File) };
    world.put(applying.clone()).await;
    let holder = Uuid::from_u128(1);
    assert!(world.store.claim(world.instance, holder, at(0), at(30)).await.unwrap());
    let (identity, instance) = (world.identity().await, world.instance);
    let Some(store) = factory.reopen(world.store).await else { return };
    let world = World { store, instance };
    assert_eq!(world.identity().await, identity);
    assert_eq!(world.listed(&all()).await, [3, 2, 1]);
    assert_eq!(world.exchange(3).await, Some(applying));
    assert!(!world.store.claim(world.instance, Uuid::from_u128(2), at(1), at(31)).await.unwrap());
    world.store.release(world.instance, holder).await.unwrap();
}
