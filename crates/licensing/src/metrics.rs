//! What the licensing service measures: the handles to record with.
//!
//! The handles are made once for a service, so that recording costs an atomic operation. Not responsible for
//! when something is recorded.

mod names;

use std::collections::BTreeSet;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::Error;
use jiff::Timestamp;
use leasehold_domain::capability::{Outcome, Reason};
use leasehold_domain::{InstanceId, Leave};
use leasehold_store::StoreError;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use names::describe;
pub use names::{
    ANSWER_KEY_LEFT, ANSWERS, BACKEND_ERRORS, BATCH_DURATION, BATCH_SIZE, BUNDLE_SEQUENCE, ENDINGS,
    FLOORS_MOVED, GAPS, GRANTS, HEARTBEATS, PROMOTIONS, QUEUE_DEPTH, REAPER_TURN, RESTORED,
    SELF_PRESERVATION, SHED, SUSPENDED, SYNCHRONIZE_LEFT, TAKEN_BACK,
};

/// Every outcome of a feature.
const OUTCOMES: usize = Outcome::Refused as usize + 1;
/// Every reason against a feature.
const REASONS: usize = Reason::InsufficientCount as usize + 1;

/// Every backend and kind of a failed operation.
const BACKEND_ERROR_KINDS: [(&str, &str); 5] = [
    ("store", "unavailable"),
    ("store", "constraint"),
    ("store", "corrupt"),
    ("store", "internal"),
    ("leases", "unavailable"),
];

/// A part of the work on a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reading what the batch touches.
    Load,
    /// Deciding.
    Decide,
    /// Writing the outcome.
    Commit,
    /// Waiting for the store until nothing can undo it.
    Settle,
}

/// Why a request was turned away undecided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// The queue was full.
    Overloaded,
    /// Its caller had stopped waiting.
    Late,
}

/// How a lease that was shown stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Heard.
    Ok,
    /// Taken for heard while the leases cannot be asked.
    Degraded,
    /// Not held any more.
    Lost,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The store of licence state.
    Store,
    /// The store of leases.
    Leases,
}

/// The handles of one service.
#[derive(Debug)]
pub struct Metrics {
    /// By outcome, and by reason with none before the first. Made when one is met first.
    answers: [[OnceLock<Counter>; REASONS + 1]; OUTCOMES],
    batch_size: Histogram,
    load: Histogram,
    decide: Histogram,
    commit: Histogram,
    settle: Histogram,
    queue_depth: Gauge,
    overloaded: Counter,
    late: Counter,
    online: Gauge,
    borrowed: Gauge,
    beats_ok: Counter,
    beats_degraded: Counter,
    beats_lost: Counter,
    taken_back: Counter,
    promotions: Counter,
    self_preservation: Gauge,
    restored: Gauge,
    /// Which instances are.
    restored_instances: Mutex<BTreeSet<InstanceId>>,
    reaper_turn: Gauge,
    floors_moved: Counter,
    endings: Counter,
}

impl Metrics {
    /// Describes everything and makes the handles. After the process' recorder is installed; without one
    /// nothing is recorded.
    pub fn new() -> Self {
        describe();
        let phase = |phase: &'static str| histogram!(BATCH_DURATION, "phase" => phase);
        let beats = |result: &'static str| counter!(HEARTBEATS, "result" => result);
        // Shown from the start, so that the first one is seen as one more.
        for (backend, kind) in BACKEND_ERROR_KINDS {
            let _ = counter!(BACKEND_ERRORS, "backend" => backend, "kind" => kind);
        }
        Self {
            answers: Default::default(),
            batch_size: histogram!(BATCH_SIZE),
            load: phase("load"),
            decide: phase("decide"),
            commit: phase("commit"),
            settle: phase("settle"),
            queue_depth: gauge!(QUEUE_DEPTH),
            overloaded: counter!(SHED, "reason" => "overloaded"),
            late: counter!(SHED, "reason" => "late"),
            online: gauge!(GRANTS, "kind" => "online"),
            borrowed: gauge!(GRANTS, "kind" => "borrowed"),
            beats_ok: beats("ok"),
            beats_degraded: beats("degraded"),
            beats_lost: beats("lost"),
            taken_back: counter!(TAKEN_BACK),
            promotions: counter!(PROMOTIONS),
            self_preservation: gauge!(SELF_PRESERVATION),
            restored: gauge!(RESTORED),
            restored_instances: Mutex::default(),
            reaper_turn: gauge!(REAPER_TURN),
            floors_moved: counter!(FLOORS_MOVED),
            endings: counter!(ENDINGS),
        }
    }

    /// A batch of this many pieces of work was taken.
    pub fn batch(&self, size: usize) {
        self.batch_size.record(number(size));
    }

    /// A phase of a batch took this long.
    pub fn phase(&self, phase: Phase, took: Duration) {
        let histogram = match phase {
            Phase::Load => &self.load,
            Phase::Decide => &self.decide,
            Phase::Commit => &self.commit,
            Phase::Settle => &self.settle,
        };
        histogram.record(took);
    }

    /// So many wait for a decision.
    pub fn queue_depth(&self, waiting: usize) {
        self.queue_depth.set(number(waiting));
    }

