//! Bundles that the vendor made for the server: what they put in force, and in which order.

use jiff::SignedDuration;
use leasehold_domain::{LineItem, Overdraft};
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::LicensingStore as _;
use leasehold_store::licensing::Standing;

use super::vendor::{LEAVE, TestVendor};
use super::world::{INSTANCE, World, hostid, item, reason, start};
use crate::ops;

#[tokio::test]
async fn a_bundle_is_in_force_and_the_same_again_changes_nothing() {
    let world = World::enrolled().await;
    let items = [item("L1", "cad", 3), item("L2", "cam", 1)];
    let bundle = world.vendor.bundle(4, world.now(), &items);
    let answer = world.licensing.apply_bundle(bundle.clone()).await.unwrap();
    let changes = [
        "line item L1 added: cad 1.0, 3 counts, permanent",
        "line item L2 added: cam 1.0, 1 count, permanent",
    ];
    assert_eq!(
        (answer.sequence, answer.applied, answer.changes),
        (4, true, changes.map(str::to_owned).to_vec())
    );
    assert_eq!(world.items().await, items.map(|item| (item, 0)));
    let (standing, activity) = (world.standing().await, world.activity().await);
    let detail =
        format!("RIGHTS_CHANGED: bundle 4, to be renewed before {}: {}", start() + LEAVE, changes.join("; "));
    assert_eq!(activity[0], detail);

    let again = world.licensing.apply_bundle(bundle).await.unwrap();
    assert_eq!((again.sequence, again.applied, again.changes), (4, false, vec![]));
    assert_eq!((world.standing().await, world.activity().await), (standing, activity));

    world.certified().await;
    let shown = world.instance().await;
    assert_eq!((shown.status(), shown.bundle_sequence), (pb::InstanceStatus::Running, 4));
    assert_eq!(shown.synchronize_before, Some(timestamp(start() + LEAVE)));
    assert_eq!(world.ask("d1", 1, |_| {}).await.bundle_sequence, 4);
}

#[tokio::test]
async fn only_a_newer_bundle_takes_the_place_of_one() {
    let world = World::with(&[]).await;
    world.apply(5, &[item("L1", "cad", 3)]).await.unwrap();
    let before = (world.standing().await, world.items().await, world.activity().await);
    for (sequence, items) in [(4, vec![item("L1", "cad", 3)]), (5, vec![item("L1", "cad", 99)]), (1, vec![])]
    {
        assert_eq!(reason(world.apply(sequence, &items).await), "BUNDLE_ROLLBACK");
    }
    assert_eq!((world.standing().await, world.items().await, world.activity().await), before);
    let answer = world.apply(6, &[item("L1", "cad", 3)]).await.unwrap();
    assert_eq!((answer.applied, answer.changes), (true, vec![]), "it may change nothing but the deadline");
    assert_eq!(world.standing().await.bundle.unwrap().sequence, 6);
}

#[tokio::test]
async fn what_is_finer_than_is_kept_is_no_change() {
    let world = World::enrolled().await;
    let fine = SignedDuration::new(3_600, 635_934_036);
    let item = LineItem {
        starts_at: Some(start() - fine),
        expires_at: Some(start() + fine),
        grace_after_expiry: fine,
        borrow_interval: Some(fine),
        lease_ttl: Some(SignedDuration::new(60, 1)),
        ..item("L1", "cad", 3)
    };
    world.apply(1, std::slice::from_ref(&item)).await.unwrap();
    let answer = world.apply(2, &[item]).await.unwrap();
    assert_eq!((answer.applied, answer.changes), (true, vec![]));
}

#[tokio::test]
async fn bundles_that_come_at_once_follow_each_other() {
    let world = World::enrolled().await;
    let items = [item("L", "cad", 0)];
    let bundles = (1..=8).rev().map(|sequence| world.apply(sequence, &items));
    let answers = futures::future::join_all(bundles).await;
    for answer in answers {
        match answer {
            Ok(answer) => assert!(answer.applied),
            Err(error) => assert_eq!(reason::<()>(Err(error)), "BUNDLE_ROLLBACK"),
        }
    }
    assert_eq!(world.standing().await.bundle.unwrap().sequence, 8);
}

#[tokio::test]
async fn what_a_bundle_does_not_have_is_lowered_while_it_is_out_and_goes_after_that() {
    let overdrawn = LineItem { overdraft: Overdraft::Unlimited, ..item("L1", "cad", 1) };
    let world = World::with(&[overdrawn.clone(), item("L2", "cam", 1)]).await;
    let held = [world.check_out("d1", 1).await, world.check_out("d2", 2).await];

    let answer = world.apply(2, &[]).await.unwrap();
    let changes = [
        "line item L1 lowered to 0: cad 1.0, 1 count, permanent, 2 still out",
        "line item L2 removed: cam 1.0, 1 count, permanent",
    ];
    assert_eq!(answer.changes, changes);
    let lowered = LineItem { count: Some(0), overdraft: Overdraft::None, ..overdrawn };
    assert_eq!(world.items().await, [(lowered, 2)], "nobody is cut off");
    let refused = world.ask("d3", 3, |_| {}).await;
    assert_eq!(refused.outcomes[0].outcome(), pb::Outcome::Refused, "and nothing more can be had");
    let kept = world.ask("d1", 4, |request| request.renews = vec![held[0].clone()]).await;
    assert_eq!(kept.outcomes[0].outcome(), pb::Outcome::Kept, "nor renewed");

    assert_eq!(world.apply(3, &[]).await.unwrap().changes, Vec::<String>::new());
    for grant in held {
        release(&world, grant).await;
    }
    let gone = world.apply(4, &[]).await.unwrap().changes;
    assert_eq!(gone, ["line item L1 removed: cad 1.0, 0 counts, permanent"]);
    assert_eq!(world.items().await, []);
}

