//! What an instance has from its vendor: whose server it is, the bundle in force, and the leave that it gives.

use std::sync::Arc;

use leasehold_domain::{Changes, InstanceId, Policies};

use super::Factory;
use super::sample::{World, at, change, grant, item, record, touched_by, uuid};
use crate::licensing::{Bundle, Enrolment, RightsChange, Standing, Touched};
use crate::{LicensingBatch, LicensingStore, StoreError};

fn enrolment(number: u8) -> Enrolment {
    let vendor_id = format!("Beispiel – {number}");
    Enrolment { vendor_id, license_server_id: uuid(number.into()), root_key: [number; 32] }
}

fn bundle(sequence: u64) -> Bundle {
    let seconds = i64::try_from(sequence).unwrap();
    Bundle {
        sequence,
        digest: [u8::try_from(sequence % 256).unwrap(); 32],
        issued_at: at(seconds),
        synchronize_before: at(seconds + 1_000),
    }
}

async fn standing(world: &World) -> Standing {
    world.store.standing(world.instance).await.unwrap()
}

async fn enrol(world: &World, enrolment: &Enrolment) {
    let mut batch = world.begin().await;
    batch.set_enrolment(enrolment).await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
}

async fn apply(world: &World, bundle: &Bundle) {
    let mut batch = world.begin().await;
    batch.set_bundle(bundle).await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
}

/// A new instance has no vendor, and neither has one that was never made.
pub async fn a_new_instance_has_nothing_of_a_vendor(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(standing(&world).await, Standing::default());
    assert_eq!(world.begin().await.standing().await.unwrap(), Standing::default());
    assert_eq!(world.store.standing(InstanceId(uuid(77))).await.unwrap(), Standing::default());
    assert_eq!(world.load(&Touched::default()).await.leave, None);
}

/// An enrolment stands until another takes its place, in the transaction and outside, and when the store is opened again.
pub async fn an_enrolment_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for number in [1, 2] {
        let mut batch = world.begin().await;
        batch.set_enrolment(&enrolment(number)).await.unwrap();
        let expected = Standing { enrolment: Some(enrolment(number)), ..Standing::default() };
        assert_eq!(batch.standing().await.unwrap(), expected);
        batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
        assert_eq!(standing(&world).await, expected);
        assert_eq!(world.load(&Touched::default()).await.leave, None, "it gives no leave");
    }
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert_eq!(store.standing(instance).await.unwrap().enrolment, Some(enrolment(2)));
}

/// A bundle stands until another takes its place, the furthest numbers and times included, beside the mark.
pub async fn a_bundle_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    enrol(&world, &enrolment(1)).await;
    let far = Bundle {
        sequence: i64::MAX.unsigned_abs(),
        digest: [255; 32],
        issued_at: jiff::Timestamp::from_second(-62_135_596_800).unwrap(),
        synchronize_before: jiff::Timestamp::from_second(253_402_207_199).unwrap(),
    };
    for bundle in [bundle(1), bundle(300), far] {
        apply(&world, &bundle).await;
        let expected =
            Standing { enrolment: Some(enrolment(1)), bundle: Some(bundle), ..Standing::default() };
        assert_eq!(standing(&world).await, expected);
        assert_eq!(world.begin().await.standing().await.unwrap(), expected);
    }
    let mut batch = world.begin().await;
    assert!(batch.set_restored(true).await.unwrap());
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    let expected =
        Standing { restored: true, enrolment: Some(enrolment(1)), bundle: Some(far), ..Standing::default() };
    assert_eq!(standing(&world).await, expected);
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert_eq!(store.standing(instance).await.unwrap(), expected);
}

/// There is no bundle without a vendor that it could be from.
pub async fn a_bundle_without_an_enrolment_is_refused(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut batch = world.begin().await;
    let write = async {
        batch.set_bundle(&bundle(1)).await?;
        batch.commit(&Changes::default(), &[], at(0)).await
    };
    let error = write.await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(standing(&world).await, Standing::default());
}

/// Every batch finds the leave with what it loads, whatever it loads and whatever came before.
pub async fn a_batch_finds_the_leave(factory: &dyn Factory) {
    let world = World::with_item(factory, 5).await;
    world.grant(&[grant(1, "d1", "cad")]).await;
    enrol(&world, &enrolment(1)).await;
    let policies = Policies::default();
    for bundle in [None, Some(bundle(7)), Some(bundle(8))] {
        if let Some(bundle) = &bundle {
            apply(&world, bundle).await;
        }
        let leave = bundle.map(|bundle| bundle.leave());
        for touched in [Touched::default(), touched_by(&grant(1, "d1", "cad").holder)] {
            assert_eq!(world.load(&touched).await.leave, leave);
            let (_, estate) =
                world.begin().await.claim_and_load(&[], &touched, &policies, at(0)).await.unwrap();
            assert_eq!((estate.leave, estate.certified), (leave, false), "keys are not the store's to judge");
            let mut late = world.begin().await;
            late.time().await.unwrap();
            late.load_rights().await.unwrap();
            assert_eq!(late.load(&touched, &policies).await.unwrap().leave, leave);
        }
    }
}

