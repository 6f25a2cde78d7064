//! Redis stops, stands still, is blocked or cut off; and comes back.

use leasehold_domain::grant::Lost;
use leasehold_testkit::{Direction, FaultProxy};

use super::*;

async fn is_away(replica: &Replica, lease: &Lease, when: &str) {
    // Each would take half a second if it waited for an answer.
    let all = async {
        for _ in 0..200 {
            let outcome = replica.try_hear(lease, START).await;
            assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{when}: {outcome:?}");
        }
    };
    tokio::time::timeout(LONG, all).await.unwrap_or_else(|_| panic!("{when}: calls wait"));
    let outcome = replica.0.look(instance()).await;
    assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{when}: {outcome:?}");
}

#[tokio::test]
async fn calls_fail_at_once_while_redis_is_away_and_heal_when_it_is_back() {
    let mut redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    redis.pause().unwrap();
    is_away(&replica, &one, "paused").await;
    redis.resume().unwrap();
    replica.heal().await;
    assert_eq!(replica.hear(&one, START).await, OK);

    redis.block(Duration::from_secs(3)).await.unwrap();
    let outcome = replica.try_hear(&one, START).await;
    assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "blocked: {outcome:?}");
    replica.heal().await;
    assert_eq!(replica.hear(&one, START).await, OK);

    redis.stop().await.unwrap();
    is_away(&replica, &one, "stopped").await;
    redis.start_again().await.unwrap();
    replica.heal().await;
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown, "it came back empty");
}

#[tokio::test]
async fn a_service_can_start_while_redis_is_away() {
    let mut redis = Redis::start().await.unwrap();
    redis.stop().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    is_away(&replica, &lease(1, 1), "stopped").await;
    redis.start_again().await.unwrap();
    replica.heal().await;
}

#[tokio::test]
async fn a_cut_connection_is_made_again_without_a_failure() {
    let redis = Redis::start().await.unwrap();
    let proxy = FaultProxy::start(redis.port()).await.unwrap();
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let replica = Replica::with(&Settings { time: Time::Callers, ..Settings::new(url) }).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    let seen = replica.look().await;
    proxy.cut();
    replica.must_look(&one, "cut").await;
    replica.must_look(&one, "it may be another server").await;
    let outcome = replica.condemn(&lease(2, 1), seen, START).await;
    assert!(matches!(outcome, Err(LeaseError::Forgot)), "it may be another server: {outcome:?}");
    assert_eq!(replica.look().await, seen, "it is the same");
    assert_eq!(replica.hear(&one, START).await, OK);
    proxy.cut();
    assert_eq!(replica.look().await, seen, "a look makes it again");
    assert_eq!(replica.hear(&one, START).await, OK);

    for direction in [Direction::ToServer, Direction::ToClient] {
        proxy.hold(direction);
        is_away(&replica, &one, "held back").await;
        proxy.heal().await;
        replica.heal().await;
        assert_eq!(replica.hear(&one, START).await, OK);
    }
}

#[tokio::test]
async fn what_ended_while_redis_was_away_is_never_heard_again() {
    let mut redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let other = Replica::by_our_time(&redis).await;
    let (ended, borrowed, taken_over) = (lease(1, 1), lease(2, 1), lease(3, 1));
    for lease in [&ended, &borrowed, &taken_over] {
        replica.register(lease, START).await;
        other.register(lease, START).await;
    }
    redis.pause().unwrap();
    is_away(&replica, &ended, "paused").await;
    replica.0.forget(instance(), &[(ended.grant, Lost::Dropped)], START).await.expect("it is remembered");
    replica.0.withdraw(instance(), &[borrowed.grant]).await.expect("it is remembered");
    let newer = lease(3, 2);
    let outcome = replica.0.register(instance(), &[newer], START, START).await;
    assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{outcome:?}");
    assert_eq!(replica.hear(&ended, START).await, Heard::Lost(Lost::Dropped), "that needs no Redis");
    redis.resume().unwrap();
    replica.heal().await;

    assert_eq!(replica.hear(&ended, START).await, Heard::Lost(Lost::Dropped));
    assert_eq!(replica.hear(&borrowed, START).await, Heard::Unknown);
    assert_eq!(replica.hear(&taken_over, START).await, Heard::Unknown);
    other.heal().await;
    for lease in [&ended, &borrowed, &taken_over] {
        assert_eq!(other.hear(lease, START).await, Heard::Unknown, "the store knows");
    }
}

#[tokio::test]
async fn a_judgement_that_nobody_heard_does_not_stand() {
    let mut redis = Redis::start().await.unwrap();
    for replica in [Replica::of(&redis).await, Replica::by_our_time(&redis).await] {
        let seen = replica.look().await;
        let (first, silent) = (lease(2, 1), lease(1, 1));
        // So that Redis has the script, and runs what it finds waiting when it goes on.
        assert_eq!(replica.condemn(&first, seen, START).await.unwrap(), Verdict::Condemned);
        replica.0.pardon(instance(), &[first.grant]).await.unwrap();
        redis.pause().unwrap();
        let outcome = replica.condemn(&silent, seen, START).await;
        assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{outcome:?}");
        redis.resume().unwrap();
        replica.heal().await;
        assert_eq!(replica.hear(&silent, START).await, Heard::Unknown, "not expired");
        assert_eq!(leases_held(&redis).await, 0, "no mark is left");
    }
}
