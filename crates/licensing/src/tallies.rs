//! What is counted beside the decisions: use over time, refusals, and who held what lately.
//!
//! It is added up in memory, off the way of the requests, and written every few seconds by `jobs::tallies`; replicas add
//! to the same rows. A crash loses what was not written yet: nothing that a decision rests on.
//! Reference: `docs/reference/licensing.md`, "Use over time".

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::feature::Use;
use leasehold_domain::{Activity, ActivityKind, FeatureName, HostId};
use leasehold_store::licensing::{DenialTally, Held, Step, Tallies, UsageTally};

/// That a device holds a feature is noted once in so long, however often it comes and goes.
pub(crate) const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// Rows that may wait to be written; while the store is away for long the rest is lost.
const MAX_WAITING: usize = 100_000;

/// What an instance has counted and not written yet.
#[derive(Debug)]
pub(crate) struct Tallying {
    /// Whether it is noted who holds what.
    remembers: bool,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    usage: HashMap<(FeatureName, Step, Timestamp), UsageTally>,
    denials: HashMap<(FeatureName, String, Step, Timestamp), u64>,
    held: HashMap<(HostId, FeatureName), Timestamp>,
    /// When it was last noted.
    noted: HashMap<(HostId, FeatureName), Timestamp>,
}

impl Tallying {
    /// Nothing is counted yet. With `remembers` it is noted who holds what.
    pub(crate) fn new(remembers: bool) -> Self {
        Self { remembers, counted: Mutex::default() }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        // Sums have no state that a panic could leave half changed.
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what has happened.
    pub(crate) fn note(&self, happened: &[Activity]) {
        let matters = |record: &&Activity| match record.kind {
            ActivityKind::Refused => true,
            _ => self.remembers && record.grant.is_some(),
        };
        for record in happened.iter().filter(matters) {
            let Ok(feature) = FeatureName::new(&record.feature) else { continue };
            match (record.kind, &record.hostid) {
                (ActivityKind::Refused, _) => self.counted().deny(&feature, &record.detail, record.at),
                (_, Some(device)) => self.counted().hold(device, feature, record.at),
                (_, None) => {}
            }
        }
    }

    /// Counts what is in use.
    pub(crate) fn look(&self, used: &[Use], now: Timestamp) {
        let mut counted = self.counted();
        for one in used {
            for step in Step::ALL {
                counted.look(one, step, step.start(now));
            }
        }
    }

    /// What this device was noted to hold and is not written yet.
    pub(crate) fn held_by(&self, device: &HostId) -> Vec<Held> {
        let counted = self.counted();
        let own = counted.held.iter().filter(|((holder, _), _)| holder == device);
        own.map(|((device, feature), at)| Held { device: device.clone(), feature: feature.clone(), at: *at })
            .collect()
    }

    /// Takes what is to be written.
    pub(crate) fn take(&self, now: Timestamp) -> Tallies {
        let mut counted = self.counted();
        counted.noted.retain(|_, at| now.duration_since(*at) < NOTED_EVERY);
        let denial = |((feature, reason, step, at), count)| DenialTally { feature, reason, step, at, count };
        Tallies {
            usage: counted.usage.drain().map(|(_, tally)| tally).collect(),
            denials: counted.denials.drain().map(denial).collect(),
            held: (counted.held.drain())
                .map(|((device, feature), at)| Held { device, feature, at })
                .collect(),
        }
    }

    /// Takes back what could not be written.
    pub(crate) fn give_back(&self, tallies: Tallies) {
        let mut counted = self.counted();
        for tally in tallies.usage {
            let newer = counted.usage.get(&(tally.feature.clone(), tally.step, tally.at));
            let owned = newer.map_or(tally.owned, |newer| newer.owned);
            counted.add(UsageTally { owned, ..tally });
        }
        for DenialTally { feature, reason, step, at, count } in tallies.denials {
            if counted.has_room() {
                *counted.denials.entry((feature, reason, step, at)).or_default() += count;
            }
        }
        for Held { device, feature, at } in tallies.held {
            if counted.has_room() {
                let known = counted.held.entry((device, feature)).or_insert(at);
                *known = (*known).max(at);
            }
        }
    }
}

impl Counted {
    fn has_room(&self) -> bool {
        self.usage.len() + self.denials.len() + self.held.len() < MAX_WAITING
    }

    fn deny(&mut self, feature: &FeatureName, reason: &str, at: Timestamp) {
        for step in Step::ALL {
            if self.has_room() {
                let key = (feature.clone(), reason.to_owned(), step, step.start(at));
                *self.denials.entry(key).or_default() += 1;
            }
        }
    }

    fn hold(&mut self, device: &HostId, feature: FeatureName, at: Timestamp) {
        let key = (device.clone(), feature);
        let is_noted = self.noted.get(&key).is_some_and(|noted| at.duration_since(*noted) < NOTED_EVERY);
        if !is_noted && self.has_room() {
            self.noted.insert(key.clone(), at);
            self.held.insert(key, at);
        }
    }

    fn look(&mut self, one: &Use, step: Step, at: Timestamp) {
        let Use { feature, used, owned } = one;
        let (used, owned) = (*used, *owned);
        self.add(UsageTally {
            feature: feature.clone(),
            step,
            at,
            samples: 1,
            total: used,
            peak: used,
            owned,
        });
    }

    /// Adds to what is there; the last word on what is owned is the one that comes last.
    fn add(&mut self, tally: UsageTally) {
        if !self.has_room() {
            return;
        }
        let key = (tally.feature.clone(), tally.step, tally.at);
        match self.usage.get_mut(&key) {
            None => {
                self.usage.insert(key, tally);
            }
            Some(known) => {
                known.samples += tally.samples;
                known.total = known.total.saturating_add(tally.total);
                known.peak = known.peak.max(tally.peak);
                known.owned = tally.owned;
            }
        }
    }
}

#[cfg(test)]
#[path = "tallies_tests.rs"]
mod tests;
