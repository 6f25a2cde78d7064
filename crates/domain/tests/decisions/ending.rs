//! Grants that end otherwise than by a request, and who has the power to end them.

use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::{ActivityKind, FencingToken, GrantId, GrantRef, LeaseToken, Mode};
use uuid::Uuid;

use crate::fixture::{at, item, line_item_id};
use crate::site::{START, Site, hours};

#[test]
fn only_the_newest_token_returns_a_grant() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    let first = site.grant("D", "f", 2);
    let grant = site.grant("D", "f", 2);
    assert_eq!((grant.id, grant.fencing_token), (first.id, FencingToken(2)));
    let before = site.estate.clone().into_changes();
    let shown = grant.reference();
    for (wrong, lost) in [
        (first.reference(), Lost::StaleToken),
        (GrantRef { lease_token: first.lease_token, ..shown }, Lost::WrongToken),
        (GrantRef { lease_token: None, ..shown }, Lost::WrongToken),
        (GrantRef { lease_token: Some(LeaseToken([0; 16])), ..shown }, Lost::WrongToken),
        (GrantRef { fencing_token: FencingToken(3), ..shown }, Lost::WrongToken),
        (GrantRef { id: GrantId(Uuid::nil()), ..shown }, Lost::UnknownGrant),
    ] {
        assert_eq!(site.release(&wrong), Err(lost), "{wrong:?}");
        assert_eq!(site.estate.clone().into_changes(), before, "nothing changes");
    }
    assert_eq!(site.release(&shown), Ok(()));
    assert_eq!((site.item("L").out(), site.held("D", "f")), (0, None));
    assert_eq!(site.release(&shown), Err(Lost::UnknownGrant), "once");
}

#[test]
fn a_returned_grant_leaves_one_record_and_its_reason() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    let grant = site.grant("D", "f", 2);
    site.reallocate(|_, _| {});
    site.release(&grant.reference()).unwrap();
    let changes = site.estate.clone().into_changes();
    assert_eq!(changes.ended, [(grant.id, Lost::Returned)]);
    assert_eq!(changes.grants, []);
    let [record] = changes.activity.as_slice() else { panic!("{:?}", changes.activity) };
    assert_eq!((record.kind, record.grant), (ActivityKind::Returned, Some(grant.id)));
    assert_eq!(record.deltas, [(line_item_id("L"), -2)].into());
}

#[test]
fn silence_takes_a_grant_back_only_past_its_floor_and_with_the_token_that_was_found() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    let grant = site.grant("D", "f", 2);
    assert_eq!(grant.floor_deadline, Some(at(START) + SignedDuration::from_secs(600 + 30)));
    site.pass(SignedDuration::from_secs(629));
    assert!(!site.take_back(grant.id, grant.fencing_token), "before the floor deadline");
    site.pass(SignedDuration::from_secs(1));
    assert!(!site.take_back(grant.id, grant.fencing_token.next()), "with another token");
    assert!(!site.take_back(GrantId(Uuid::nil()), grant.fencing_token), "another grant");
    assert_eq!(site.item("L").out(), 2);

    let renewed = site.grant("D", "f", 2);
    site.pass(hours(1));
    assert!(!site.take_back(grant.id, grant.fencing_token), "renewed since it was found");
    assert!(site.take_back(renewed.id, renewed.fencing_token));
    assert_eq!(site.item("L").out(), 0);
    let changes = site.estate.clone().into_changes();
    assert_eq!(changes.ended, [(grant.id, Lost::Expired)]);
    assert_eq!(changes.activity.last().map(|record| record.kind), Some(ActivityKind::Expired));
    assert!(!site.take_back(renewed.id, renewed.fencing_token), "once");
}

#[test]
fn a_holder_that_was_heard_since_it_was_found_silent_keeps_its_grant() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    let grant = site.grant("D", "f", 2);
    site.pass(hours(1));
    // Its floor deadline moved after the verdict, and has passed again.
    let before = at(START) + SignedDuration::from_secs(600);
    let found = FoundSilent { grant: grant.id, fencing_token: grant.fencing_token, floor: before };
    assert!(!site.take_back_found(&found));
    assert!(site.take_back_found(&FoundSilent { floor: grant.floor_deadline.unwrap(), ..found }));
}

#[test]
fn a_borrow_is_never_taken_back_for_silence() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    let outcome = site.ask_with("D", ("f", "1.0", 2), |request| request.mode = Mode::Borrow);
    let grant = outcome.grant.unwrap();
    site.pass(hours(24 * 365));
    assert!(!site.take_back(grant.id, grant.fencing_token));
    assert_eq!(site.item("L").out(), 2);
}

#[test]
fn only_the_parts_whose_time_has_come_end_and_the_token_stays() {
    let mut site = Site::of([item("L", "f", "1.0", 5)]);
    site.grant("D", "f", 2);
    site.pass(hours(1));
    let grant = site.ask_with("D", ("f", "1.0", 3), |request| request.incremental = true).grant.unwrap();
    site.pass(SignedDuration::from_secs(23 * 3_600 - 1));
    assert!(!site.end_overdue(grant.id), "a second early");
    site.pass(SignedDuration::from_secs(1));
    assert!(site.end_overdue(grant.id));
    let left = site.held("D", "f").unwrap().clone();
    assert_eq!(
        (left.count(), left.fencing_token, left.lease_token),
        (3, grant.fencing_token, grant.lease_token)
    );
    assert_eq!(site.item("L").out(), 3);
    assert!(!site.end_overdue(grant.id), "once");

    site.pass(hours(1));
    assert!(site.end_overdue(grant.id));
    assert_eq!((site.held("D", "f"), site.item("L").out()), (None, 0));
    let changes = site.estate.clone().into_changes();
    assert_eq!(changes.ended, [(grant.id, Lost::Ended)]);
    let ended = changes.activity.iter().filter(|record| record.kind == ActivityKind::Ended);
    let deltas: Vec<i64> = ended.map(|record| record.deltas[&line_item_id("L")]).collect();
    assert_eq!(deltas, [-2, -3]);
    assert!(!site.end_overdue(grant.id), "there is none");
}
