//! The clock that processes share, as a batch finds it, and the record of its steps.

use jiff::SignedDuration;
use leasehold_domain::steps::{Step, Steps};
use leasehold_domain::{Changes, RequestId};

use super::Factory;
use super::sample::{World, answer, at, uuid};
use crate::licensing::StoreTime;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn some_steps() -> Steps {
    let step = |seconds, by| Step { at: at(seconds), by };
    Steps {
        correction: DAY * 3,
        recent: vec![step(1, DAY), step(2, -DAY), step(2, SignedDuration::from_micros(1))],
    }
}

async fn time(world: &World) -> Option<StoreTime> {
    world.begin().await.time().await.unwrap()
}

async fn record(world: &World, steps: &Steps) {
    let mut batch = world.begin().await;
    batch.record_steps(steps).await.unwrap();
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
}

/// What a batch finds, where processes share a clock.
async fn found(world: &World) -> Option<Steps> {
    Some(time(world).await?.steps)
}

/// A batch finds the clock that the store shares, once, whether it asks before it claims or after.
pub async fn a_batch_finds_the_shared_clock(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let before = world.store.time().await.unwrap();
    let mut claiming = world.begin().await;
    assert_eq!(claiming.claim(&[RequestId(uuid(1))], at(0)).await.unwrap(), []);
    let claimed = claiming.time().await.unwrap();
    assert_eq!(claiming.time().await.unwrap(), claimed);
    claiming.commit(&Changes::default(), &[answer(1)], at(0)).await.unwrap();
    let mut asking = world.begin().await;
    let asked = asking.time().await.unwrap();
    assert_eq!(asking.claim(&[RequestId(uuid(1))], at(0)).await.unwrap(), [answer(1)]);
    assert_eq!(asking.time().await.unwrap(), asked);
    drop(asking);
    let after = world.store.time().await.unwrap();
    let now = |time: Option<StoreTime>| time.map(|time| (time.now, time.steps));
    match (before, now(claimed), now(asked), after) {
        (None, None, None, None) => {}
        (Some(before), Some((one, none)), Some((two, nothing)), Some(after)) => {
            assert!(before <= one && one <= two && two <= after, "{before} {one} {two} {after}");
            assert_eq!((none, nothing), (Steps::default(), Steps::default()));
        }
        other => panic!("it is shared or not: {other:?}"),
    }
}

/// Recorded steps are found by every later batch, until others are recorded, and when the store is opened again.
pub async fn recorded_steps_are_found(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let shared = world.store.time().await.unwrap().is_some();
    let far = Step { at: jiff::Timestamp::from_second(253_402_207_199).unwrap(), by: -DAY * 3_000_000 };
    let furthest = Steps { correction: -DAY * 6_000_000, recent: vec![far; 100] };
    for steps in [some_steps(), furthest, Steps::default(), some_steps()] {
        record(&world, &steps).await;
        assert_eq!(found(&world).await, shared.then_some(steps));
    }
    let instance = world.instance;
    let Some(store) = factory.reopen(world.store).await else { return };
    let world = World { store, instance };
    assert_eq!(found(&world).await, shared.then(some_steps));
}

/// Steps go with their batch.
pub async fn steps_of_a_dropped_batch_are_not_recorded(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let shared = world.store.time().await.unwrap().is_some();
    let mut dropped = world.begin().await;
    dropped.record_steps(&some_steps()).await.unwrap();
    drop(dropped);
    assert_eq!(found(&world).await, shared.then(Steps::default));
}

/// Each instance has a record of its own: it is written under the instance's lock.
pub async fn steps_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let other = world.beside("other").await;
    let shared = world.store.time().await.unwrap().is_some();
    record(&world, &some_steps()).await;
    assert_eq!(found(&other).await, shared.then(Steps::default));
    assert_eq!(found(&world).await, shared.then(some_steps));
}
