//! Redis comes back with what it once had.

use super::*;

/// A Redis with a lease in its snapshot, a replica that knows its secret, and the generation of that run.
async fn with_snapshot() -> (Redis, Replica, Lease, u64) {
    let redis = Redis::start().await.expect("Redis is installed");
    let replica = Replica::by_our_time(&redis).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    assert_eq!(replica.hear(&one, START).await, OK);
    redis.ask(&["SAVE"]).await.expect("Redis can write");
    let seen = replica.look().await;
    (redis, replica, one, seen)
}

#[tokio::test]
async fn a_restored_snapshot_revives_nobody() {
    let (mut redis, replica, one, seen) = with_snapshot().await;
    redis.start_again().await.unwrap();
    assert_eq!(leases_held(&redis).await, 1, "the snapshot is restored");
    replica.must_look(&one, "over a new connection").await;
    let outcome = replica.condemn(&one, seen, START + patience()).await;
    assert!(matches!(outcome, Err(LeaseError::Forgot)), "{outcome:?}");
    assert_ne!(replica.heal().await, seen, "another run of the server");
    assert_eq!(leases_held(&redis).await, 0);
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown);
}

#[tokio::test]
async fn a_snapshot_restored_under_another_look_revives_nobody() {
    let (mut redis, replica, one, _) = with_snapshot().await;
    redis.start_again().await.unwrap();
    let other = Replica::by_our_time(&redis).await;
    let seen = other.look().await;
    assert_eq!(replica.heal().await, seen, "the second look finds what the first has begun");
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown);
    replica.earn(&one, START, START).await;
    assert_eq!(replica.hear(&one, START).await, OK);
    assert_eq!(other.look().await, seen);
    assert_eq!(replica.hear(&one, START).await, OK, "a look takes nothing of this run away");
}

#[tokio::test]
async fn keys_of_an_older_run_put_back_by_hand_revive_nobody() {
    let (mut redis, replica, one, seen) = with_snapshot().await;
    let value = redis.ask(&["GET", &generation_key()]).await.unwrap();
    let score = score(&redis, &one).await;
    redis.start_again().await.unwrap();
    let first = replica.heal().await;
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown);
    redis.ask(&["SET", &generation_key(), &value]).await.unwrap();
    redis.ask(&["ZADD", &heard_key(), &score, &member(&one)]).await.unwrap();
    replica.must_look(&one, "another generation").await;
    let second = replica.look().await;
    assert!(second != first && second != seen);
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown);
}
