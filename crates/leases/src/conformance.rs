//! What every lease back end must do, as functions over the trait. A back end's tests call [`all`].

use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};
use uuid::Uuid;

use crate::{Heard, Lease, LeaseError, Leases, Suspect, Verdict};

const TTL: SignedDuration = SignedDuration::from_secs(10);
const START: Duration = Duration::from_secs(1_000);
const SECOND: Duration = Duration::from_secs(1);
/// A back end may keep times to the second, rounded so that a lease lives longer.
const BARELY: Duration = Duration::from_secs(1);

fn instance() -> InstanceId {
    InstanceId(Uuid::from_u128(1))
}

fn lease(grant: u128, fencing_token: u64) -> Lease {
    Lease {
        grant: GrantId(Uuid::from_u128(grant)),
        fencing_token: FencingToken(fencing_token),
        lease_token: LeaseToken([7; 16]),
        ttl: TTL,
    }
}

fn shown(lease: &Lease) -> GrantRef {
    GrantRef { id: lease.grant, fencing_token: lease.fencing_token, lease_token: Some(lease.lease_token) }
}

fn suspect(lease: &Lease) -> Suspect {
    Suspect { grant: lease.grant, fencing_token: lease.fencing_token, ttl: lease.ttl }
}

fn patience() -> Duration {
    server_patience(TTL).unsigned_abs()
}

/// The last moment that is earlier than `moment`, as far as the suite tells moments apart.
fn before(moment: Duration) -> Duration {
    moment.saturating_sub(BARELY)
}

async fn hear(leases: &dyn Leases, lease: &Lease, now: Duration) -> Heard {
    leases.heartbeat(instance(), &[shown(lease)], now).await.expect("it answers")[0]
}

async fn earn(leases: &dyn Leases, lease: &Lease, heard: Duration, now: Duration) {
    leases.earned(instance(), &[(*lease, heard)], now).await.expect("it answers");
}

async fn verdict(leases: &dyn Leases, lease: &Lease, now: Duration) -> Verdict {
    let seen = leases.look(instance()).await.expect("it answers").generation;
    leases.condemn(instance(), &[suspect(lease)], 10, seen, now).await.expect("it answers")[0]
}

async fn condemned(leases: &dyn Leases, lease: &Lease, now: Duration) -> bool {
    verdict(leases, lease, now).await == Verdict::Condemned
}

async fn register(leases: &dyn Leases, lease: &Lease, now: Duration) {
    leases.register(instance(), &[*lease], now, now).await.expect("it answers");
}

/// Runs every case; each uses grants of its own.
pub async fn all(leases: &dyn Leases) {
    leases.look(instance()).await.expect("it answers");
    tokens_are_checked(leases).await;
    silence_is_measured_from_the_last_heartbeat(leases).await;
    registering_again_is_no_sign_of_life(leases).await;
    only_the_newest_token_is_condemned(leases).await;
    a_condemned_lease_is_revived_by_a_newer_token(leases).await;
    a_condemned_lease_is_left_to_the_store(leases).await;
    a_lease_that_lapsed_is_left_to_the_store(leases).await;
    what_waited_counts_from_when_it_was_heard(leases).await;
    leases_of_several_kinds_go_together(leases).await;
    an_older_token_earns_nothing(leases).await;
    nobody_is_condemned_by_what_was_forgotten(leases).await;
    an_ended_grant_stays_ended(leases).await;
    a_withdrawn_lease_is_left_to_the_store(leases).await;
    floors_fall_due_after_half_the_time_to_live(leases).await;
    the_budget_is_kept(leases).await;
}

async fn tokens_are_checked(leases: &dyn Leases) {
    let (old, new) = (lease(1, 1), lease(1, 2));
    assert_eq!(hear(leases, &old, START).await, Heard::Unknown);
    register(leases, &old, START).await;
    assert_eq!(hear(leases, &old, START).await, Heard::Ok { ttl: TTL });
    register(leases, &new, START).await;
    register(leases, &old, START).await;
    assert_eq!(hear(leases, &old, START).await, Heard::Lost(Lost::StaleToken));
    assert_eq!(hear(leases, &new, START).await, Heard::Ok { ttl: TTL });
    let guessed = Lease { lease_token: LeaseToken([8; 16]), ..new };
    assert_eq!(hear(leases, &guessed, START).await, Heard::Lost(Lost::WrongToken));
    assert_eq!(hear(leases, &lease(1, 3), START).await, Heard::Unknown, "the store may know a newer one");
}

