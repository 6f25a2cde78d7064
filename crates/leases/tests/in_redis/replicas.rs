//! Two replicas of a service on one Redis.

use leasehold_domain::grant::Lost;
use leasehold_leases::FloorDue;

use super::*;

async fn two() -> (Redis, Replica, Replica) {
    let redis = Redis::start().await.expect("Redis is installed");
    let one = Replica::by_our_time(&redis).await;
    let other = Replica::by_our_time(&redis).await;
    (redis, one, other)
}

async fn due(replica: &Replica, now: Duration) -> Vec<FloorDue> {
    replica.0.floors_due(instance(), 100, now).await.expect("it needs no Redis")
}

#[tokio::test]
async fn a_takeover_at_one_is_stale_at_the_other() {
    // Tokens are kept modulo 2^22.
    for token in [1, (1 << 22) - 1] {
        let (_redis, one, other) = two().await;
        let (old, new) = (lease(1, token), lease(1, token + 1));
        one.register(&old, START).await;
        other.register(&old, START).await;
        assert_eq!(other.hear(&old, START).await, OK);
        one.register(&new, START).await;
        assert_eq!(other.hear(&old, START).await, Heard::Lost(Lost::StaleToken));
        assert_eq!(other.hear(&old, START).await, Heard::Lost(Lost::StaleToken), "again");
        other.register(&old, START).await;
        assert_eq!(
            other.hear(&old, START).await,
            Heard::Lost(Lost::StaleToken),
            "registering changes nothing"
        );
        assert_eq!(other.hear(&new, START).await, Heard::Unknown, "its secret is not known there");
        other.register(&new, START).await;
        assert_eq!(other.hear(&new, START).await, OK);
    }
}

#[tokio::test]
async fn what_one_condemns_is_unknown_at_the_other_until_it_is_earned_there() {
    let (redis, one, other) = two().await;
    let silent = lease(1, 1);
    other.register(&silent, START).await;
    let (seen, now) = (one.look().await, START + patience());
    assert_eq!(other.look().await, seen, "both see the same");
    assert_eq!(one.condemn(&silent, seen, now).await.unwrap(), Verdict::Condemned);
    assert_eq!(other.hear(&silent, now).await, Heard::Unknown);
    other.register(&silent, now).await;
    assert_eq!(other.hear(&silent, now).await, Heard::Unknown, "registering lifts nothing");
    other.earn(&silent, now, now).await;
    assert_eq!(other.hear(&silent, now).await, OK);
    let verdict = one.condemn(&silent, seen, now).await.unwrap();
    assert_eq!(verdict, Verdict::Heard { rest: patience() }, "the mark is lifted");
    one.0.pardon(instance(), &[silent.grant]).await.unwrap();
    assert_eq!(leases_held(&redis).await, 1, "and a pardon comes too late to matter");
    assert_eq!(other.hear(&silent, now).await, OK);
}

#[tokio::test]
async fn a_mark_with_a_newer_token_is_not_lifted_by_an_older_one() {
    let (redis, one, other) = two().await;
    let (old, new) = (lease(1, 1), lease(1, 2));
    let seen = one.look().await;
    assert_eq!(one.condemn(&new, seen, START).await.unwrap(), Verdict::Condemned);
    other.earn(&old, START, START).await;
    assert_eq!(other.hear(&old, START).await, Heard::Unknown);
    one.0.pardon(instance(), &[new.grant]).await.unwrap();
    assert_eq!(leases_held(&redis).await, 0, "it was still a mark");
}

#[tokio::test]
async fn what_was_earned_late_keeps_what_another_heard_since() {
    let (_redis, one, other) = two().await;
    for (id, waited) in [(1, 3), (2, 9)] {
        let live = lease(id, 1);
        one.register(&live, START).await;
        other.register(&live, START).await;
        let now = START + Duration::from_secs(waited);
        assert_eq!(other.hear(&live, now).await, OK);
        one.earn(&live, START, now).await;
        let seen = one.look().await;
        let verdict = one.condemn(&live, seen, now).await.unwrap();
        assert_eq!(verdict, Verdict::Heard { rest: patience() }, "{waited} s");
    }
}