async fn release(world: &World, grant: pb::GrantRef) {
    let message = pb::ReleaseRequest { grants: vec![grant], ..Default::default() };
    let (call, message) = leasehold_runtime::CallContext::enter(tonic::Request::new(message)).unwrap();
    let released = ops::release_grants::release_grants(&world.state, &call, message).await.unwrap();
    assert_eq!(released.results[0].reason(), pb::LostReason::Unspecified, "{released:?}");
}

#[tokio::test]
async fn an_advisory_line_item_that_is_gone_gives_nothing_more() {
    let world = World::with(&[LineItem { advisory: true, ..item("L1", "cad", 0) }]).await;
    world.check_out("d1", 1).await;
    world.apply(2, &[]).await.unwrap();
    assert_eq!(world.ask("d2", 2, |_| {}).await.outcomes[0].outcome(), pb::Outcome::Refused);
}

/// Keeps so many counts of `cad` for `d1`, whether there are as many or not.
async fn reserve(world: &World, count: i64) {
    let (feature, version) = ("cad".to_owned(), "1.0".to_owned());
    let entry = pb::ReservationEntry { feature, version, count, ..Default::default() };
    let reservation = pb::Reservation { hostid: Some(hostid("d1")), entries: vec![entry] };
    let reservations = vec![reservation];
    let group = pb::ReservationGroup { name: "lab".to_owned(), reservations, ..Default::default() };
    let request = pb::CreateReservationGroupRequest {
        group: Some(group),
        allow_unsatisfied: true,
        ..Default::default()
    };
    world.licensing.create_reservation_group(request).await.unwrap();
}

#[tokio::test]
async fn reservations_stay_whatever_a_bundle_takes_away() {
    let world = World::with(&[item("L1", "cad", 5)]).await;
    reserve(&world, 4).await;
    let reserved = async || {
        let list = pb::ListReservationGroupsRequest::default();
        let groups = ops::reservation_groups::list(&world.state, list).await.unwrap().groups;
        let entry = &groups[0].reservations[0].entries[0];
        (entry.count, entry.status.as_ref().unwrap().state())
    };
    assert_eq!(reserved().await, (4, pb::ReservationState::Satisfied));

    world.apply(2, &[item("L1", "cad", 3)]).await.unwrap();
    assert_eq!(reserved().await, (4, pb::ReservationState::Unsatisfied), "it cannot be met any more");
    let refused = world.ask("d2", 2, |_| {}).await;
    let why = refused.outcomes[0].refusals[0].reason();
    assert_eq!(why, pb::RefusalReason::ReservedForOthers, "what there is is kept for its owner");
    world.apply(3, &[item("L1", "cad", 9)]).await.unwrap();
    assert_eq!(reserved().await, (4, pb::ReservationState::Satisfied));
}

#[tokio::test]
async fn counts_are_divided_anew_when_a_line_item_of_a_later_bundle_starts() {
    let world = World::with(&[item("L1", "cad", 1)]).await;
    // Less than a gap, after which counts are divided anew in any case.
    let soon = SignedDuration::from_millis(1_500);
    let starts = start() + soon;
    let later = LineItem { starts_at: Some(starts), ..item("L2", "cad", 4) };
    world.apply(2, &[item("L1", "cad", 1), later]).await.unwrap();
    reserve(&world, 5).await;
    // The look that has seen the second bundle.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    world.pass(soon);
    let reserved = async || {
        let items = world.store.line_items(INSTANCE).await.unwrap();
        items.iter().map(leasehold_domain::cell::LineItemState::reserved_idle).sum::<u64>()
    };
    world.until(async || reserved().await == 5).await;
}

#[tokio::test]
async fn a_long_bundle_is_told_in_part() {
    let world = World::enrolled().await;
    let items: Vec<_> = (0..1_500).map(|number| item(&format!("L{number:04}"), "cad", 1)).collect();
    let changes = world.apply(1, &items).await.unwrap().changes;
    assert_eq!((changes.len(), changes[999].as_str()), (1_000, "and 501 more"));
    assert_eq!(world.items().await.len(), 1_500);
    assert!(world.activity().await[0].chars().count() < 1_100);
}

#[tokio::test]
async fn an_instance_that_is_not_enrolled_takes_no_bundle() {
    let world = super::world::Site::new().await.start().await.unwrap();
    assert_eq!(reason(world.apply(1, &[item("L", "cad", 1)]).await), "NOT_ENROLLED");
    assert_eq!(world.standing().await, Standing::default());
    let other = TestVendor::new(2, start());
    world.licensing.enrol(other.enrolment()).await.unwrap();
    assert_eq!(reason(world.apply(1, &[item("L", "cad", 1)]).await), "SIGNATURE_INVALID");
}
