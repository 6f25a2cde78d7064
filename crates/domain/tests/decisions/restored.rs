//! What an instance that was restored from a backup keeps from doing until somebody confirms it.

use jiff::SignedDuration;
use leasehold_domain::capability::{Outcome, RequestRefusal};
use leasehold_domain::grant::Lost;
use leasehold_domain::{Grant, LineItem, Mode};

use crate::fixture::{at, item};
use crate::site::{START, Site, hours};

fn borrow(site: &mut Site, device: &str, count: u64) -> Grant {
    site.ask_with(device, ("f", "1.0", count), |request| request.mode = Mode::Borrow)
        .grant
        .expect("there are counts enough")
}

#[test]
fn nothing_is_borrowed_or_borrowed_for_longer_and_a_return_goes_on() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let held = borrow(&mut site, "D", 2);
    site.estate.restored = true;
    let before = site.estate.clone().into_changes();
    for (device, incremental, preview, renews) in [
        ("D", false, false, vec![]),
        ("D", false, false, vec![held.reference()]),
        ("D", true, false, vec![]),
        ("D", false, true, vec![]),
        ("E", false, false, vec![]),
    ] {
        let mut request = site.request(device, &[("f", "1.0", 1)]);
        (request.mode, request.incremental, request.preview) = (Mode::Borrow, incremental, preview);
        request.renews = renews;
        let answer = site.decide(&request).unwrap();
        assert_eq!(answer.refusal, Some(RequestRefusal::Restored));
        assert_eq!((answer.outcomes, answer.returned), (vec![], vec![]));
        assert_eq!(site.estate.clone().into_changes(), before, "nothing changes");
    }
    assert_eq!(site.held("D", "f"), Some(&held));
    assert_eq!(site.release(&held.reference()), Ok(()));

    site.estate.restored = false;
    assert_eq!(borrow(&mut site, "D", 1).mode, Mode::Borrow);
}

#[test]
fn online_grants_go_on() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    site.estate.restored = true;
    let grant = site.grant("D", "f", 2);
    let renewed = site.ask_with("D", ("f", "1.0", 3), |request| request.renews = vec![grant.reference()]);
    assert_eq!((renewed.outcome, renewed.grant.unwrap().id), (Outcome::Granted, grant.id));
}

#[test]
fn silence_takes_nothing_back() {
    let mut site = Site::of([item("L", "f", "1.0", 3)]);
    let grant = site.grant("D", "f", 2);
    site.estate.restored = true;
    site.pass(hours(1));
    assert!(!site.take_back(grant.id, grant.fencing_token));
    assert_eq!(site.item("L").out(), 2);
    site.estate.restored = false;
    assert!(site.take_back(grant.id, grant.fencing_token));
}

#[test]
fn a_period_ends_only_with_its_line_item() {
    let expires = LineItem {
        expires_at: Some(at(START) + hours(48)),
        grace_after_expiry: SignedDuration::from_hours(2),
        ..item("old", "f", "1.0", 1)
    };
    let mut site = Site::of([expires, item("new", "f", "2.0", 9)]);
    let online = site.grant("D", "f", 3);
    let borrowed = borrow(&mut site, "E", 2);
    site.estate.restored = true;
    site.pass(hours(24 * 8));
    assert!(site.end_overdue(online.id), "what has expired ends, whoever may have renewed it");
    let left = site.held("D", "f").unwrap();
    assert_eq!((left.count(), left.fencing_token), (2, online.fencing_token));
    assert!(!site.end_overdue(online.id), "its holder may have renewed the rest since the backup");
    assert!(!site.end_overdue(borrowed.id));
    assert_eq!((site.item("old").out(), site.item("new").out()), (0, 4));

    site.estate.restored = false;
    assert!(site.end_overdue(online.id) && site.end_overdue(borrowed.id));
    assert_eq!(site.item("new").out(), 0);
    let ended = site.estate.clone().into_changes().ended;
    assert!(ended.contains(&(online.id, Lost::Ended)) && ended.contains(&(borrowed.id, Lost::Ended)));
}

#[test]
fn a_holder_that_asks_anew_ends_its_own_periods() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let borrowed = borrow(&mut site, "D", 2);
    site.estate.restored = true;
    site.pass(hours(24 * 8));
    assert!(!site.end_overdue(borrowed.id));
    let online = site.ask_with("D", ("f", "1.0", 3), |request| request.incremental = true).grant.unwrap();
    assert_eq!((online.mode, online.count()), (Mode::Online, 3), "nothing of the borrow is left in it");
    assert_ne!(online.id, borrowed.id);
}
