use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::kept::Standing;

/// A borrow with an hour left, and ten minutes of grace.
fn resumed(start: Instant) -> (Holding, Timestamp) {
    let until = Timestamp::from_second(1_800_000_000).unwrap();
    let standing = Standing {
        granted: Granted { lease: None, ..granted(reference(1, 1)) },
        lease: None,
        ends: Some(3_600 * SECOND),
        over: Some(4_200 * SECOND),
        until: Some(until),
    };
    (Holding::resumed(terms(), standing, None, start, MIDDLE), until)
}

#[test]
fn a_machine_that_slept_gains_nothing_by_it() {
    let start = Instant::now();
    let ahead = |length: i64| SignedDuration::from_secs(length);
    let (mut holding, until) = resumed(start);
    let offline = State::Offline { until: Some(until) };
    holding.time_is(until - ahead(3_600), start);
    assert_eq!(holding.state(start + 3_599 * SECOND), offline, "it was awake all the time");
    // A clock that is set back lengthens nothing.
    holding.time_is(until - ahead(9_000), start);
    assert_eq!(holding.state(start + 3_600 * SECOND), State::Grace);
    // Half an hour is gone that the other clock has not counted.
    holding.time_is(until - ahead(1_800), start);
    assert_eq!(holding.state(start + 1_799 * SECOND), offline);
    assert_eq!(holding.state(start + 1_800 * SECOND), State::Grace);
    assert_eq!(holding.state(start + 2_400 * SECOND), State::Lost(LostReason::OutOfReach));
    holding.time_is(until + ahead(60), start);
    assert_eq!(holding.state(start), State::Grace);
    assert_eq!(holding.state(start + 540 * SECOND), State::Lost(LostReason::OutOfReach));
    holding.time_is(until + ahead(600), start);
    assert_eq!(holding.state(start), State::Lost(LostReason::OutOfReach));
}

/// An online grant whose lease has 25 s left.
fn resumed_online(now: Instant, unanswered: Option<Sent>) -> Holding {
    let standing = Standing {
        granted: granted(reference(1, 1)),
        lease: Some(25 * SECOND),
        ends: None,
        over: Some(600 * SECOND),
        until: Some(Timestamp::UNIX_EPOCH),
    };
    Holding::resumed(terms(), standing, unanswered, now, MIDDLE)
}

#[test]
fn a_heartbeat_that_is_answered_is_enough() {
    let start = Instant::now();
    let mut holding = resumed_online(start, None);
    let now = start + 20 * SECOND;
    assert!(holding.needs_heartbeat(now) && matches!(holding.state(now), State::Offline { .. }));
    holding.beat(now, now, &reference(1, 1), &result(LeaseStatus::Ok, Lost::Unspecified));
    assert_eq!(holding.state(now), State::Valid);
    assert_eq!(holding.state(now + TTL - SECOND), State::Grace);
    let mut gone = resumed_online(start, None);
    gone.beat(now, now, &reference(1, 1), &result(LeaseStatus::Lost, Lost::Dropped));
    assert_eq!(gone.state(now), State::Lost(LostReason::Dropped));
}

#[test]
fn a_checkout_whose_answer_comes_late_counts_from_its_sending() {
    let start = Instant::now();
    let now = start + 30 * SECOND;
    let request = pb::RequestCapabilitiesRequest { request_id: "r".to_owned(), ..Default::default() };
    let unanswered = Sent { request: request.clone(), at: start, seen: Seen::default() };
    let mut holding = resumed_online(now, Some(unanswered));
    assert_eq!(holding.state(now + 24 * SECOND), State::Offline { until: Some(Timestamp::UNIX_EPOCH) });
    assert_eq!(holding.state(now + 25 * SECOND), State::Grace);
    let due = holding.next_request().unwrap();
    let sent = holding.request_due(due, Seen::default).unwrap();
    assert_eq!((sent.request, sent.at), (request, start));
    holding.request_answered(due, Reading::Granted(granted(reference(1, 2))), MIDDLE);
    assert!(matches!(holding.state(start + TTL - 2 * SECOND), State::Valid | State::Jeopardy));
    assert_eq!(holding.state(start + TTL - SECOND), State::Grace, "not from when it was taken up");
}

#[test]
fn a_grant_that_was_taken_up_is_renewed_by_its_old_reference() {
    let start = Instant::now();
    let (mut holding, _) = resumed(start);
    let due = holding.next_request().unwrap();
    assert!(due > start && due <= start + 2 * SECOND, "soon");
    let sent = holding.request_due(due, Seen::default).unwrap();
    assert_eq!((sent.request.renews, sent.at), (vec![reference(1, 1)], due));
    holding.request_answered(due, Reading::Granted(granted(reference(1, 2))), MIDDLE);
    assert_eq!(holding.state(due), State::Valid);
    // And one that is refused for now is held by what the server says.
    let (mut holding, _) = resumed(start);
    holding.request_due(due, Seen::default).unwrap();
    let kept = Granted { lease: None, ..granted(reference(1, 1)) };
    holding.request_answered(due, Reading::Kept(kept), MIDDLE);
    assert_eq!(holding.state(due), State::Valid);
}