async fn silence_is_measured_from_the_last_heartbeat(leases: &dyn Leases) {
    let one = lease(2, 1);
    register(leases, &one, START).await;
    let later = START + Duration::from_secs(9);
    hear(leases, &one, later).await;
    let rest = patience().saturating_sub(Duration::from_secs(3));
    assert_eq!(verdict(leases, &one, START + patience()).await, Verdict::Heard { rest });
    assert_eq!(verdict(leases, &one, before(later + patience())).await, Verdict::Heard { rest: BARELY });
    assert!(condemned(leases, &one, later + patience()).await);
}

async fn only_the_newest_token_is_condemned(leases: &dyn Leases) {
    let (old, new) = (lease(11, 1), lease(11, 2));
    register(leases, &new, START).await;
    assert_eq!(verdict(leases, &old, START + patience()).await, Verdict::Spared, "there is a newer token");
    assert_eq!(hear(leases, &new, START).await, Heard::Ok { ttl: TTL });
    // The store's token is newer than the registered one where the back end was away when it was to be told.
    let newest = lease(11, 3);
    assert_eq!(verdict(leases, &newest, before(START + patience())).await, Verdict::Heard { rest: BARELY });
    assert!(condemned(leases, &newest, START + patience()).await, "or its counts would never come back");
}

async fn registering_again_is_no_sign_of_life(leases: &dyn Leases) {
    let one = lease(9, 1);
    register(leases, &one, START).await;
    register(leases, &one, START + patience().saturating_sub(SECOND)).await;
    assert!(condemned(leases, &one, START + patience()).await);
}

async fn a_condemned_lease_is_left_to_the_store(leases: &dyn Leases) {
    let later = START + patience();
    // Never heard here, as after a restart: it can be condemned all the same.
    for (one, known) in [(lease(3, 1), true), (lease(4, 1), false)] {
        if known {
            register(leases, &one, START).await;
        }
        assert!(condemned(leases, &one, later).await);
        assert_eq!(hear(leases, &one, later).await, Heard::Unknown);
        register(leases, &one, later).await;
        assert_eq!(hear(leases, &one, later).await, Heard::Unknown, "registering lifts nothing");
        earn(leases, &one, later, later).await;
        assert_eq!(hear(leases, &one, later).await, Heard::Ok { ttl: TTL });
        assert_eq!(verdict(leases, &one, later).await, Verdict::Heard { rest: patience() });
    }
    let pardoned = lease(13, 1);
    register(leases, &pardoned, START).await;
    assert!(condemned(leases, &pardoned, later).await);
    leases.pardon(instance(), &[pardoned.grant]).await.expect("it answers");
    assert_eq!(hear(leases, &pardoned, later).await, Heard::Unknown, "its time had run out all the same");
}

async fn a_lease_that_lapsed_is_left_to_the_store(leases: &dyn Leases) {
    let one = lease(14, 1);
    register(leases, &one, START).await;
    assert_eq!(hear(leases, &one, START + Duration::from_secs(9)).await, Heard::Ok { ttl: TTL });
    let lapsed = START + Duration::from_secs(20);
    assert_eq!(hear(leases, &one, lapsed).await, Heard::Unknown);
    earn(leases, &one, lapsed, lapsed).await;
    assert_eq!(hear(leases, &one, lapsed).await, Heard::Ok { ttl: TTL });
}

async fn what_waited_counts_from_when_it_was_heard(leases: &dyn Leases) {
    let now = START + Duration::from_secs(8);
    let (new, old) = (lease(15, 1), lease(16, 1));
    leases.register(instance(), &[new], START, now).await.expect("it answers");
    earn(leases, &old, START, now).await;
    for one in [&new, &old] {
        let rest = patience().saturating_sub(Duration::from_secs(8));
        assert_eq!(verdict(leases, one, now).await, Verdict::Heard { rest });
        assert!(condemned(leases, one, START + patience()).await);
    }
}

async fn leases_of_several_kinds_go_together(leases: &dyn Leases) {
    let kinds = [(1, 10), (5, 20), (5, 10), (1, 40)];
    let kinds = (50..).zip(kinds.map(|(token, ttl)| (token, SignedDuration::from_secs(ttl))));
    let all: Vec<Lease> = kinds.map(|(grant, (token, ttl))| Lease { ttl, ..lease(grant, token) }).collect();
    let hear_all = async |now| {
        let shown: Vec<GrantRef> = all.iter().map(shown).collect();
        leases.heartbeat(instance(), &shown, now).await.expect("it answers")
    };
    let rests_are = async |heard: &[Duration], now: Duration| {
        for (one, heard) in all.iter().zip(heard) {
            let rest = server_patience(one.ttl).unsigned_abs().saturating_sub(now.saturating_sub(*heard));
            assert_eq!(verdict(leases, one, now).await, Verdict::Heard { rest }, "{one:?}");
        }
    };
    leases.register(instance(), &all, START, START + SECOND).await.expect("it answers");
    rests_are(&[START; 4], START + 2 * SECOND).await;
    let later = START + 9 * SECOND;
    let well: Vec<Heard> = all.iter().map(|one| Heard::Ok { ttl: one.ttl }).collect();
    assert_eq!(hear_all(later).await, well);
    rests_are(&[later; 4], later + SECOND).await;
    let earned = [3, 1, 3, 2].map(|after| later + after * SECOND);
    let both: Vec<_> = all.iter().copied().zip(earned).collect();
    leases.earned(instance(), &both, later + 4 * SECOND).await.expect("it answers");
    rests_are(&earned, later + 5 * SECOND).await;
    // The short ones have run down by now, and the long ones have not.
    let well: Vec<Heard> = all
        .iter()
        .map(|one| if one.ttl > TTL { Heard::Ok { ttl: one.ttl } } else { Heard::Unknown })
        .collect();
    assert_eq!(hear_all(later + 14 * SECOND).await, well);
}

