//! That an instance is suspended, as everybody finds it.

use leasehold_domain::{Changes, InstanceId, Policies};

use super::Factory;
use super::sample::{World, at, grant, touched_by, uuid};
use crate::licensing::{Suspension, Touched};

fn suspension(text: &str) -> Suspension {
    Suspension { text: text.to_owned(), since: at(7), actor: "Zoë".to_owned() }
}

async fn standing(world: &World) -> Option<Suspension> {
    world.store.standing(world.instance).await.unwrap().suspension
}

async fn set(world: &World, suspension: Option<&Suspension>) {
    let mut batch = world.begin().await;
    batch.set_suspension(suspension).await.unwrap();
    assert_eq!(batch.standing().await.unwrap().suspension.as_ref(), suspension);
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
}

/// It stands until another takes its place or it is taken away, also when the store is opened again, without a text too.
pub async fn a_suspension_stands_until_it_is_taken_away(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(standing(&world).await, None);
    for one in [Some(suspension("Audit – bis Freitag.\nDanke.")), Some(suspension("")), None] {
        set(&world, one.as_ref()).await;
        assert_eq!(standing(&world).await, one);
    }
    set(&world, Some(&suspension("again"))).await;
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert_eq!(standing(&World { store, instance }).await, Some(suspension("again")));
}

/// Every batch finds it with what it loads, whatever it loads and whatever came before.
pub async fn a_batch_finds_the_suspension(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    world.grant(&[grant(1, "d1", "cad")]).await;
    let policies = Policies::default();
    for text in [None, Some(""), Some("Audit"), None] {
        set(&world, text.map(suspension).as_ref()).await;
        for touched in [Touched::default(), touched_by(&grant(1, "d1", "cad").holder)] {
            assert_eq!(world.load(&touched).await.suspended.as_deref(), text);
            let (_, estate) =
                world.begin().await.claim_and_load(&[], &touched, &policies, at(0)).await.unwrap();
            assert_eq!(estate.suspended.as_deref(), text);
            let mut late = world.begin().await;
            late.time().await.unwrap();
            late.load_rights().await.unwrap();
            assert_eq!(late.load(&touched, &policies).await.unwrap().suspended.as_deref(), text);
        }
    }
}

/// It goes with its batch.
pub async fn a_suspension_of_a_dropped_batch_is_not_kept(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut dropped = world.begin().await;
    dropped.set_suspension(Some(&suspension("no"))).await.unwrap();
    drop(dropped);
    assert_eq!(standing(&world).await, None);
    assert_eq!(world.load(&Touched::default()).await.suspended, None);
}

/// Each instance has its own, and one that was never made has none.
pub async fn suspensions_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    set(&world, Some(&suspension("here"))).await;
    assert_eq!(standing(&other).await, None);
    assert_eq!(other.load(&Touched::default()).await.suspended, None);
    assert_eq!(world.store.standing(InstanceId(uuid(77))).await.unwrap().suspension, None);
}