    /// A request was turned away.
    pub fn shed(&self, why: Shed) {
        match why {
            Shed::Overloaded => self.overloaded.increment(1),
            Shed::Late => self.late.increment(1),
        }
    }

    /// A feature was answered, with the reason where it was not granted in full.
    pub fn answer(&self, outcome: Outcome, reason: Option<Reason>) {
        let column = reason.map_or(0, |reason| reason as usize + 1);
        let counter = self.answers[outcome as usize][column].get_or_init(|| {
            let outcome = match outcome {
                Outcome::Granted => "granted",
                Outcome::Partial => "partial",
                Outcome::Kept => "kept",
                Outcome::Refused => "refused",
            };
            counter!(ANSWERS, "outcome" => outcome, "reason" => reason.map_or("", Reason::name))
        });
        counter.increment(1);
    }

    /// So many grants are in force.
    pub fn grants(&self, online: u64, borrowed: u64) {
        self.online.set(number(online));
        self.borrowed.set(number(borrowed));
    }

    /// So many leases were shown in heartbeats and stand like this.
    pub fn heartbeats(&self, result: Beat, count: usize) {
        let counter = match result {
            Beat::Ok => &self.beats_ok,
            Beat::Degraded => &self.beats_degraded,
            Beat::Lost => &self.beats_lost,
        };
        counter.increment(count as u64);
    }

    /// So many silent leases were taken back.
    pub fn taken_back(&self, count: usize) {
        self.taken_back.increment(count as u64);
    }

    /// So many grants were promoted.
    pub fn promoted(&self, count: usize) {
        self.promotions.increment(count as u64);
    }

    /// A gap of this kind was found; the kind is a fixed word.
    pub fn gap(&self, kind: &'static str) {
        counter!(GAPS, "kind" => kind).increment(1);
    }

    /// Whether silent leases are spared.
    pub fn self_preservation(&self, on: bool) {
        self.self_preservation.set(if on { 1.0 } else { 0.0 });
    }

    /// Whether this instance is restored and not confirmed yet. What is measured is whether any is.
    pub fn restored(&self, instance: InstanceId, restored: bool) {
        // Each change is one call.
        let mut all = self.restored_instances.lock().unwrap_or_else(PoisonError::into_inner);
        if restored {
            all.insert(instance)
        } else {
            all.remove(&instance)
        };
        self.restored.set(if all.is_empty() { 0.0 } else { 1.0 });
    }

    /// Whether the instance of this name is suspended.
    pub fn suspended(&self, instance: &str, suspended: bool) {
        gauge!(SUSPENDED, "instance" => instance.to_owned()).set(if suspended { 1.0 } else { 0.0 });
    }

    /// The leave of the instance of this name, at `now`.
    pub fn leave(&self, instance: &str, leave: Option<Leave>, now: Timestamp) {
        let left = leave.map_or(0.0, |leave| seconds_left(leave.synchronize_before, now));
        let sequence = number(leave.map_or(0, |leave| leave.sequence));
        gauge!(BUNDLE_SEQUENCE, "instance" => instance.to_owned()).set(sequence);
        gauge!(SYNCHRONIZE_LEFT, "instance" => instance.to_owned()).set(left);
    }

    /// Until when the instance of this name has a key for answers, at `now`.
    pub fn answer_key(&self, instance: &str, until: Option<Timestamp>, now: Timestamp) {
        let left = until.map_or(0.0, |until| seconds_left(until, now));
        gauge!(ANSWER_KEY_LEFT, "instance" => instance.to_owned()).set(left);
    }

    /// Whether this replica has the reaper's turn.
    pub fn reaper_turn(&self, held: bool) {
        self.reaper_turn.set(if held { 1.0 } else { 0.0 });
    }

    /// An operation of a back end failed; the kind is a fixed word.
    pub fn backend_error(&self, backend: Backend, kind: &'static str) {
        let backend = match backend {
            Backend::Store => "store",
            Backend::Leases => "leases",
        };
        counter!(BACKEND_ERRORS, "backend" => backend, "kind" => kind).increment(1);
    }

    /// An operation failed; what a back end has no part in is not counted here.
    pub(crate) fn failed(&self, error: &Error) {
        match error {
            Error::Store(error) => self.backend_error(Backend::Store, store_error_kind(error)),
            Error::Leases(_) => self.backend_error(Backend::Leases, "unavailable"),
            _ => {}
        }
    }

    /// So many floors were moved.
    pub fn floors_moved(&self, count: usize) {
        self.floors_moved.increment(count as u64);
    }

    /// So many endings were learned of.
    pub fn endings(&self, count: usize) {
        self.endings.increment(count as u64);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn store_error_kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Constraint { .. } => "constraint",
        StoreError::Corrupt { .. } => "corrupt",
        StoreError::Internal { .. } => "internal",
    }
}

fn seconds_left(until: Timestamp, now: Timestamp) -> f64 {
    until.duration_since(now).as_secs_f64()
}

/// A count as the recorder takes it: exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "nobody holds 2^53 of anything")]
fn number(count: impl TryInto<u64>) -> f64 {
    count.try_into().map_or(f64::MAX, |count| count as f64)
}

#[cfg(test)]
mod tests;
