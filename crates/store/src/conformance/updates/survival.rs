//! What outlives the store.

use leasehold_domain::updates::UpdateState;

use super::Factory;
use super::sample::{World, all, at, check_in, event, id, key, newest, release, upstream};

/// Everything is there again when the store is opened again.
pub async fn everything_survives_reopening(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.put(&[release("1")], &[newest("1")]).await);
    world.store.save_upstream(world.instance, &upstream()).await.unwrap();
    world.store.add_answer_key(world.instance, &key(1, 1)).await.unwrap();
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    world.report(id(1), &[event(1, UpdateState::Installed)], at(1)).await;
    let (client, instance) = (world.client(id(1)).await, world.instance);
    let Some(store) = factory.reopen(world.store).await else { return };
    let world = World { store, instance };
    assert_eq!(world.client(id(1)).await, client);
    assert_eq!(world.releases().await, [release("1")]);
    assert_eq!(world.store.owed_notices(instance).await.unwrap(), [newest("1")]);
    assert_eq!(world.store.upstream(instance).await.unwrap(), Some(upstream()));
    assert_eq!(world.store.answer_keys(instance, 9).await.unwrap(), [key(1, 1)]);
    assert_eq!(world.store.events(instance, id(1), &all()).await.unwrap().total, 1);
}
