mod kept;

use std::collections::BTreeMap;

use leasehold_domain::GrantId;
use leasehold_proto::licensing::v1::{LeaseStatus, LostReason as Lost};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tonic::Status;
use uuid::Uuid;

use super::*;
use crate::answer::Reading;
use crate::answers::Holder;
use crate::error::no_answer;
use crate::failure::Failure;
use crate::place::{Occupied, Places};
use crate::verify::Seen;

const TTL: Duration = Duration::from_secs(40);
const SECOND: Duration = Duration::from_secs(1);
const MIDDLE: f64 = 0.5;

fn reference(id: u128, fencing_token: u64) -> pb::GrantRef {
    pb::GrantRef { grant_id: Uuid::from_u128(id).to_string(), fencing_token, lease_token: vec![7; 16] }
}

fn granted(grant: pb::GrantRef) -> Granted {
    Granted {
        id: GrantId(Uuid::parse_str(&grant.grant_id).unwrap()),
        grant,
        count: 1,
        ends_at: None,
        ends_in: Some(Duration::from_hours(1)),
        renew_after: Some(Duration::from_mins(10)),
        lease: Some((TTL, None)),
    }
}

fn key() -> Key {
    Key {
        server: "licences:16770".to_owned(),
        instance: String::new(),
        feature: "solver".to_owned(),
        device: "D1/STRING".to_owned(),
        user: None,
        holder: Holder::Client { id: "c".to_owned(), place: 0 },
        selectors: BTreeMap::new(),
    }
}

fn terms() -> Terms {
    Terms {
        feature: "solver".into(),
        request: pb::RequestCapabilitiesRequest::default(),
        grace: Duration::from_mins(10),
        place: Places::default().take(&Occupied::default()),
        key: Some(key()),
    }
}

fn online(start: Instant) -> Holding {
    Holding::new(terms(), granted(reference(1, 1)), start, start, MIDDLE)
}

fn result(status: LeaseStatus, reason: Lost) -> pb::LeaseResult {
    pb::LeaseResult { status: status.into(), reason: reason.into(), ..pb::LeaseResult::default() }
}

impl Holding {
    /// A heartbeat that was sent at `sent` and answered at `now`.
    fn beat(&mut self, sent: Instant, now: Instant, shown: &pb::GrantRef, result: &pb::LeaseResult) {
        self.heartbeat_sent();
        self.heartbeat_answered((sent, now), shown, result, None, MIDDLE);
    }

    fn state(&self, now: Instant) -> State {
        self.shown().state(now)
    }
}

#[test]
fn time_is_counted_from_sending() {
    let start = Instant::now();
    let mut holding = online(start);
    let (sent, answered) = (start + 10 * SECOND, start + 20 * SECOND);
    holding.beat(sent, answered, &reference(1, 1), &result(LeaseStatus::Ok, Lost::Unspecified));
    assert_eq!(holding.state(answered), State::Valid);
    assert_eq!(holding.state(sent + TTL - 2 * SECOND), State::Jeopardy, "the next one is overdue");
    assert_eq!(holding.state(sent + TTL - SECOND), State::Grace);
    let earlier = start + 5 * SECOND;
    holding.beat(earlier, answered, &reference(1, 1), &result(LeaseStatus::Ok, Lost::Unspecified));
    assert_eq!(holding.state(sent + TTL - 2 * SECOND), State::Jeopardy, "an older one takes nothing away");
}

#[test]
fn an_answer_to_an_older_token_says_nothing() {
    let start = Instant::now();
    let mut holding = online(start);
    holding.heartbeat_sent();
    let later = start + 600 * SECOND;
    // Kept up meanwhile, and renewed while a heartbeat with the first token is under way.
    holding.heard(later, TTL, None, MIDDLE);
    assert!(holding.request_due(later, Seen::default).is_some());
    holding.request_answered(later, Reading::Granted(granted(reference(1, 2))), MIDDLE);
    let lost = result(LeaseStatus::Lost, Lost::StaleToken);
    holding.heartbeat_answered((later, later), &reference(1, 1), &lost, None, MIDDLE);
    assert_eq!(holding.state(later), State::Valid);
    assert!(holding.needs_heartbeat(later), "and is tried again at once with the new one");
    holding.beat(later, later, &reference(1, 2), &lost);
    assert_eq!(
        holding.state(later),
        State::Lost(LostReason::TakenOver),
        "the newest token is another matter"
    );
}

