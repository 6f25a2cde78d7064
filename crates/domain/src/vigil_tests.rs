use uuid::Uuid;

use super::*;

const TTL: SignedDuration = SignedDuration::from_secs(100);
const PATIENCE: SignedDuration = SignedDuration::from_secs(105);
const NONE: SignedDuration = SignedDuration::ZERO;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn wall(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn sample(seconds: u64) -> Sample {
    let time = wall(i64::try_from(seconds).unwrap());
    let leases = Some(LeaseSample { generation: 1, time: Some(time) });
    Sample { monotonic: secs(seconds), own: time, store: Some(time), leases }
}

/// A grant without a spread.
fn grant() -> GrantId {
    GrantId(Uuid::from_u128(0))
}

fn judge(vigil: &Vigil, unearned: SignedDuration, seconds: u64) -> Judgement {
    vigil.judge(grant(), TTL, unearned, secs(seconds))
}

/// A vigil that looked at every second up to this one.
fn watching(until: u64) -> Vigil {
    let mut vigil = Vigil::default();
    for second in 0..=until {
        assert_eq!(vigil.look(sample(second)), (second == 0).then_some(Gap::Start));
    }
    vigil
}

#[test]
fn silence_is_believed_after_patience_without_a_gap() {
    let vigil = watching(104);
    assert_eq!(judge(&vigil, NONE, 104), Judgement::Promote(SignedDuration::from_secs(1)));
    assert_eq!(judge(&watching(105), NONE, 105), Judgement::AskLeases);
}

#[test]
fn every_kind_of_gap_is_seen_and_begins_patience_anew() {
    type Change = fn(&mut Sample);
    let changes: [(Gap, Change); 9] = [
        (Gap::Pause, |sample| sample.monotonic += secs(3)),
        (Gap::OwnClock, |sample| sample.own = wall(86_600)),
        (Gap::OwnClock, |sample| sample.own = wall(-86_200)),
        (Gap::StoreClock, |sample| sample.store = Some(wall(86_600))),
        (Gap::StoreClock, |sample| sample.store = None),
        (Gap::LeasesAway, |sample| sample.leases = None),
        (Gap::LeasesForgot, |sample| {
            sample.leases = Some(LeaseSample { generation: 2, ..sample.leases.unwrap() });
        }),
        (Gap::LeaseClock, |sample| {
            sample.leases = Some(LeaseSample { generation: 1, time: Some(wall(86_600)) });
        }),
        (Gap::LeaseClock, |sample| {
            sample.leases = Some(LeaseSample { generation: 1, time: Some(wall(-86_200)) });
        }),
    ];
    for (gap, change) in changes {
        let mut vigil = watching(200);
        assert_eq!(judge(&vigil, NONE, 200), Judgement::AskLeases);
        let mut next = sample(201);
        change(&mut next);
        assert_eq!(vigil.look(next), Some(gap));
        assert!(vigil.is_holding(next.monotonic));
        let now = next.monotonic.as_secs();
        assert_eq!(judge(&vigil, NONE, now), Judgement::Promote(PATIENCE), "{gap:?}");
        assert_eq!(judge(&vigil, NONE, now + 105), Judgement::AskLeases, "{gap:?}");
    }
}

#[test]
fn small_steps_add_up() {
    let mut vigil = watching(200);
    let stepped = |second: u64, by: i64| {
        let time = wall(i64::try_from(second).unwrap() + by);
        Sample { leases: Some(LeaseSample { generation: 1, time: Some(time) }), ..sample(second) }
    };
    assert_eq!(vigil.look(stepped(201, 1)), None);
    assert_eq!(vigil.look(stepped(202, 2)), None);
    assert_eq!(vigil.look(stepped(203, 3)), Some(Gap::LeaseClock));
    // A clock that is off by a little all the time is none: two seconds in two minutes are borne.
    for second in 204..800 {
        let ahead = i64::try_from((second - 204) / 60).unwrap();
        assert_eq!(vigil.look(stepped(second, 3 + ahead)), None, "{second}");
    }
}

#[test]
fn a_lease_store_that_comes_back_is_a_gap_too() {
    let mut vigil = watching(200);
    assert_eq!(vigil.look(Sample { leases: None, ..sample(201) }), Some(Gap::LeasesAway));
    assert_eq!(vigil.look(sample(202)), Some(Gap::LeasesAway));
    assert_eq!(vigil.look(sample(203)), None);
    vigil.leases_forgot(secs(204));
    assert_eq!(judge(&vigil, NONE, 204), Judgement::Promote(PATIENCE));
}

#[test]
fn unearned_time_ends() {
    let cap = unearned_cap(TTL);
    assert_eq!(cap, SignedDuration::from_mins(15));
    let vigil = watching(10);
    let almost = cap - SignedDuration::from_secs(1);
    assert_eq!(judge(&vigil, almost, 10), Judgement::Promote(SignedDuration::from_secs(1)));
    assert_eq!(judge(&vigil, cap, 10), Judgement::Wait);
    assert_eq!(judge(&watching(50), cap, 50), Judgement::AskLeases, "two heartbeats were missed by then");
}

#[test]
fn while_the_lease_store_is_away_the_floor_decides_once_the_cap_is_reached() {
    let mut vigil = watching(200);
    for second in 201..300 {
        vigil.look(Sample { leases: None, ..sample(second) });
    }
    assert_eq!(judge(&vigil, NONE, 300), Judgement::Promote(PATIENCE - SignedDuration::from_secs(1)));
    assert_eq!(judge(&vigil, unearned_cap(TTL), 300), Judgement::BelieveFloor);
    vigil.look(Sample { leases: None, own: wall(90_000), ..sample(300) });
    assert_eq!(judge(&vigil, unearned_cap(TTL), 301), Judgement::Wait, "a clock stepped besides");
}

#[test]
fn mass_silence_is_not_believed_at_once_and_then_it_is() {
    let mut vigil = watching(200);
    assert!(!vigil.mass_silence(19, 19, TTL, secs(200)), "too few to tell");
    assert!(!vigil.mass_silence(50, 100, TTL, secs(200)), "not more than half");
    assert!(vigil.mass_silence(51, 100, TTL, secs(200)));
    assert_eq!(judge(&vigil, NONE, 200), Judgement::Promote(PATIENCE));
    assert!(vigil.mass_silence(1, 100, TTL, secs(304)), "held until the time is over");
    assert!(!vigil.mass_silence(51, 100, TTL, secs(305)), "believed now");
    assert_eq!(judge(&vigil, NONE, 305), Judgement::AskLeases);
    assert!(!vigil.mass_silence(50, 100, TTL, secs(306)), "fewer: the next crowd is doubted again");
    assert!(vigil.mass_silence(51, 100, TTL, secs(307)));
}

#[test]
fn promoted_grants_are_spread_over_a_quarter_of_the_time_to_live() {
    let vigil = watching(0);
    let far = GrantId(Uuid::from_u128(0xFFFF));
    let Judgement::Promote(far) = vigil.judge(far, TTL, NONE, secs(0)) else { panic!("it is promoted") };
    assert!(far > SignedDuration::from_millis(129_900) && far < SignedDuration::from_secs(130), "{far:?}");
}

#[test]
fn after_a_confirmation_the_silent_have_a_whole_patience() {
    let used_up = unearned_cap(TTL);
    let mut vigil = watching(200);
    vigil.restored(secs(200));
    assert_eq!(judge(&vigil, NONE, 200), Judgement::Promote(PATIENCE));
    assert_eq!(judge(&vigil, NONE, 260), Judgement::Promote(SignedDuration::from_secs(45)));
    assert_eq!(judge(&vigil, used_up, 260), Judgement::Wait, "half a time to live is not enough");
    assert_eq!(judge(&vigil, used_up, 304), Judgement::Wait);
    assert_eq!(judge(&vigil, used_up, 305), Judgement::AskLeases);
    assert!(vigil.is_holding(secs(201)));
    // Without the lease store the floor deadline alone must wait as long.
    vigil.look(Sample { leases: None, ..sample(201) });
    assert_eq!(judge(&vigil, used_up, 304), Judgement::Wait);
    assert_eq!(judge(&vigil, used_up, 305), Judgement::BelieveFloor);
}
