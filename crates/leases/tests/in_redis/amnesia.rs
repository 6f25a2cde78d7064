//! Redis forgets, wholly or in part, and nobody loses a lease by it.

use super::*;

fn forgot(outcome: &Result<Verdict, LeaseError>, what: &str) {
    assert!(matches!(outcome, Err(LeaseError::Forgot)), "{what}: {outcome:?}");
}

#[tokio::test]
async fn nobody_is_condemned_after_a_loss_that_was_not_looked_at() {
    let lost: [&[&[&str]]; 4] = [
        &[&["FLUSHALL"]],
        &[&["DEL", &heard_key()]],
        &[&["DEL", &generation_key()]],
        // Somebody else has looked meanwhile, and begun a new generation.
        &[
            &["FLUSHALL"],
            &["SET", &generation_key(), "another"],
            &["ZADD", &heard_key(), "inf", "generation"],
        ],
    ];
    for commands in lost {
        let redis = Redis::start().await.unwrap();
        let replica = Replica::by_our_time(&redis).await;
        let (live, silent) = (lease(1, 1), lease(2, 1));
        let seen = replica.look().await;
        replica.register(&silent, START).await;
        let now = START + patience();
        replica.register(&live, now).await;
        for command in commands {
            redis.ask(command).await.unwrap();
        }
        forgot(&replica.condemn(&live, seen, now).await, &format!("{commands:?}"));
        forgot(&replica.condemn(&silent, seen, now).await, &format!("{commands:?}"));
        replica.must_look(&live, &format!("{commands:?}")).await;
        let after = replica.heal().await;
        assert_eq!(replica.hear(&live, now).await, Heard::Unknown, "{commands:?}");
        assert_ne!(after, seen, "{commands:?}");
        forgot(&replica.condemn(&live, seen, now).await, "what was seen before counts no more");
    }
}

#[tokio::test]
async fn what_redis_lost_is_left_to_the_store() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    redis.flush().await.unwrap();
    replica.must_look(&one, "flushed").await;
    let outcome = replica.0.earned(instance(), &[(one, START)], START).await;
    assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{outcome:?}");
    replica.look().await;
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown);
    replica.earn(&one, START, START).await;
    assert_eq!(replica.hear(&one, START).await, OK);
}

#[tokio::test]
async fn nobody_is_heard_before_redis_was_looked_at() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    let new = RedisLeases::connect(&Settings { time: Time::Callers, ..Settings::new(redis.url()) }).await;
    let new = Replica(new.unwrap());
    new.must_look(&one, "not looked at").await;
    let outcome = new.0.register(instance(), &[one], START, START).await;
    assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{outcome:?}");
    assert_eq!(new.look().await, replica.look().await);
    assert_eq!(new.hear(&one, START).await, Heard::Unknown, "its secret is not known there");
}

#[tokio::test]
async fn scripts_that_redis_dropped_are_given_to_it_again() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    let seen = replica.look().await;
    redis.ask(&["SCRIPT", "FLUSH"]).await.unwrap();
    assert_eq!(replica.hear(&one, START).await, OK);
    assert_eq!(replica.look().await, seen);
}

#[tokio::test]
async fn leases_and_marks_that_nobody_took_away_are_swept() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let (silent, condemned, live) = (lease(1, 1), lease(2, 1), lease(3, 1));
    let seen = replica.look().await;
    replica.register(&silent, START).await;
    assert_eq!(replica.condemn(&condemned, seen, START).await.unwrap(), Verdict::Condemned);
    let later = START + Duration::from_hours(1) + Duration::from_secs(1);
    replica.register(&live, later).await;
    replica.look().await;
    assert_eq!(leases_held(&redis).await, 2, "the mark is gone first");
    assert_eq!(replica.hear(&live, later + Duration::from_secs(1)).await, OK);
    let latest = later + patience() + Duration::from_secs(1);
    assert_eq!(replica.hear(&silent, latest).await, Heard::Unknown);
    assert_eq!(replica.look().await, seen);
    assert_eq!(leases_held(&redis).await, 1);
    assert_eq!(replica.hear(&live, later + Duration::from_secs(2)).await, OK);
}
