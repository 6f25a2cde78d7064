//! The mark of an instance that was restored from a backup, as everybody finds it.

use leasehold_domain::{Changes, InstanceId, Policies};

use super::Factory;
use super::sample::{World, at, grant, touched_by, uuid};
use crate::licensing::Touched;

async fn is_marked(world: &World) -> bool {
    world.store.standing(world.instance).await.unwrap().restored
}

/// Marks the instance or takes the mark away; whether that changed anything.
async fn mark(world: &World, restored: bool) -> bool {
    let mut batch = world.begin().await;
    let changed = batch.set_restored(restored).await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    changed
}

/// The mark stands until it is taken away, also when the store is opened again; once more changes nothing.
pub async fn a_mark_stands_until_it_is_taken_away(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(!is_marked(&world).await);
    assert!(!mark(&world, false).await);
    assert_eq!((mark(&world, true).await, is_marked(&world).await), (true, true));
    assert_eq!((mark(&world, true).await, is_marked(&world).await), (false, true));
    assert_eq!((mark(&world, false).await, is_marked(&world).await), (true, false));
    mark(&world, true).await;
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert!(is_marked(&World { store, instance }).await);
}

/// Every batch finds the mark with what it loads, whatever it loads and whatever came before.
pub async fn a_batch_finds_the_mark(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    world.grant(&[grant(1, "d1", "cad")]).await;
    let policies = Policies::default();
    for restored in [true, false] {
        mark(&world, restored).await;
        for touched in [Touched::default(), touched_by(&grant(1, "d1", "cad").holder)] {
            assert_eq!(world.load(&touched).await.restored, restored);
            let (_, estate) =
                world.begin().await.claim_and_load(&[], &touched, &policies, at(0)).await.unwrap();
            assert_eq!(estate.restored, restored);
            let mut late = world.begin().await;
            late.time().await.unwrap();
            late.load_rights().await.unwrap();
            assert_eq!(late.load(&touched, &policies).await.unwrap().restored, restored);
        }
    }
}

/// The mark goes with its batch.
pub async fn a_mark_of_a_dropped_batch_is_not_kept(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut dropped = world.begin().await;
    assert!(dropped.set_restored(true).await.unwrap());
    drop(dropped);
    assert!(!is_marked(&world).await);
    assert!(!world.load(&Touched::default()).await.restored);
}

/// Each instance has a mark of its own, and one that was never made has none.
pub async fn marks_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    mark(&world, true).await;
    assert!(!is_marked(&other).await);
    assert!(!other.load(&Touched::default()).await.restored);
    assert!(!world.store.standing(InstanceId(uuid(77))).await.unwrap().restored);
}