#[tokio::test]
async fn what_waited_longer_than_it_may_live_is_not_alive() {
    let (_redis, one, other) = two().await;
    for (id, waited) in [(1, 11), (2, 12), (3, 1_000)] {
        let (earned, registered) = (lease(id, 1), lease(id + 10, 1));
        let now = START + Duration::from_secs(waited);
        one.earn(&earned, START, now).await;
        one.0.register(instance(), &[registered], START, now).await.unwrap();
        for lease in [&earned, &registered] {
            assert_eq!(one.hear(lease, now).await, Heard::Unknown, "{waited} s");
            let seen = other.look().await;
            let verdict = other.condemn(lease, seen, now).await.unwrap();
            assert_eq!(verdict == Verdict::Condemned, now >= START + patience(), "{waited} s: {verdict:?}");
        }
    }
}

#[tokio::test]
async fn a_pardon_leaves_what_was_registered_since() {
    let (redis, one, other) = two().await;
    let (old, new) = (lease(1, 1), lease(1, 2));
    let seen = one.look().await;
    assert_eq!(one.condemn(&old, seen, START).await.unwrap(), Verdict::Condemned);
    other.register(&new, START).await;
    one.0.pardon(instance(), &[old.grant]).await.unwrap();
    assert_eq!(leases_held(&redis).await, 1);
    assert_eq!(other.hear(&new, START).await, OK);
}

#[tokio::test]
async fn a_heartbeat_at_one_counts_at_the_other() {
    let (_redis, one, other) = two().await;
    let live = lease(1, 1);
    one.register(&live, START).await;
    other.register(&live, START).await;
    let now = START + Duration::from_secs(9);
    assert_eq!(one.hear(&live, now).await, OK);
    let seen = other.look().await;
    assert_eq!(other.condemn(&live, seen, now).await.unwrap(), Verdict::Heard { rest: patience() });
}

#[tokio::test]
async fn what_ends_at_one_is_unknown_at_the_other() {
    let (_redis, one, other) = two().await;
    let gone = lease(1, 1);
    one.register(&gone, START).await;
    other.register(&gone, START).await;
    one.0.forget(instance(), &[(gone.grant, Lost::Returned)], START).await.unwrap();
    assert_eq!(one.hear(&gone, START).await, Heard::Lost(Lost::Returned));
    assert_eq!(other.hear(&gone, START).await, Heard::Unknown);
}

#[tokio::test]
async fn a_lease_learned_from_another_has_its_floor_due_once_it_is_heard() {
    let (_redis, one, other) = two().await;
    let live = lease(1, 1);
    one.register(&live, START).await;
    other.register(&live, START).await;
    assert_eq!(one.hear(&live, START).await, OK);
    assert_eq!(due(&one, START).await, [], "whoever made it wrote its floor deadline");
    assert_eq!(due(&other, START).await, [], "not heard here");
    assert_eq!(other.hear(&live, START).await, OK);
    assert_eq!(due(&other, START).await.len(), 1);
    assert_eq!(due(&other, START).await, [], "moved already");
}

#[tokio::test]
async fn a_secret_is_not_kept_for_ever() {
    let (_redis, one, _) = two().await;
    let (silent, live) = (lease(1, 1), lease(2, 1));
    let later = START + patience() * 2 + Duration::from_secs(1);
    one.register(&silent, START).await;
    one.register(&live, later).await;
    due(&one, later).await;
    // By the time at which both were registered, Redis would still answer for both.
    assert_eq!(one.hear(&silent, START).await, Heard::Unknown, "the store is asked again");
    assert_eq!(one.hear(&live, later).await, OK);
}