#[test]
fn a_token_that_our_own_request_made_stale_is_learnt() {
    let start = Instant::now();
    let mut holding = online(start);
    let now = start + 600 * SECOND;
    holding.heard(now - 10 * SECOND, TTL, None, MIDDLE);
    let first = holding.request_due(now, Seen::default).unwrap().request;
    let lost = result(LeaseStatus::Lost, Lost::StaleToken);
    holding.beat(now, now, &reference(1, 1), &lost);
    assert_eq!(holding.state(now), State::Jeopardy, "under way");
    holding.request_failed(now, &Failure::read(&no_answer(SECOND)), MIDDLE);
    holding.beat(now, now, &reference(1, 1), &lost);
    assert_eq!(holding.state(now), State::Jeopardy, "its outcome unknown");
    let again = holding.request_due(now, Seen::default).expect("it is repeated without delay").request;
    assert_eq!(again, first);
    let answered = now + 15 * SECOND;
    holding.request_answered(answered, Reading::Granted(granted(reference(1, 2))), MIDDLE);
    assert_eq!(holding.state(answered), State::Valid);
    assert_eq!(holding.state(now + TTL - SECOND), State::Grace, "counted from its first attempt");
}

#[test]
fn a_renewal_takes_nothing_away_that_was_heard_since() {
    let start = Instant::now();
    let mut holding = online(start);
    let sent = start + 600 * SECOND;
    holding.heard(sent, TTL, None, MIDDLE);
    holding.request_due(sent, Seen::default).unwrap();
    holding.request_failed(sent, &Failure::read(&Status::internal("a defect")), MIDDLE);
    let now = sent + 100 * SECOND;
    holding.heard(now, TTL, None, MIDDLE);
    holding.request_due(now, Seen::default).unwrap();
    holding.request_answered(now, Reading::Granted(granted(reference(1, 2))), MIDDLE);
    assert_eq!(holding.state(now), State::Valid);
    holding.beat(now, now, &reference(1, 2), &result(LeaseStatus::Lost, Lost::Expired));
    holding.request_due(now, Seen::default).unwrap();
    holding.request_answered(now + TTL - SECOND, Reading::Granted(granted(reference(2, 1))), MIDDLE);
    assert_eq!(holding.state(now + TTL - SECOND), State::Grace, "but another grant begins anew");
}

#[test]
fn a_forgotten_renewal_of_ours_is_taken_over() {
    let start = Instant::now();
    let mut holding = online(start);
    let now = start + 600 * SECOND;
    holding.heard(now, TTL, None, MIDDLE);
    holding.request_due(now, Seen::default).unwrap();
    holding.request_failed(now, &Failure::read(&no_answer(SECOND)), MIDDLE);
    holding.request_due(now + 10 * SECOND, Seen::default).unwrap();
    holding.request_failed(now, &Failure::read(&stale()), MIDDLE);
    let again = holding.request_due(now, Seen::default).unwrap();
    assert!(again.request.renews.is_empty());
    assert_eq!(holding.state(now), State::Grace, "until it is ours again");
}

fn stale() -> Status {
    use tonic_types::StatusExt;
    let mut details = tonic_types::ErrorDetails::new();
    details.set_error_info("STALE_TOKEN", "leasehold", [("lost".to_owned(), "STALE_TOKEN".to_owned())]);
    Status::with_error_details(tonic::Code::FailedPrecondition, "", details)
}

