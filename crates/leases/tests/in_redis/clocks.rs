//! Clocks that step, and times that no clock of today has written.

use leasehold_testkit::FakeClock;

use super::*;

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_score_of_a_clock_far_ahead_does_not_count_as_heard() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::by_our_time(&redis).await;
    let seen = replica.look().await;
    let one = lease(1, 1);
    replica.register(&one, START + Duration::from_hours(24)).await;
    assert_eq!(replica.hear(&one, START).await, Heard::Unknown);
    assert_eq!(replica.condemn(&one, seen, START).await.unwrap(), Verdict::Condemned);
    // A little ahead is rounding.
    let other = lease(2, 1);
    replica.register(&other, START + Duration::from_secs(1)).await;
    let rest = patience() + Duration::from_secs(1);
    assert_eq!(replica.condemn(&other, seen, START).await.unwrap(), Verdict::Heard { rest });
}

#[tokio::test]
async fn a_step_between_the_look_and_the_judgement_condemns_nobody() {
    let Some(clock) = FakeClock::new().unwrap() else { panic!("{}", FakeClock::INSTALL) };
    let redis = Redis::start_with(&[], Some(&clock)).await.unwrap();
    let replica = Replica::of(&redis).await;
    let (live, unknown) = (lease(1, 1), lease(2, 1));
    for step in [DAY, -DAY, 5, -5] {
        clock.set(0).unwrap();
        let seen = replica.look().await;
        replica.earn(&live, START, START).await;
        assert_eq!(replica.hear(&live, START).await, OK);
        assert_eq!(replica.condemn(&unknown, seen, START).await.unwrap(), Verdict::Condemned, "all is well");
        clock.set(step).unwrap();
        let outcome = replica.condemn(&live, seen, START).await;
        assert!(matches!(outcome, Err(LeaseError::Forgot)), "{step}: {outcome:?}");
        // By a clock that was set back nobody is heard who may have lapsed.
        if step < 0 {
            replica.must_look(&live, "the clock was set back").await;
        }
        // Heard by the new time, it counts by the new time.
        let seen = replica.look().await;
        replica.earn(&live, START, START).await;
        assert_eq!(replica.hear(&live, START).await, OK);
        let verdict = replica.condemn(&live, seen, START).await.unwrap();
        assert!(matches!(verdict, Verdict::Heard { .. }), "{step}: {verdict:?}");
    }
}

#[tokio::test]
async fn redis_says_what_time_it_is_and_measures_by_it() {
    let Some(clock) = FakeClock::new().unwrap() else { panic!("{}", FakeClock::INSTALL) };
    let redis = Redis::start_with(&[], Some(&clock)).await.unwrap();
    let replica = Replica::of(&redis).await;
    let one = lease(1, 1);
    replica.register(&one, START).await;
    let before = replica.0.look(instance()).await.unwrap();
    let verdict = replica.condemn(&one, before.generation, START).await.unwrap();
    let Verdict::Heard { rest } = verdict else { panic!("{verdict:?}") };
    assert!(rest <= patience() + Duration::from_secs(1), "{rest:?}");
    clock.set(13 + 1).unwrap();
    let after = replica.0.look(instance()).await.unwrap();
    let passed = after.time.unwrap().duration_since(before.time.unwrap());
    assert!(passed >= SignedDuration::from_secs(14), "{passed:?}");
    assert_eq!(replica.condemn(&one, after.generation, START).await.unwrap(), Verdict::Condemned);
}

#[tokio::test]
async fn a_step_condemns_nobody_even_where_somebody_else_has_looked_since() {
    let Some(clock) = FakeClock::new().unwrap() else { panic!("{}", FakeClock::INSTALL) };
    let redis = Redis::start_with(&[], Some(&clock)).await.unwrap();
    let replica = Replica::of(&redis).await;
    let live = lease(1, 1);
    replica.register(&live, START).await;
    let seen = replica.look().await;
    assert_eq!(replica.look().await, seen, "it stays");
    clock.set(DAY).unwrap();
    assert_ne!(replica.look().await, seen, "as a check of its health does");
    let outcome = replica.condemn(&live, seen, START).await;
    assert!(matches!(outcome, Err(LeaseError::Forgot)), "{outcome:?}");
}

