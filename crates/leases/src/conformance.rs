//! What every lease back end must do, as functions over the trait. A back end's tests call [`all`].

use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};
use uuid::Uuid;

use crate::{Heard, Lease, Leases, Suspect};

const TTL: SignedDuration = SignedDuration::from_secs(10);
const START: Duration = Duration::from_secs(1_000);
const SECOND: Duration = Duration::from_secs(1);
const BARELY: Duration = Duration::from_millis(1);

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

async fn condemned(leases: &dyn Leases, lease: &Lease, now: Duration) -> bool {
    !leases.condemn(instance(), &[suspect(lease)], 10, now).await.expect("it answers").is_empty()
}

async fn register(leases: &dyn Leases, lease: &Lease, now: Duration) {
    leases.register(instance(), &[*lease], now).await.expect("it answers");
}

/// Runs every case; each uses grants of its own.
pub async fn all(leases: &dyn Leases) {
    leases.gap(instance(), START).await.expect("it answers");
    tokens_are_checked(leases).await;
    silence_is_measured_from_the_last_heartbeat(leases).await;
    registering_again_is_no_sign_of_life(leases).await;
    a_condemned_lease_is_not_revived(leases).await;
    a_gap_begins_every_silence_anew(leases).await;
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
    let later = before(START + patience());
    assert!(!condemned(leases, &one, later).await);
    hear(leases, &one, later).await;
    assert!(!condemned(leases, &one, START + patience()).await);
    assert!(!condemned(leases, &lease(2, 2), later + patience()).await, "another token than the known one");
    assert!(condemned(leases, &one, later + patience()).await);
}

async fn registering_again_is_no_sign_of_life(leases: &dyn Leases) {
    let one = lease(9, 1);
    register(leases, &one, START).await;
    register(leases, &one, START + patience().saturating_sub(SECOND)).await;
    assert!(condemned(leases, &one, START + patience()).await);
}

async fn a_condemned_lease_is_not_revived(leases: &dyn Leases) {
    let one = lease(3, 1);
    register(leases, &one, START).await;
    assert!(condemned(leases, &one, START + patience()).await);
    assert_eq!(hear(leases, &one, START + patience()).await, Heard::Lost(Lost::Expired));
    leases.pardon(instance(), &[one.grant]).await.expect("it answers");
    assert_eq!(hear(leases, &one, START + patience()).await, Heard::Ok { ttl: TTL });
    // Never heard here, as after a restart: it can be condemned all the same, and then counts as expired.
    let unheard = lease(4, 1);
    assert!(condemned(leases, &unheard, START + patience()).await);
    assert_eq!(hear(leases, &unheard, START + patience()).await, Heard::Lost(Lost::Expired));
}

async fn a_gap_begins_every_silence_anew(leases: &dyn Leases) {
    let one = lease(5, 1);
    register(leases, &one, START).await;
    let gap = START + patience().saturating_sub(SECOND);
    leases.gap(instance(), gap).await.expect("it answers");
    assert!(!condemned(leases, &one, START + patience()).await);
    assert!(!condemned(leases, &lease(6, 1), before(gap + patience())).await);
    assert!(condemned(leases, &one, gap + patience()).await);
    leases.gap(instance(), START).await.expect("it answers");
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
    let chosen = leases.condemn(instance(), &many, 50, START + patience()).await.expect("it answers");
    assert_eq!(chosen, many[..50]);
}