#[test]
fn what_comes_too_late_is_only_returned() {
    let start = Instant::now();
    let mut holding = online(start);
    let now = start + 600 * SECOND;
    holding.heard(now, TTL, None, MIDDLE);
    holding.request_due(now, Seen::default).unwrap();
    holding.beat(now, now, &reference(1, 1), &result(LeaseStatus::Lost, Lost::Dropped));
    assert_eq!(holding.state(now), State::Lost(LostReason::Dropped));
    assert!(!holding.is_returnable());
    assert_eq!(holding.lost_from_kept().map(|held| held.grant), Some(reference(1, 1)));
    assert!(holding.lost_from_kept().is_none(), "it is removed once");
    assert!(holding.must_learn(now), "the request under way may have been granted");
    holding.request_answered(now, Reading::Granted(granted(reference(2, 1))), MIDDLE);
    assert_eq!(holding.state(now), State::Lost(LostReason::Dropped));
    assert!(holding.is_returnable() && !holding.must_learn(now));
    assert_eq!(*holding.grant(), reference(2, 1));
    assert_eq!(holding.lost_from_kept().map(|held| held.grant), Some(reference(2, 1)), "kept meanwhile");
    assert_eq!(holding.wakes_at(now), None);
}

#[test]
fn failed_heartbeats_are_tried_again_sooner_and_sooner_never() {
    let start = Instant::now();
    let mut holding = online(start);
    holding.heartbeat_sent();
    assert!(!holding.needs_heartbeat(start + TTL), "one at a time");
    let mut now = start + 10 * SECOND;
    let mut delays = Vec::new();
    for _ in 0..6 {
        holding.heartbeat_failed(now, None, MIDDLE);
        let due = holding.next_heartbeat().unwrap();
        delays.push((due - now).as_millis());
        now = due;
        holding.heartbeat_sent();
    }
    assert_eq!(delays, [1_250, 2_500, 5_000, 10_000, 10_000, 10_000]);
    holding.heartbeat_failed(now, Some(Duration::from_hours(1)), MIDDLE);
    assert_eq!(holding.next_heartbeat(), Some(now + TTL / 2), "the server's wish has its bound");
}

/// Chance decides what happens next; a plain record of what was sent and answered says what may be held.
#[test]
fn nothing_is_held_longer_than_the_last_answer_allows() {
    for seed in 0..200 {
        let mut chance = StdRng::seed_from_u64(seed);
        let start = Instant::now();
        let mut holding = online(start);
        let (mut now, mut token, mut allowed) = (start, 1, start + TTL - SECOND);
        let mut requested: Option<Instant> = None;
        for _ in 0..300 {
            now += Duration::from_millis(chance.random_range(0..15_000));
            let held = matches!(holding.state(now), State::Valid | State::Jeopardy);
            assert!(!held || now < allowed, "seed {seed}, {:?}", now - start);
            let roll = chance.random();
            let took = Duration::from_millis(chance.random_range(0..8_000));
            if holding.needs_heartbeat(now) {
                holding.heartbeat_sent();
                let (sent, shown) = (now, holding.grant().clone());
                now += took;
                if chance.random_bool(0.4) {
                    holding.heartbeat_failed(now, None, roll);
                } else {
                    let reason =
                        [Lost::Unspecified, Lost::Expired, Lost::StaleToken][chance.random_range(0..3)];
                    let lost = reason != Lost::Unspecified && chance.random_bool(0.1);
                    let status = if lost { LeaseStatus::Lost } else { LeaseStatus::Ok };
                    if lost && reason == Lost::Expired {
                        (allowed, requested) = (now, None);
                    } else if !lost {
                        allowed = allowed.max(sent + TTL - SECOND);
                    }
                    holding.heartbeat_answered((sent, now), &shown, &result(status, reason), None, roll);
                }
            }
            if holding.request_due(now, Seen::default).is_some() {
                let sent = *requested.get_or_insert(now);
                now += took;
                if chance.random_bool(0.5) {
                    holding.request_failed(now, &Failure::read(&no_answer(SECOND)), roll);
                } else {
                    token += 1;
                    requested = None;
                    // A loss in between is over; the new answer says until when.
                    allowed = allowed.max(sent + TTL - SECOND);
                    holding.request_answered(now, Reading::Granted(granted(reference(1, token))), roll);
                }
            }
            if holding.settle(now) {
                break;
            }
        }
    }
}
