//! Synchronising by itself, and the warnings before a deadline.

use std::io;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use leasehold_proto::sync::v1 as pb;
use leasehold_signing::sealed_file::Form;
use leasehold_sync::Interval;
use tracing_subscriber::fmt::MakeWriter;

use crate::vendor::{DAY, Trouble, start};
use crate::world::{World, instance, until};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn hourly() -> World {
    let mut world = World::new().await;
    world.interval = Interval::Every(HOUR);
    world
}

#[tokio::test]
async fn an_instance_synchronises_when_it_is_enrolled_and_then_by_the_interval() {
    let world = hourly().await;
    let process = world.enrolled().await;
    for round in 1..=3 {
        until("a bundle comes", async || world.sequence().await == round).await;
        until("the next is planned", async || {
            process.identity().await.next_at.is_some_and(|next| next.seconds > world.clock_second())
        })
        .await;
        let next = process.identity().await.next_at.unwrap().seconds - world.clock_second();
        assert!((54 * 60..=66 * 60).contains(&next), "{next}");
        world.advance(SignedDuration::from_mins(67));
    }
    let exchange = process.history().await.pop().unwrap();
    assert_eq!((exchange.number, exchange.actor.as_str()), (1, "schedule"));
}

#[tokio::test]
async fn without_an_interval_nothing_happens_by_itself() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.advance(30 * DAY);
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    assert!(process.history().await.is_empty() && process.identity().await.next_at.is_none());
}

#[tokio::test]
async fn failures_back_off_and_success_ends_that() {
    let world = hourly().await;
    *world.vendor.closed.lock().unwrap() = Some(pb::SyncStep::Connect);
    let process = world.enrolled().await;
    let mut waits = Vec::new();
    for round in 1..=8 {
        until("it has failed", async || world.failures().await == round).await;
        let wait = process.identity().await.next_at.unwrap().seconds - world.clock_second();
        waits.push(wait);
        world.advance(SignedDuration::from_secs(wait + 1));
    }
    for (wait, minutes) in waits.iter().zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        assert!((minutes * 54..=minutes * 66).contains(wait), "{waits:?}");
    }
    // One request all the while.
    assert_eq!(process.history().await.len(), 1);
    *world.vendor.closed.lock().unwrap() = None;
    process.synchronize().await.unwrap();
    assert_eq!(world.failures().await, 0);
    assert!(process.identity().await.next_at.unwrap().seconds - world.clock_second() >= 54 * 60);
}

#[tokio::test]
async fn what_comes_by_hand_or_by_file_moves_the_plan() {
    let world = hourly().await;
    let process = world.enrolled().await;
    until("a bundle comes", async || process.identity().await.next_at.is_some()).await;
    world.advance(SignedDuration::from_mins(50));
    process.synchronize().await.unwrap();
    let second = process.identity().await.next_at.unwrap().seconds;
    assert!(second - world.clock_second() >= 54 * 60);
    let file = process.export(false).await.unwrap();
    world.advance(SignedDuration::from_mins(50));
    process.import(world.vendor.process(&file, Form::Binary)).await.unwrap();
    assert!(process.identity().await.next_at.unwrap().seconds > second);
}

#[tokio::test]
async fn a_refusal_for_good_is_asked_anew_at_the_next_attempt() {
    let world = hourly().await;
    let process = world.enrolled().await;
    until("a bundle comes", async || process.identity().await.next_at.is_some()).await;
    let refusal = leasehold_proto::types::v1::ErrorReason::CloneSuspected;
    world.vendor.expect([Trouble::Refuse(refusal), Trouble::Refuse(refusal)]);
    world.advance(SignedDuration::from_mins(67));
    for number in [2, 3] {
        until("it is refused", async || process.history().await[0].number == number).await;
        // The plan for the next attempt comes last.
        until("it has failed", async || u64::from(world.failures().await) == number - 1).await;
        assert_eq!(process.history().await[0].state(), pb::ExchangeState::Failed);
        world.advance(SignedDuration::from_mins(3));
    }
    until("it is accepted", async || world.sequence().await == 2).await;
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Log {
    /// How often this was logged.
    fn count(&self, part: &str) -> usize {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().matches(part).count()
    }
}

#[tokio::test]
async fn deadlines_are_warned_of_once_each() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    let replica = world.start().await;
    let look = || tokio::time::sleep(std::time::Duration::from_millis(1_300));
    world.advance(59 * DAY);
    look().await;
    assert_eq!(log.count("has to synchronise"), 0);
    for (days_on, warned) in [(1, "days=30"), (23, "days=7"), (6, "days=1")] {
        world.advance(days_on * DAY);
        until(warned, async || log.count(warned) == 1).await;
        look().await;
        assert_eq!((log.count(warned), log.count("has to synchronise") > 0), (1, true), "{warned}");
    }
    // Also across a restart.
    replica.stop_in_order().await;
    process.stop_in_order().await;
    let process = world.start().await;
    look().await;
    assert_eq!(log.count("days="), 3);
    world.advance(DAY);
    until("overdue", async || log.count("synchronisation is overdue") == 1).await;
    look().await;
    assert_eq!(log.count("synchronisation is overdue"), 1);

    // A bundle with a deadline that is near anyway is not warned of at once.
    *world.vendor.within.lock().unwrap() = 14 * DAY;
    process.synchronize().await.unwrap();
    look().await;
    assert_eq!(log.count("days="), 3);
    world.advance(7 * DAY);
    until("days=7", async || log.count("days=7") == 2).await;
}

impl World {
    /// How many attempts have failed one after another.
    async fn failures(&self) -> u32 {
        self.store.identity(instance()).await.unwrap().unwrap().failures
    }

    fn clock_second(&self) -> i64 {
        use leasehold_runtime::Clock as _;
        let now = self.clock.now();
        assert!(now >= start());
        now.as_second()
    }
}
