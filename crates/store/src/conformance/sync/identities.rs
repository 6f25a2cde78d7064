//! Who an instance is, as it was saved.

use leasehold_domain::InstanceId;
use uuid::Uuid;

use super::Factory;
use super::sample::{World, all, at, bundle, exchange, identity, instance, nonce};
use crate::sync::{Contact, Identity, Pending, Way};

/// A store that is there answers.
pub async fn a_store_answers(factory: &dyn Factory) {
    factory.open().await.ping().await.unwrap();
}

/// Reading what was never made finds nothing.
pub async fn an_unknown_instance_has_nothing(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.put(exchange(1, Way::Online)).await;
    let (store, unknown) = (world.store, instance(77));
    assert_eq!(store.identity(unknown).await.unwrap(), None);
    assert_eq!(store.exchange(unknown, 1).await.unwrap(), None);
    assert_eq!(store.number_of(unknown, &nonce(1)).await.unwrap(), None);
    assert_eq!(store.pending(unknown).await.unwrap(), Pending::default());
    assert_eq!(store.exchanges(unknown, &all()).await.unwrap().total, 0);
}

/// An identity comes back as it was saved, with the first revision; before and after its first bundle.
pub async fn an_identity_comes_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let saved = world.identity().await;
    assert_eq!(saved, Identity { revision: 1, ..identity(1) });
    let full = Identity {
        bundle: Some(bundle(7)),
        warned: Some(30),
        next_at: Some(at(99)),
        failures: 3,
        next_number: 12,
        ..saved
    };
    assert!(world.save(full.clone(), None).await);
    assert_eq!(world.identity().await, Identity { revision: 2, ..full });
}

/// What is largest, longest or empty comes back too.
pub async fn an_identity_of_the_largest_values_comes_back(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut largest = world.identity().await;
    largest.enrolment.license_server_id = Uuid::max();
    largest.enrolment.vendor_id = "\u{10ffff}%_\\'\"".repeat(20);
    largest.enrolment.contact = Contact::default();
    largest.enrolment.address = String::new();
    largest.enrolment.vendor_recipient = String::new();
    largest.keys.signing_key = vec![0xff; 65_536];
    largest.keys.identity = Vec::new();
    largest.next_number = i64::MAX.unsigned_abs();
    largest.warned = Some(u16::MAX);
    largest.failures = u32::MAX;
    let mut bundle = bundle(i64::MAX.unsigned_abs());
    bundle.notices = vec!["x".repeat(100_000); 20];
    bundle.instance_certificate = (0..=255).collect();
    largest.bundle = Some(bundle);
    assert!(world.save(largest.clone(), None).await);
    assert_eq!(world.identity().await, Identity { revision: 2, ..largest });
}

/// Nothing of what stood before is left.
pub async fn an_identity_is_replaced_whole(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let full =
        Identity { bundle: Some(bundle(7)), warned: Some(7), next_at: Some(at(9)), ..world.identity().await };
    assert!(world.save(full, None).await);
    let other = Identity { revision: 2, ..identity(9) };
    assert!(world.save(other.clone(), None).await);
    assert_eq!(world.identity().await, Identity { revision: 3, ..other });
}

/// Instances with an identity are listed by id.
pub async fn the_enrolled_are_listed_by_id(factory: &dyn Factory) {
    let store = factory.open().await;
    assert_eq!(store.enrolled().await.unwrap(), []);
    let ids = [3, 1, 2].map(instance);
    for id in ids {
        assert!(World { store: store.clone(), instance: id }.save(identity(1), None).await);
    }
    let expected: Vec<InstanceId> = [1, 2, 3].map(instance).into();
    assert_eq!(store.enrolled().await.unwrap(), expected);
}

/// A change that was made from another revision writes nothing, the exchange included.
pub async fn a_change_needs_the_revision_that_stands(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let first = world.identity().await;
    assert!(world.save(Identity { failures: 1, ..first.clone() }, None).await);
    for revision in [first.revision, 3, i64::MAX.unsigned_abs()] {
        let stale = Identity { revision, failures: 9, ..first.clone() };
        assert!(!world.save(stale, Some(exchange(1, Way::File))).await, "{revision}");
    }
    assert_eq!((world.identity().await.failures, world.identity().await.revision), (1, 2));
    assert_eq!(world.exchange(1).await, None);
    let unknown = World { store: world.store.clone(), instance: instance(77) };
    assert!(!unknown.save(first, None).await);
    assert_eq!(unknown.store.identity(unknown.instance).await.unwrap(), None);
}

/// A second first identity writes nothing.
pub async fn an_identity_is_made_once(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(!world.save(identity(9), Some(exchange(1, Way::File))).await);
    assert_eq!(world.identity().await, Identity { revision: 1, ..identity(1) });
    assert_eq!(world.exchange(1).await, None);
}