async fn bring(batch: &mut dyn LicensingBatch, bundle: &Bundle) -> Result<(), StoreError> {
    let items = vec![item("item-1", "cad", bundle.sequence)];
    let activity = vec![record(bundle.sequence.into(), 0, "d1", "cad")];
    batch.save_rights(&RightsChange { items, activity, ..change() }).await?;
    batch.set_bundle(bundle).await
}

/// A bundle and the rights that it brings are one transaction, in either order.
pub async fn a_bundle_and_its_rights_come_together(factory: &dyn Factory) {
    let world = World::new(factory).await;
    enrol(&world, &enrolment(1)).await;
    let before = standing(&world).await;
    let mut dropped = world.begin().await;
    bring(&mut *dropped, &bundle(1)).await.unwrap();
    drop(dropped);
    assert_eq!(standing(&world).await, before);
    assert_eq!((world.rights().await.items, world.activity().await), (vec![], vec![]));

    let mut kept = world.begin().await;
    kept.set_bundle(&bundle(1)).await.unwrap();
    bring(&mut *kept, &bundle(2)).await.unwrap();
    if !factory.reads_wait() {
        assert_eq!(standing(&world).await, before, "nothing is visible before the commit");
    }
    kept.commit(&Changes::default(), &[], at(0)).await.unwrap();
    assert_eq!(standing(&world).await.bundle, Some(bundle(2)));
    assert_eq!(world.item().await, item("item-1", "cad", 2));

    let mut refused = world.begin().await;
    refused.set_bundle(&bundle(3)).await.unwrap();
    let twice = vec![item("item-1", "cad", 5), item("item-1", "cad", 6)];
    refused.save_rights(&RightsChange { items: twice, ..change() }).await.unwrap_err();
    drop(refused);
    assert_eq!(standing(&world).await.bundle, Some(bundle(2)), "what is refused takes all with it");
}

/// Brings a bundle unless a newer one is in force.
async fn bring_newer(
    store: &dyn LicensingStore,
    instance: InstanceId,
    bundle: &Bundle,
) -> Result<bool, StoreError> {
    let mut batch = store.begin(instance).await?;
    let in_force = batch.standing().await?.bundle.map_or(0, |bundle| bundle.sequence);
    if in_force >= bundle.sequence {
        return Ok(false);
    }
    bring(&mut *batch, bundle).await?;
    batch.commit(&Changes::default(), &[], at(0)).await?;
    Ok(true)
}

/// Of bundles that come at once none takes the place of a newer one, and the rights are those of the one in force.
pub async fn bundles_that_come_at_once_follow_each_other(factory: &dyn Factory) {
    let world = World::new(factory).await;
    enrol(&world, &enrolment(1)).await;
    let tasks: Vec<_> = (0..2_u64)
        .map(|task| {
            let (store, instance) = (Arc::clone(&world.store), world.instance);
            tokio::spawn(async move {
                let mut applied = Vec::new();
                for round in 0..10 {
                    let bundle = bundle(1 + 2 * round + (task + round) % 2);
                    let was_applied = loop {
                        match bring_newer(&*store, instance, &bundle).await {
                            Ok(applied) => break applied,
                            Err(error) => assert!(error.is_passing(), "{error:?}"),
                        }
                    };
                    applied.extend(was_applied.then_some(bundle.sequence));
                }
                applied
            })
        })
        .collect();
    let mut applied = Vec::new();
    for task in tasks {
        applied.extend(task.await.unwrap());
    }
    assert!(applied.contains(&20), "{applied:?}");
    assert_eq!(standing(&world).await.bundle, Some(bundle(20)));
    assert_eq!(world.item().await, item("item-1", "cad", 20));
    assert_eq!(world.activity().await.len(), applied.len(), "each was applied once: {applied:?}");
}

/// Addresses keep their number, and others get a greater one, those from before included.
pub async fn addresses_are_numbered_upwards(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    let number = async |world: &World, addresses: &[&str], least| {
        let addresses: Vec<String> = addresses.iter().map(|address| (*address).to_owned()).collect();
        world.store.number_addresses(world.instance, &addresses, least).await.unwrap()
    };
    let first = number(&world, &["a:1", "b:1"], 10).await;
    assert_eq!(first, 10);
    assert_eq!(number(&world, &["a:1", "b:1"], 99).await, first);
    let second = number(&world, &["b:1", "a:1"], 5).await;
    assert_eq!(second, 11, "their order counts");
    assert_eq!(number(&world, &["a:1", "b:1"], 5).await, 12);
    assert_eq!(number(&world, &[], 50).await, 50);
    assert_eq!(number(&world, &[], 51).await, 50, "none are addresses too");
    assert_eq!(number(&other, &["a:1"], 3).await, 3, "each instance has its own");
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    assert_eq!(number(&World { store, instance }, &[], 99).await, 50);
}

/// Each instance has a vendor of its own.
pub async fn vendors_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    enrol(&world, &enrolment(1)).await;
    apply(&world, &bundle(5)).await;
    assert_eq!(standing(&other).await, Standing::default());
    assert_eq!(other.load(&Touched::default()).await.leave, None);
    enrol(&other, &enrolment(2)).await;
    apply(&other, &bundle(9)).await;
    assert_eq!(standing(&world).await.enrolment, Some(enrolment(1)));
    assert_eq!(world.load(&Touched::default()).await.leave, Some(bundle(5).leave()));
    assert_eq!(other.load(&Touched::default()).await.leave, Some(bundle(9).leave()));
}