async fn an_older_token_earns_nothing(leases: &dyn Leases) {
    let (old, new) = (lease(17, 1), lease(17, 2));
    register(leases, &new, START).await;
    earn(leases, &old, START + SECOND, START + SECOND).await;
    assert_eq!(hear(leases, &old, START + SECOND).await, Heard::Lost(Lost::StaleToken));
    assert!(condemned(leases, &new, START + patience()).await, "and is no sign of life");
    let (old, unknown) = (lease(18, 1), lease(18, 2));
    assert!(condemned(leases, &unknown, START).await);
    earn(leases, &old, START, START).await;
    assert_eq!(hear(leases, &old, START).await, Heard::Unknown, "and lifts no mark");
}

async fn a_condemned_lease_is_revived_by_a_newer_token(leases: &dyn Leases) {
    let (old, new) = (lease(12, 1), lease(12, 2));
    register(leases, &old, START).await;
    assert!(condemned(leases, &old, START + patience()).await);
    register(leases, &new, START + patience()).await;
    assert_eq!(hear(leases, &new, START + patience()).await, Heard::Ok { ttl: TTL });
}

async fn nobody_is_condemned_by_what_was_forgotten(leases: &dyn Leases) {
    let one = lease(5, 1);
    let seen = leases.look(instance()).await.expect("it answers").generation;
    assert_eq!(leases.look(instance()).await.expect("it answers").generation, seen, "it stays");
    let outcome = leases.condemn(instance(), &[suspect(&one)], 10, seen.wrapping_add(1), START).await;
    assert!(matches!(outcome, Err(LeaseError::Forgot)), "{outcome:?}");
    assert_eq!(hear(leases, &one, START).await, Heard::Unknown, "not condemned");
}

async fn an_ended_grant_stays_ended(leases: &dyn Leases) {
    let one = lease(7, 1);
    register(leases, &one, START).await;
    leases.forget(instance(), &[(one.grant, Lost::Dropped)], START).await.expect("it answers");
    register(leases, &one, START).await;
    assert_eq!(hear(leases, &one, START).await, Heard::Lost(Lost::Dropped));
}

async fn a_withdrawn_lease_is_left_to_the_store(leases: &dyn Leases) {
    let one = lease(10, 1);
    register(leases, &one, START).await;
    leases.withdraw(instance(), &[one.grant]).await.expect("it answers");
    assert_eq!(hear(leases, &one, START).await, Heard::Unknown);
}

async fn floors_fall_due_after_half_the_time_to_live(leases: &dyn Leases) {
    let one = lease(8, 1);
    let due = async |now| {
        let due = leases.floors_due(instance(), 100, now).await.expect("it answers");
        due.into_iter().find(|due| due.grant == one.grant)
    };
    register(leases, &one, START).await;
    let half = START + Duration::from_secs(5);
    assert_eq!(due(half).await, None, "not heard since");
    hear(leases, &one, START + Duration::from_secs(4)).await;
    assert_eq!(due(before(half)).await, None, "too early");
    assert_eq!(due(half).await.map(|due| due.heard_ago), Some(Duration::from_secs(1)));
    assert_eq!(due(half).await, None, "moved already");
}

async fn the_budget_is_kept(leases: &dyn Leases) {
    let many: Vec<Suspect> = (100..160).map(|id| suspect(&lease(id, 1))).collect();
    let seen = leases.look(instance()).await.expect("it answers").generation;
    let verdicts = leases.condemn(instance(), &many, 50, seen, START).await.expect("it answers");
    assert!(verdicts[..50].iter().all(|verdict| *verdict == Verdict::Condemned), "{verdicts:?}");
    assert!(verdicts[50..].iter().all(|verdict| *verdict == Verdict::Spared), "{verdicts:?}");
}
