//! What is kept when the store is closed.

use super::Factory;
use super::sample::{World, all, bound, entitlement, exchange, product, record, server_id, vendor};

/// Whatever was committed is there when the store is opened again.
pub async fn everything_survives_reopening(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.store.create_vendor(&vendor(), &record("set_up")).await.unwrap();
    world.store.create_product(&product("p"), &record("made")).await.unwrap();
    world.add(&bound(2, "c", "two")).await;
    world.entitle(&entitlement(1, 1, &["a", "b"])).await;
    world.exchange(&[exchange(1, 1)]).await;
    let (actions, entitlements) =
        (world.actions().await, world.store.entitlements(None, &all()).await.unwrap());

    let Some(store) = factory.reopen(world.store).await else { return };
    let world = World { store };
    assert_eq!(world.store.vendor().await.unwrap(), Some(vendor()));
    assert_eq!(world.store.product("p").await.unwrap(), Some(product("p")));
    assert_eq!(world.store.license_server(server_id(2)).await.unwrap(), Some(bound(2, "c", "two")));
    assert_eq!(world.store.entitlements(None, &all()).await.unwrap(), entitlements);
    assert_eq!(world.exchanges().await, [exchange(1, 1)]);
    assert_eq!(world.begin(1).await.answer(1).await.unwrap(), Some(1_u64.to_be_bytes().to_vec()));
    assert_eq!(world.actions().await, actions);
}
