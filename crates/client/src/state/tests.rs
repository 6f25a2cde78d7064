use super::*;

const TTL: Duration = Duration::from_secs(10);
const GRACE: Duration = Duration::from_mins(1);

fn online(start: Instant) -> Facts {
    let answer_due = start + Duration::from_millis(4_500);
    Facts {
        lease: Some(LeaseFacts { heard: start, ttl: TTL, answer_due, failed: false }),
        ends: Some(start + Duration::from_hours(24)),
        renewal_refused: false,
        taken_back: None,
        grace: GRACE,
        offline: None,
        lost: None,
    }
}

fn at(start: Instant, millis: u64) -> Instant {
    start + Duration::from_millis(millis)
}

#[test]
fn a_lease_that_is_not_kept_up_goes_from_valid_to_lost() {
    let start = Instant::now();
    let facts = online(start);
    for (millis, state) in [
        (0, State::Valid),
        (4_499, State::Valid),
        (4_500, State::Jeopardy),
        (8_999, State::Jeopardy),
        (9_000, State::Grace),
        (68_999, State::Grace),
        (69_000, State::Lost(LostReason::OutOfReach)),
    ] {
        assert_eq!(state_at(at(start, millis), &facts), state, "{millis} ms");
    }
    let failed = LeaseFacts { failed: true, ..facts.lease.unwrap() };
    assert_eq!(state_at(start, &Facts { lease: Some(failed), ..facts }), State::Jeopardy);
}

#[test]
fn what_the_server_took_back_is_not_held_from_then_on() {
    let start = Instant::now();
    let facts = Facts { taken_back: Some(at(start, 1_000)), ..online(start) };
    assert_eq!(state_at(at(start, 999), &facts), State::Valid);
    assert_eq!(state_at(at(start, 1_000), &facts), State::Grace);
    assert_eq!(state_at(at(start, 61_000), &facts), State::Lost(LostReason::OutOfReach));
    let facts = Facts { lost: Some(LostReason::Dropped), ..facts };
    assert_eq!(state_at(start, &facts), State::Lost(LostReason::Dropped), "and nothing brings it back");
}

#[test]
fn a_borrow_ends_at_its_end() {
    let start = Instant::now();
    let borrow = Facts { lease: None, ends: Some(at(start, 5_000)), ..online(start) };
    assert_eq!(state_at(at(start, 4_999), &borrow), State::Valid);
    assert_eq!(state_at(at(start, 5_000), &borrow), State::Grace, "nobody could be asked");
    let refused = Facts { renewal_refused: true, ..borrow.clone() };
    assert_eq!(state_at(at(start, 4_999), &refused), State::Valid);
    assert_eq!(state_at(at(start, 5_000), &refused), State::Lost(LostReason::Ended));
    let endless = Facts { ends: None, ..borrow };
    assert_eq!(state_at(later(start, Duration::MAX), &endless), State::Valid);
    assert_eq!(next_change(start, &endless), None);
}

#[test]
fn numbers_beyond_the_clock_do_no_harm() {
    let start = Instant::now();
    let lease = LeaseFacts { ttl: Duration::MAX, ..online(start).lease.unwrap() };
    let facts = Facts { lease: Some(lease), grace: Duration::MAX, ends: None, ..online(start) };
    assert_eq!(state_at(start, &facts), State::Valid);
    let facts = Facts { grace: Duration::MAX, ..online(start) };
    assert_eq!(state_at(at(start, 9_000), &facts), State::Grace);
}

/// Every combination of a grid of facts, on a grid of moments.
fn grid(mut check: impl FnMut(Instant, Instant, &Facts)) {
    let start = Instant::now();
    let moments = || (0..=30).map(|step| at(start, step * 500));
    let some = |millis: [u64; 3]| millis.map(|millis| at(start, millis)).map(Some).into_iter().chain([None]);
    for heard in [0, 2_500, 7_000] {
        for ttl in [500, 1_000, 2_000, 10_000] {
            for (answer_due, failed) in [(1_000, false), (6_000, false), (6_000, true)] {
                for (ends, taken_back) in some([0, 4_000, 12_000]).zip(some([9_000, 3_000, 0])) {
                    for (renewal_refused, grace) in [(false, 0), (true, 2_000), (false, 5_000)] {
                        let lease = LeaseFacts {
                            heard: at(start, heard),
                            ttl: Duration::from_millis(ttl),
                            answer_due: at(start, heard + answer_due),
                            failed,
                        };
                        let grace = Duration::from_millis(grace);
                        let lease = Some(lease);
                        let kept = OfflineFacts {
                            until: Some(at(start, answer_due)),
                            over: Some(at(start, answer_due + 1_500)),
                            shown: None,
                        };
                        for offline in [None, Some(kept)] {
                            let facts = Facts {
                                lease,
                                ends,
                                renewal_refused,
                                taken_back,
                                grace,
                                offline,
                                lost: None,
                            };
                            moments().for_each(|now| check(start, now, &facts));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn it_is_never_held_past_time_to_live_less_the_margin_or_its_end() {
    grid(|start, now, facts| {
        let lease = facts.lease.unwrap();
        let over = now >= lease.heard + lease.ttl.saturating_sub(Duration::from_secs(1))
            || facts.ends.is_some_and(|ends| now >= ends)
            || facts.taken_back.is_some_and(|taken| now >= taken)
            || facts.offline.is_some_and(|offline| now >= offline.until.unwrap());
        let state = state_at(now, facts);
        let held = matches!(state, State::Valid | State::Jeopardy | State::Offline { .. });
        assert!(facts.offline.is_none() || !matches!(state, State::Valid | State::Jeopardy), "{state:?}");
        assert!(facts.offline.is_none_or(|offline| now < offline.over.unwrap() || !state.may_work()));
        assert_eq!(held, !over, "{:?} after the start: {facts:?}", now - start);
    });
}

#[test]
fn without_news_the_state_only_gets_worse_and_only_when_announced() {
    let badness = |state| match state {
        State::Valid => 0,
        State::Jeopardy | State::Offline { .. } => 1,
        State::Grace => 2,
        State::Lost(_) => 3,
    };
    grid(|_, now, facts| {
        let state = state_at(now, facts);
        match next_change(now, facts) {
            Some(next) => {
                let before = next - Duration::from_nanos(1);
                assert_eq!(state_at(before.max(now), facts), state, "nothing changes unannounced");
                assert!(badness(state_at(next, facts)) >= badness(state));
            }
            None => assert!(matches!(state, State::Lost(_)), "{state:?} lasts for ever"),
        }
    });
}

#[test]
fn a_kept_answer_is_good_until_its_end_and_a_restart_lengthens_no_grace_time() {
    let start = Instant::now();
    let shown = Some(Timestamp::UNIX_EPOCH);
    let kept = OfflineFacts { until: Some(at(start, 5_000)), over: Some(at(start, 7_000)), shown };
    let facts = Facts { offline: Some(kept), ..online(start) };
    for (millis, state) in [
        (0, State::Offline { until: shown }),
        (4_999, State::Offline { until: shown }),
        (5_000, State::Grace),
        (6_999, State::Grace),
        (7_000, State::Lost(LostReason::OutOfReach)),
    ] {
        assert_eq!(state_at(at(start, millis), &facts), state, "{millis} ms");
    }
    let endless = OfflineFacts { until: None, over: None, shown: None };
    let borrow = Facts { lease: None, ends: None, offline: Some(endless), ..facts };
    assert_eq!(state_at(later(start, Duration::MAX), &borrow), State::Offline { until: None });
}
