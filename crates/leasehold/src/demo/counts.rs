//! What the clients have done so far: numbers that everybody adds to and the status line shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Numbers that only grow, but for `at_work`.
#[derive(Debug, Default)]
pub struct Counts {
    /// Programs that run now.
    at_work: AtomicU64,
    /// Checkouts, renewals, and what is asked for again.
    requests: AtomicU64,
    granted: AtomicU64,
    denied: AtomicU64,
    returned: AtomicU64,
    left: AtomicU64,
    crashed: AtomicU64,
    heartbeats: AtomicU64,
    duplicates: AtomicU64,
    lost_answers: AtomicU64,
    old_tokens: AtomicU64,
    updated: AtomicU64,
    heard_of_update: Mutex<BTreeMap<String, u64>>,
    failed_updates: Mutex<BTreeMap<String, u64>>,
    denied_because: Mutex<BTreeMap<String, u64>>,
}

/// The numbers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Programs that run.
    pub at_work: u64,
    /// Capability requests that were sent, repeats apart.
    pub requests: u64,
    /// Checkouts that gave something.
    pub granted: u64,
    /// Checkouts that were refused.
    pub denied: u64,
    /// Grants that were given back.
    pub returned: u64,
    /// Borrows that were left to their end.
    pub left: u64,
    /// Programs that fell silent while they held something.
    pub crashed: u64,
    /// Leases that heartbeats were sent for.
    pub heartbeats: u64,
    /// Requests that were sent twice on purpose.
    pub duplicates: u64,
    /// Answers that were thrown away on their way to the client, which then asked again.
    pub lost_answers: u64,
    /// Old tokens that were shown on purpose.
    pub old_tokens: u64,
    /// Updates that devices have put in place.
    pub updated: u64,
    /// Devices that heard of an update, by its version.
    pub heard_of_update: BTreeMap<String, u64>,
    /// Updates that were not put in place for good, by the reason.
    pub failed_updates: BTreeMap<String, u64>,
    /// Refused checkouts by their reason.
    pub denied_because: BTreeMap<String, u64>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Started,
    Ended,
    Requested,
    Granted,
    /// With the reason's name.
    Denied(String),
    Returned,
    Left,
    Crashed,
    Heartbeats(usize),
    Duplicated,
    AnswerLost,
    OldToken,
    /// With the version.
    HeardOfUpdate(String),
    Updated,
    /// With the reason's name.
    UpdateFailed(String),
}

impl Counts {
    /// Counts an event.
    pub(super) fn add(&self, event: Event) {
        let add = |counter: &AtomicU64, count| {
            counter.fetch_add(count, Ordering::Relaxed);
        };
        match event {
            Event::Started => add(&self.at_work, 1),
            Event::Ended => {
                self.at_work.fetch_sub(1, Ordering::Relaxed);
            }
            Event::Requested => add(&self.requests, 1),
            Event::Granted => add(&self.granted, 1),
            Event::Denied(reason) => {
                add(&self.denied, 1);
                count_in(&self.denied_because, reason);
            }
            Event::Returned => add(&self.returned, 1),
            Event::Left => add(&self.left, 1),
            Event::Crashed => add(&self.crashed, 1),
            Event::Heartbeats(leases) => add(&self.heartbeats, leases as u64),
            Event::Duplicated => add(&self.duplicates, 1),
            Event::AnswerLost => add(&self.lost_answers, 1),
            Event::OldToken => add(&self.old_tokens, 1),
            Event::HeardOfUpdate(version) => count_in(&self.heard_of_update, version),
            Event::Updated => add(&self.updated, 1),
            Event::UpdateFailed(reason) => count_in(&self.failed_updates, reason),
        }
    }

    /// The numbers now.
    pub fn now(&self) -> Numbers {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Numbers {
            at_work: read(&self.at_work),
            requests: read(&self.requests),
            granted: read(&self.granted),
            denied: read(&self.denied),
            returned: read(&self.returned),
            left: read(&self.left),
            crashed: read(&self.crashed),
            heartbeats: read(&self.heartbeats),
            duplicates: read(&self.duplicates),
            lost_answers: read(&self.lost_answers),
            old_tokens: read(&self.old_tokens),
            updated: read(&self.updated),
            heard_of_update: read_all(&self.heard_of_update),
            failed_updates: read_all(&self.failed_updates),
            denied_because: read_all(&self.denied_because),
        }
    }
}

fn count_in(counters: &Mutex<BTreeMap<String, u64>>, name: String) {
    *counters.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
}

fn read_all(counters: &Mutex<BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
