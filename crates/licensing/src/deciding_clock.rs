//! The clock that decides: the store's, where several processes share it, else this machine's.
//!
//! Every batch takes the time and the steps of that clock inside its transaction, where no other process decides at the
//! same time, and records a step that nobody has recorded yet. So all processes agree on both, whoever sees a step
//! first. Between batches the clock goes as the monotonic one does, from what the last batch or look found: good for
//! looking things up, not for ending anything.
//!
//! Responsible for following the clock. Not responsible for what is a step: that is `domain`'s, nor for what it makes
//! of silence: that is the vigil's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::steps::{Follower, Reading, Step, Steps};
use leasehold_domain::{Changes, InstanceId};
use leasehold_runtime::Clock;
use leasehold_store::{LicensingBatch, LicensingStore, StoreError};

/// The clock that decides for one instance.
pub(crate) struct DecidingClock {
    own: Arc<dyn Clock>,
    /// The store's clock decides.
    is_shared: bool,
    /// How long a step counts.
    memory: SignedDuration,
    known: Mutex<Follower>,
}

/// The time by which a batch decides.
#[derive(Debug)]
pub(crate) struct Moment {
    /// What the clock that decides shows.
    pub(crate) now: Timestamp,
    /// How far that clock stepped ahead lately.
    pub(crate) ahead: SignedDuration,
    found: Option<Found>,
}

/// What a batch found of the store's clock. It counts once the batch is committed.
#[derive(Debug)]
struct Found {
    reading: Reading,
    steps: Steps,
    /// The last step, where this batch has recorded it.
    recorded: Option<Step>,
}

impl DecidingClock {
    /// The store's clock where it is shared, of which nothing is known before the first batch; else `own`.
    pub(crate) fn new(own: Arc<dyn Clock>, is_shared: bool, memory: SignedDuration) -> Self {
        Self { own, is_shared, memory, known: Mutex::default() }
    }

    /// The time and the steps for a batch, of which the first statement was sent at `sent`. A step that nobody has
    /// recorded yet is recorded with it.
    pub(crate) async fn of_batch(
        &self,
        batch: &mut dyn LicensingBatch,
        sent: Duration,
    ) -> Result<Moment, StoreError> {
        let time = if self.is_shared { batch.time().await? } else { None };
        let came = self.own.monotonic();
        let Some(time) = time else {
            let (now, ahead) = self.time();
            return Ok(Moment { now, ahead, found: None });
        };
        let (reading, mut steps) = (Reading { wall: time.now, sent, came }, time.steps);
        let recorded = self.known().step(&reading, &steps);
        if let Some(step) = recorded {
            tracing::warn!(ahead = %step.by, "the database's clock was set; what ends by that alone ends later");
            steps.note(step, self.memory);
            batch.record_steps(&steps).await?;
        }
        let ahead = steps.ahead(steps.steady(time.now), self.memory);
        Ok(Moment { now: time.now, ahead, found: Some(Found { reading, steps, recorded }) })
    }

    /// Remembers what a batch found, after its commit.
    pub(crate) fn committed(&self, moment: Moment) {
        if let Some(Found { reading, steps, recorded }) = moment.found {
            self.known().take(&reading, steps, recorded);
        }
    }

    /// Takes in what the store's clock showed outside a batch; `false` where it is not as it has to be.
    pub(crate) fn look(&self, reading: &Reading) -> bool {
        let mut known = self.known();
        let steps = known.steps().clone();
        let fits = known.step(reading, &steps).is_none();
        if fits {
            known.take(reading, steps, None);
        }
        fits
    }

    /// Finds out, in a batch of its own, what the store's clock shows and what is recorded of its steps, and records a
    /// step that nobody has.
    pub(crate) async fn settle(
        &self,
        store: &dyn LicensingStore,
        instance: InstanceId,
    ) -> Result<(), StoreError> {
        if !self.is_shared {
            return Ok(());
        }
        let mut batch = store.begin(instance).await?;
        let moment = self.of_batch(&mut *batch, self.own.monotonic()).await?;
        if moment.found.as_ref().is_some_and(|found| found.recorded.is_some()) {
            batch.commit(&Changes::default(), &[], moment.now).await?;
        }
        self.committed(moment);
        Ok(())
    }

    /// The time, as far as this process knows, and how far its clock stepped ahead lately: both from before a step, or
    /// both from after it.
    pub(crate) fn time(&self) -> (Timestamp, SignedDuration) {
        let mut known = self.known();
        if !self.is_shared {
            let sent = self.own.monotonic();
            let reading = Reading { wall: self.own.now(), sent, came: self.own.monotonic() };
            known.take_alone(&reading, self.memory);
            return (reading.wall, known.ahead(reading.came, self.memory));
        }
        let monotonic = self.own.monotonic();
        let now = known.now(monotonic).unwrap_or_else(|| self.own.now());
        (now, known.ahead(monotonic, self.memory))
    }

    /// The time, as far as this process knows.
    pub(crate) fn now(&self) -> Timestamp {
        self.time().0
    }

    fn known(&self) -> MutexGuard<'_, Follower> {
        // What is known is taken in whole or not at all.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "deciding_clock_tests.rs"]
mod tests;