#[tokio::test]
async fn who_lapsed_does_not_live_again_when_the_clock_is_set_back() {
    let Some(clock) = FakeClock::new().unwrap() else { panic!("{}", FakeClock::INSTALL) };
    let redis = Redis::start_with(&[], Some(&clock)).await.unwrap();
    let replica = Replica::of(&redis).await;
    let one = lease(1, 1);
    // By the time after the step it was heard just now, a while ago, or in the future.
    for back in [0, 20, 25, 30, DAY] {
        clock.set(0).unwrap();
        replica.look().await;
        replica.earn(&one, START, START).await;
        assert_eq!(replica.hear(&one, START).await, OK);
        clock.set(25).unwrap();
        replica.look().await;
        clock.set(25 - back).unwrap();
        if back > 0 {
            replica.must_look(&one, &format!("{back} s")).await;
        }
        replica.look().await;
        assert_eq!(replica.hear(&one, START).await, Heard::Unknown, "{back} s");
    }
}

#[tokio::test]
async fn what_waited_counts_by_redis_time_from_when_it_was_heard() {
    let redis = Redis::start().await.unwrap();
    let replica = Replica::of(&redis).await;
    let waited = Duration::from_secs(8);
    let (earned, registered) = (lease(1, 1), lease(2, 1));
    replica.earn(&earned, START, START + waited).await;
    replica.0.register(instance(), &[registered], START, START + waited).await.unwrap();
    let seen = replica.look().await;
    let most = patience().saturating_sub(waited) + Duration::from_secs(1);
    for lease in [&earned, &registered] {
        let verdict = replica.condemn(lease, seen, START + waited).await.unwrap();
        let Verdict::Heard { rest } = verdict else { panic!("{verdict:?}") };
        assert!(rest <= most, "{rest:?}");
    }
    let lapsed = lease(3, 1);
    replica.earn(&lapsed, START, START + patience() + Duration::from_secs(5)).await;
    assert_eq!(replica.hear(&lapsed, START).await, Heard::Unknown);
    assert_eq!(replica.condemn(&lapsed, seen, START).await.unwrap(), Verdict::Condemned);
}

#[tokio::test]
async fn what_redis_is_told_too_late_is_not_heard() {
    let mut redis = Redis::start().await.unwrap();
    let [one, other, third] =
        [Replica::of(&redis).await, Replica::of(&redis).await, Replica::of(&redis).await];
    // So that Redis has the scripts, and runs what it finds waiting when it goes on.
    let [known, earned, registered] = [lease(1, 1), lease(2, 1), lease(3, 1)];
    one.register(&known, START).await;
    assert_eq!(one.hear(&known, START).await, OK);
    other.earn(&lease(4, 1), START, START).await;
    let before = score(&redis, &known).await;
    redis.pause().unwrap();
    let (to_earn, to_register) = ([(earned, START)], [registered]);
    let outcomes = tokio::join!(
        one.try_hear(&known, START),
        other.0.earned(instance(), &to_earn, START),
        third.0.register(instance(), &to_register, START, START),
    );
    assert!(matches!(outcomes, (Err(_), Err(_), Err(_))), "{outcomes:?}");
    // Until the time for the way is over, and a score would show it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    redis.resume().unwrap();
    assert_eq!(score(&redis, &known).await, before);
    assert_eq!(score(&redis, &earned).await, "");
    assert_eq!(score(&redis, &registered).await, "");
}

#[tokio::test]
async fn a_clock_before_2020_is_not_believed() {
    let Some(clock) = FakeClock::new().unwrap() else { panic!("{}", FakeClock::INSTALL) };
    let redis = Redis::start_with(&[], Some(&clock)).await.unwrap();
    // As after a start without a battery.
    clock.set(-50 * 365 * DAY).unwrap();
    let replica = Replica::of(&redis).await;
    let one = lease(1, 1);
    let looked = replica.0.look(instance()).await;
    assert!(matches!(looked, Err(LeaseError::Unavailable { .. })), "{looked:?}");
    replica.must_look(&one, "before 2020").await;
    clock.set(0).unwrap();
    replica.heal().await;
    replica.earn(&one, START, START).await;
    assert_eq!(replica.hear(&one, START).await, OK);
}
