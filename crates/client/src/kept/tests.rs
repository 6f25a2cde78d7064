use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::{duration, timestamp};
use uuid::Uuid;

use super::*;

const NOW: i64 = 1_800_000_000;
const TTL: i64 = 600;
const GRACE: Duration = Duration::from_mins(10);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An answer of now, by which two of solver 2.0 are held for ten hours.
fn verified(borrowed: bool) -> Verified {
    let outcome = pb::FeatureOutcome {
        feature: "solver".to_owned(),
        outcome: pb::Outcome::Granted.into(),
        count: 2,
        grant: Some(pb::GrantRef {
            grant_id: Uuid::from_u128(1).to_string(),
            fencing_token: 1,
            lease_token: vec![7; 16],
        }),
        parts: vec![pb::GrantPart { version: "2.0".to_owned(), count: 2, ..pb::GrantPart::default() }],
        ends_at: Some(timestamp(at(NOW + 36_000))),
        lease_ttl: (!borrowed).then(|| duration(SignedDuration::from_secs(TTL))),
        ..pb::FeatureOutcome::default()
    };
    let answer = pb::RequestCapabilitiesResponse {
        server_time: Some(timestamp(at(NOW))),
        outcomes: vec![outcome],
        ..pb::RequestCapabilitiesResponse::default()
    };
    Verified { server: InstanceId(Uuid::from_u128(7)), server_time: at(NOW), answer, addresses_number: 0 }
}

fn wish(borrowed: bool) -> pb::RequestCapabilitiesRequest {
    let mode = if borrowed { pb::GrantMode::Borrow } else { pb::GrantMode::Online };
    let feature = pb::DesiredFeature { name: "solver".to_owned(), version: "1.0".to_owned(), count: 1 };
    pb::RequestCapabilitiesRequest {
        features: vec![feature],
        mode: mode.into(),
        ..pb::RequestCapabilitiesRequest::default()
    }
}

fn kept(sent: i64) -> Kept {
    Kept { signed: pb::SignedAnswer::default(), sent: at(sent), newest: at(NOW) }
}

fn clocks(now: i64) -> Clocks {
    Clocks { now: at(now), shown: at(NOW), server: at(NOW), skew: SignedDuration::from_hours(24) }
}

fn held(borrowed: bool, sent: i64, now: i64) -> Result<Standing, KeptError> {
    standing(&verified(borrowed), &kept(sent), &wish(borrowed), clocks(now), GRACE)
}

#[test]
fn a_borrow_has_its_period_and_an_online_grant_its_time_to_live_less_the_margin() {
    for (borrowed, end) in [(true, NOW + 35_999), (false, NOW + TTL - 1)] {
        for now in [NOW, NOW + 100, end - 1] {
            let standing = held(borrowed, NOW, now).unwrap();
            assert_eq!(standing.until, Some(at(end)));
            let left = Duration::from_secs(u64::try_from(end - now).unwrap());
            let lease = standing.lease.unwrap_or(left);
            assert_eq!(lease.min(standing.ends.unwrap()), left);
            assert_eq!(standing.over, Some(left + GRACE));
        }
        let graced = held(borrowed, NOW, end + 599).unwrap();
        assert_eq!(graced.over, Some(Duration::from_secs(1)));
        assert_eq!(held(borrowed, NOW, end + 600).unwrap_err(), KeptError::Ended { at: at(end) });
    }
}

#[test]
fn time_counts_from_sending_or_from_when_it_was_decided_whichever_is_earlier() {
    let until = |sent, now| held(true, sent, now).map(|standing| standing.until.unwrap());
    assert_eq!(until(NOW - 60, NOW).unwrap(), at(NOW + 35_939));
    // A word of this machine alone, which anybody can change, lengthens nothing.
    assert_eq!(until(NOW + 30_000, NOW + 30_000).unwrap(), at(NOW + 35_999));
}

#[test]
fn a_clock_may_step_back_by_the_margin_and_no_more() {
    let refused = |clocks| {
        let kept = standing(&verified(true), &kept(NOW), &wish(true), clocks, GRACE);
        matches!(kept, Err(KeptError::ClockSetBack { .. }))
    };
    assert!(!refused(clocks(NOW - 1)) && refused(clocks(NOW - 2)), "before it was sent");
    let shown = Clocks { shown: at(NOW + 500), ..clocks(NOW + 499) };
    assert!(!refused(shown) && refused(Clocks { now: at(NOW + 498), ..shown }), "before what it has shown");
    let server = Clocks { server: at(NOW + 86_400 + 500), ..clocks(NOW + 500) };
    assert!(!refused(server) && refused(Clocks { now: at(NOW + 499), ..server }), "a day behind the server");
}

#[test]
fn only_what_is_wished_for_is_taken_up() {
    let stands = |change: fn(&mut pb::RequestCapabilitiesRequest)| {
        let mut wish = wish(true);
        change(&mut wish);
        standing(&verified(true), &kept(NOW), &wish, clocks(NOW), GRACE)
            .map(|standing| standing.granted.count)
    };
    assert_eq!(stands(|_| {}), Ok(2));
    assert_eq!(stands(|wish| wish.features[0].count = 2), Ok(2));
    assert_eq!(stands(|wish| wish.features[0].count = 3), Err(KeptError::Other));
    let partly = stands(|wish| (wish.features[0].count, wish.partial) = (3, true));
    assert_eq!(partly, Ok(2));
    assert_eq!(stands(|wish| "2.1".clone_into(&mut wish.features[0].version)), Err(KeptError::Other));
    assert_eq!(stands(|wish| "mesher".clone_into(&mut wish.features[0].name)), Err(KeptError::Other));
    assert_eq!(stands(|wish| wish.mode = pb::GrantMode::Online.into()), Err(KeptError::Other));
    assert_eq!(stands(|wish| wish.features.clear()), Err(KeptError::Other));
}

#[test]
fn an_older_answer_and_a_refusal_are_worth_nothing() {
    let newer = Kept { newest: at(NOW + 1), ..kept(NOW) };
    let older = standing(&verified(true), &newer, &wish(true), clocks(NOW), GRACE).unwrap_err();
    assert_eq!(older, KeptError::Older { made: at(NOW), newest: at(NOW + 1) });
    let mut refused = verified(true);
    refused.answer.outcomes[0].outcome = pb::Outcome::Refused.into();
    let refused = standing(&refused, &kept(NOW), &wish(true), clocks(NOW), GRACE).unwrap_err();
    assert_eq!(refused.reason(), "KEPT_OTHER");
}

#[test]
fn what_has_no_end_is_never_over() {
    let mut endless = verified(true);
    endless.answer.outcomes[0].ends_at = None;
    let standing = standing(&endless, &kept(NOW), &wish(true), clocks(NOW + 1_000_000_000), GRACE).unwrap();
    assert_eq!((standing.until, standing.ends, standing.over), (None, None, None));
    assert_eq!(over(&standing.granted, at(NOW), GRACE), Timestamp::MAX);
    let online = held(false, NOW, NOW).unwrap().granted;
    assert_eq!(over(&online, at(NOW), GRACE), at(NOW + TTL + 600));
}
