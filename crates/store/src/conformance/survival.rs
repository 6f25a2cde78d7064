//! What is there after a restart.

use leasehold_domain::{Changes, RequestId};

use super::Factory;
use super::batches::{Ids, give};
use super::sample::{World, all, answer, at, change, entry, grant, group, hostid, record, touching, uuid};
use crate::licensing::RightsChange;

/// Whatever was committed is there when the store is opened again; what was not is gone.
pub async fn everything_survives_reopening(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    let groups = vec![group(1, "lab", vec![entry(1, "d1", "cad", 1)])];
    world.save(RightsChange { groups, activity: vec![record(1, 1, "d1", "cad")], ..change() }).await;
    let mut batch = world.begin().await;
    let mut estate = batch.load(&touching(&["cad"]), &leasehold_domain::Policies::default()).await.unwrap();
    give(&mut estate, grant(1, "d1", "cad"), &mut Ids(100));
    batch.commit(&estate.into_changes(), &[answer(1)], at(0)).await.unwrap();

    let (rights, grants, activity) = (world.rights().await, world.grants().await, world.activity().await);
    let devices = world.store.devices(world.instance, &all()).await.unwrap();
    let instances = world.store.instances().await.unwrap();
    let instance = world.instance;

    let mut open = world.begin().await;
    open.save_rights(&RightsChange { removed_items: vec![super::sample::item_id("item-1")], ..change() })
        .await
        .unwrap();
    drop(open);

    let Some(store) = factory.reopen(world.store).await else { return };
    let world = World { store, instance };
    assert_eq!(world.store.instances().await.unwrap(), instances);
    assert_eq!(world.rights().await, rights);
    assert_eq!(world.grants().await, grants);
    assert_eq!(world.activity().await, activity);
    assert_eq!(world.store.activity(instance, &all()).await.unwrap().total, 2);
    assert_eq!(world.store.devices(instance, &all()).await.unwrap(), devices);
    assert_eq!(world.answers(&[RequestId(uuid(1))]).await, [answer(1)]);
    assert!(world.store.device(instance, &hostid("d1")).await.unwrap().is_some());
    world.commit(&Changes { activity: vec![record(9, 9, "d1", "cad")], ..Changes::default() }).await;
    assert_eq!(world.store.activity(instance, &all()).await.unwrap().total, 3);
}
