//! What a server does without its vendor's leave: it grants nothing, and leaves what is out alone.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::capability::{Outcome, RequestRefusal};
use leasehold_domain::grant::Lost;
use leasehold_domain::leave::Unsynchronized;
use leasehold_domain::{Device, DeviceType, Leave, Mode, Rejection};

use crate::fixture::{at, hostid, item, leave};
use crate::site::{START, Site, hours};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Asks in every manner; the refusal of all of them.
fn refused(site: &mut Site) -> Option<RequestRefusal> {
    let before = site.estate.clone().into_changes();
    let mut refusals = Vec::new();
    for (device, mode, incremental, preview, features) in [
        ("D", Mode::Online, false, false, 1),
        ("D", Mode::Borrow, false, false, 1),
        ("D", Mode::Online, true, false, 1),
        ("D", Mode::Online, false, true, 1),
        ("D", Mode::Online, false, false, 0),
        ("E", Mode::Online, false, false, 1),
    ] {
        let mut request = site.request(device, &[("f", "1.0", 1)][..features]);
        (request.mode, request.incremental, request.preview) = (mode, incremental, preview);
        let answer = site.decide(&request).expect("the request is well formed");
        assert_eq!((answer.outcomes, answer.returned), (vec![], vec![]));
        assert_eq!(site.estate.clone().into_changes(), before, "nothing changes");
        refusals.push(answer.refusal);
    }
    assert!(refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
    refusals[0]
}

fn unsynchronized(why: Unsynchronized) -> RequestRefusal {
    RequestRefusal::ServerUnsynchronized(why)
}

#[test]
fn nothing_is_granted_before_the_first_bundle() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    site.estate.leave = None;
    assert_eq!(refused(&mut site), Some(unsynchronized(Unsynchronized::Never)));
    site.estate.certified = false;
    assert_eq!(
        refused(&mut site),
        Some(unsynchronized(Unsynchronized::Never)),
        "which is what has to be told"
    );
    assert_eq!(site.item("L").out(), 0);
}

#[test]
fn nothing_is_granted_from_the_deadline_on_though_the_line_item_is_good() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    site.estate.leave = Some(Leave { sequence: 7, synchronize_before: at(START) + hours(2) });
    site.pass(hours(2) - SECOND);
    let held = site.grant("D", "f", 2);
    site.pass(SECOND);
    assert_eq!(refused(&mut site), Some(unsynchronized(Unsynchronized::Overdue)));
    assert_eq!(site.held("D", "f"), Some(&held), "and what is out stays");

    site.estate.leave = Some(Leave { sequence: 8, synchronize_before: at(START) + hours(3) });
    site.grant("D", "f", 3);
}

#[test]
fn nothing_is_granted_without_a_certified_key() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    site.grant("D", "f", 2);
    site.estate.certified = false;
    assert_eq!(refused(&mut site), Some(unsynchronized(Unsynchronized::Uncertified)));
    site.estate.leave = Some(Leave { synchronize_before: at(START), ..leave() });
    assert_eq!(
        refused(&mut site),
        Some(unsynchronized(Unsynchronized::Overdue)),
        "which is the greater trouble"
    );
}

#[test]
fn what_is_out_is_returned_taken_back_and_ends_as_always() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let returned = site.grant("A", "f", 1);
    let silent = site.grant("B", "f", 2);
    let ended = site.grant("C", "f", 3);
    site.estate.leave = None;
    assert_eq!(site.release(&returned.reference()), Ok(()));
    site.pass(hours(1));
    assert!(site.take_back(silent.id, silent.fencing_token));
    site.pass(hours(24));
    assert!(site.end_overdue(ended.id));
    assert_eq!(site.item("L").out(), 0);
    let why = site.estate.clone().into_changes().ended;
    assert_eq!(
        why.iter().map(|(_, lost)| *lost).collect::<Vec<_>>(),
        [Lost::Returned, Lost::Expired, Lost::Ended]
    );
}

#[test]
fn refusals_of_a_whole_request_have_an_order() {
    let mut site = Site::of([item("L", "f", "1.0", 9)]);
    let stale = site.grant("D", "f", 1).reference();
    site.grant("D", "f", 1);
    (site.estate.leave, site.estate.restored) = (None, true);
    let mut request = site.request("D", &[("f", "1.0", 1)]);
    (request.mode, request.renews) = (Mode::Borrow, vec![stale]);
    assert!(matches!(site.decide(&request), Err(Rejection::Stale { .. })), "a rejection comes first");
    request.renews.clear();

    let device = Device {
        hostid: hostid("D"),
        alias: String::new(),
        device_type: DeviceType::Unknown,
        first_seen: at(START),
        last_seen: at(START),
        blocked: true,
    };
    site.estate.put_device(device.clone());
    assert_eq!(site.decide(&request).unwrap().refusal, Some(RequestRefusal::DeviceBlocked));
    site.estate.put_device(Device { blocked: false, ..device });
    assert_eq!(site.decide(&request).unwrap().refusal, Some(unsynchronized(Unsynchronized::Never)));
    site.estate.leave = Some(leave());
    assert_eq!(site.decide(&request).unwrap().refusal, Some(RequestRefusal::Restored));
    site.estate.restored = false;
    assert_eq!(site.decide(&request).unwrap().outcomes[0].outcome, Outcome::Granted);
}

#[test]
fn every_refusal_says_what_to_do() {
    for why in [Unsynchronized::Never, Unsynchronized::Overdue, Unsynchronized::Uncertified] {
        let message = RequestRefusal::ServerUnsynchronized(why).message();
        assert!(message.contains("ask an administrator"), "{message}");
    }
    assert_eq!(Unsynchronized::of(Some(leave()), true, Timestamp::UNIX_EPOCH), None);
}
