//! Answer keys: when there is a new one, who shares it, and which are not believed.

use jiff::SignedDuration;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::LicensingStore;
use leasehold_store::licensing::AnswerKey;

use super::vendor::{DAY, Mood, TestCertifier, TestVendor};
use super::world::{INSTANCE, Site, World, item, start};
use crate::Error;
use crate::answer_keys::{KeyError, renew};

async fn kept(world: &World) -> Vec<AnswerKey> {
    world.store.answer_keys(INSTANCE, 100).await.unwrap()
}

/// A service with a bundle, whose certifier is in this mood from the start.
async fn with(mood: Mood) -> World {
    let world = World::enrolled().await;
    world.certifier.is_now(mood);
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world
}

#[tokio::test]
async fn a_key_is_replaced_after_a_day() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let first = kept(&world).await;
    assert_eq!((first.len(), first[0].created_at), (1, start()));
    assert_eq!((first[0].not_before, first[0].not_after), (start() - DAY * 2, start() + DAY * 7));

    world.pass(DAY - SignedDuration::from_secs(1));
    renew(&world.state, INSTANCE).await.unwrap();
    assert_eq!(kept(&world).await, first);
    world.pass(SignedDuration::from_secs(1));
    // Nobody calls but the look of every second.
    world.until(async || kept(&world).await.len() == 2).await;
    let both = kept(&world).await;
    assert_eq!((both[0].created_at, &both[1]), (start() + DAY, &first[0]));
    let newest = world.state.keyring(INSTANCE).good_until(world.now());
    assert_eq!(newest, Some(start() + DAY * 8), "answers are signed with the newest");
}

#[tokio::test]
async fn a_key_serves_for_as_long_as_it_is_good_when_no_other_can_be_had() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    world.certifier.is_now(Mood::Away);
    world.pass(DAY * 7 - SignedDuration::from_secs(1));
    world.check_out("d1", 1).await;
    world.pass(SignedDuration::from_secs(1));
    let refused = world.ask("d1", 2, |_| {}).await;
    assert_eq!((refused.outcomes.len(), refused.signed), (0, None));
    world.certifier.is_now(Mood::Good);
    world.certified().await;
    world.check_out("d1", 3).await;
}

#[tokio::test]
async fn who_asks_another_replica_right_after_the_first_bundle_waits_for_the_key() {
    let mut site = Site::new().await;
    let one = site.start().await.unwrap();
    site.certifier = TestCertifier::new(&site.vendor, &site.clock, Mood::Away);
    let other = site.start().await.unwrap();
    one.licensing.enrol(one.vendor.enrolment()).await.unwrap();
    // It has looked already, and found none.
    assert_eq!(other.instance().await.status(), pb::InstanceStatus::Unsynchronized);
    one.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    other.check_out("d1", 1).await;
}

#[tokio::test]
async fn replicas_share_a_key() {
    let mut site = Site::new().await;
    let one = site.start().await.unwrap();
    site.certifier = TestCertifier::new(&site.vendor, &site.clock, Mood::Away);
    let other = site.start().await.unwrap();
    one.licensing.enrol(one.vendor.enrolment()).await.unwrap();
    one.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    one.certified().await;
    other.until(async || other.instance().await.status() == pb::InstanceStatus::Running).await;
    other.check_out("d1", 1).await;
    one.check_out("d2", 2).await;
    assert_eq!(kept(&one).await.len(), 1, "the other can only have it from the store");

    one.pass(DAY);
    one.until(async || kept(&one).await.len() == 2).await;
    let newest = Some(start() + DAY * 8);
    other.until(async || other.state.keyring(INSTANCE).good_until(other.now()) == newest).await;
}

#[tokio::test]
async fn a_key_survives_a_restart_and_needs_nobody_then() {
    let site = Site::new().await;
    let world = site.start().await.unwrap();
    world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.certified().await;
    drop(world);
    site.certifier.is_now(Mood::Away);
    let again = site.start().await.unwrap();
    again.check_out("d1", 1).await;
    assert_eq!(again.certifier.asked(), 1);
}

#[tokio::test]
async fn another_master_key_is_told_at_the_start() {
    let mut site = Site::new().await;
    let world = site.start().await.unwrap();
    world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.certified().await;
    site.master = [8; 32];
    let error = site.start().await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Sealed { .. }), "{error:?}");
    assert!(error.to_string().contains("start the server with the master key"), "{error}");
}

#[tokio::test]
async fn a_damaged_key_is_passed_over_and_another_takes_its_place() {
    let site = Site::new().await;
    let world = site.start().await.unwrap();
    world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.certified().await;
    let mut damaged = kept(&world).await.pop().unwrap();
    drop(world);
    assert_eq!(site.store.forget_answer_keys(INSTANCE, damaged.not_after).await.unwrap(), 1);
    // The key of another row.
    damaged.key_id = [1; 32];
    site.store.add_answer_key(INSTANCE, &damaged).await.unwrap();
    let again = site.start().await.unwrap();
    again.certified().await;
    again.check_out("d1", 1).await;
    assert_eq!(kept(&again).await.len(), 2);
}

#[tokio::test]
async fn certificates_that_do_not_lead_to_the_key_are_not_believed() {
    let world = with(Mood::Away).await;
    let fails = async || renew(&world.state, INSTANCE).await.unwrap_err();
    world.certifier.is_now(Mood::OtherKey);
    assert!(matches!(fails().await, KeyError::OtherKey));
    for mood in [Mood::OtherService, Mood::LongAgo] {
        world.certifier.is_now(mood);
        assert!(matches!(fails().await, KeyError::Chain(_)), "{mood:?}");
    }
    world.certifier.is_now(Mood::Good);
    for vendor in [
        TestVendor { name: "other", ..world.vendor.clone() },
        TestVendor { server: INSTANCE, ..world.vendor.clone() },
        TestVendor::new(2, start()),
    ] {
        *world.certifier.vendor.lock().unwrap() = vendor;
        assert!(matches!(fails().await, KeyError::Chain(_)));
    }
    assert_eq!(kept(&world).await, []);
}

#[tokio::test]
async fn a_failure_is_tried_again_soon() {
    let world = with(Mood::Away).await;
    world.until(async || world.certifier.asked() >= 3).await;
    world.certifier.is_now(Mood::Good);
    world.certified().await;
}

#[tokio::test]
async fn keys_that_ended_are_forgotten() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let made = async |after: SignedDuration| {
        world.pass(after);
        world
            .until(async || {
                world.state.keyring(INSTANCE).good_until(world.now()) == Some(world.now() + DAY * 7)
            })
            .await;
        kept(&world).await.len()
    };
    assert_eq!(made(DAY * 7).await, 2);
    assert_eq!(made(DAY * 3).await, 2, "the first ended three days ago");
}
