//! What this process keeps of one instance beside Redis: its leases' secrets, reasons, debts, and the last look.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::HashMap;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{GrantId, GrantRef, InstanceId};

use super::heartbeat::Queue;
use super::link::{Connection, Epoch};
use super::owed::Owed;
use super::trouble::Trouble;
use crate::ended::Ended;
use crate::known::{Known, floors_due};
use crate::{FloorDue, Heard, Lease};

/// How often leases that nobody was heard of for long are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(30);
/// How exactly Redis' clock must have gone on since the last look.
const SLACK: Duration = Duration::from_millis(500);

pub(super) struct Instance {
    pub(super) keys: Keys,
    pub(super) queue: Queue,
    memory: Mutex<Memory>,
}

/// Its keys in Redis. The braces keep them on one node of a cluster.
pub(super) struct Keys {
    pub(super) heard: String,
    pub(super) generation: String,
}

#[derive(Default)]
pub(super) struct Memory {
    pub(super) known: HashMap<GrantId, Known>,
    pub(super) ended: Ended,
    pub(super) owed: Owed,
    pub(super) seen: Option<Seen>,
    /// How often Redis' clock stepped between two looks of this process.
    pub(super) steps: u64,
    /// The latest time that a caller gave.
    latest: Duration,
    pruned: Duration,
}

/// What the last look found.
#[derive(Clone)]
pub(super) struct Seen {
    pub(super) epoch: Epoch,
    /// The value of the generation key.
    pub(super) value: String,
    /// What callers were told.
    pub(super) generation: u64,
    /// Redis' time, in seconds as the scripts count them, between these two moments of ours.
    pub(super) time: f64,
    pub(super) between: (Instant, Instant),
}

impl Seen {
    /// The earliest and the latest time that Redis may have when it runs what is sent now, with so long for the way:
    /// otherwise its clock stepped, or the call comes too late.
    pub(super) fn window(&self, way: Duration) -> (f64, f64) {
        let (before, after) = self.between;
        let earliest = self.time + after.elapsed().as_secs_f64() - SLACK.as_secs_f64();
        let latest = self.time + (before.elapsed() + way + SLACK).as_secs_f64();
        (earliest, latest)
    }

    /// Whether Redis' clock did not go as ours did between this look and a later one.
    fn stepped_before(&self, later: &Self) -> bool {
        let least = later.between.0.saturating_duration_since(self.between.1).as_secs_f64();
        let most = later.between.1.saturating_duration_since(self.between.0).as_secs_f64();
        let went = later.time - self.time;
        went < least - SLACK.as_secs_f64() || went > most + SLACK.as_secs_f64()
    }
}

impl Instance {
    pub(super) fn new(instance: InstanceId) -> Self {
        let key = |name| format!("lh:{{{}}}:{name}", instance.0);
        let keys = Keys { heard: key("heard"), generation: key("gen") };
        Self { keys, queue: Queue::default(), memory: Mutex::default() }
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        // Every change is complete before anything can panic, so a poisoned memory is still whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, where the caller says what time it is.
    pub(super) fn memory_at(&self, now: Duration) -> MutexGuard<'_, Memory> {
        let mut memory = self.memory();
        memory.latest = memory.latest.max(now);
        memory
    }
}

impl Memory {
    pub(super) fn latest(&self) -> Duration {
        self.latest
    }

    /// What can be answered without Redis: what has ended here, and a token or a secret that is wrong. A token that
    /// is not known here may still be known to Redis as stale or condemned.
    pub(super) fn answer(&self, shown: &GrantRef) -> Option<Heard> {
        if let Some(lost) = self.ended.reason(shown.id) {
            return Some(Heard::Lost(lost));
        }
        match self.known.get(&shown.id)?.check(shown) {
            Ok(()) | Err(Heard::Unknown) => None,
            Err(wrong) => Some(wrong),
        }
    }

    /// The lease that this token and secret open.
    pub(super) fn opened(&mut self, shown: &GrantRef) -> Option<&mut Known> {
        self.known.get_mut(&shown.id).filter(|known| known.check(shown).is_ok())
    }

    /// Takes a look in, and gives the generation that callers are told. A step of Redis' clock since the last look
    /// counts as another one, for whoever judges may not be the one who looked last.
    pub(super) fn see(&mut self, mut seen: Seen) -> u64 {
        if self.seen.as_ref().is_some_and(|last| last.stepped_before(&seen)) {
            self.steps += 1;
        }
        let mut hasher = DefaultHasher::new();
        seen.value.hash(&mut hasher);
        self.steps.hash(&mut hasher);
        seen.generation = hasher.finish();
        self.seen.insert(seen).generation
    }

    /// The last look, if it was over this connection: another one may lead to a server with other memories.
    pub(super) fn seen_over(&self, connection: &Connection) -> Result<Seen, Trouble> {
        let seen = self.seen.clone().filter(|seen| seen.epoch == connection.epoch);
        seen.ok_or_else(|| Trouble::Away("it was not looked at yet".into()))
    }

    /// Drops what is known of a lease, unless it is newer than this token.
    pub(super) fn drop_up_to(&mut self, shown: &GrantRef) {
        if self.known.get(&shown.id).is_some_and(|known| known.fencing_token <= shown.fencing_token) {
            self.known.remove(&shown.id);
        }
    }

    /// Learns a lease, unless a newer one is known or it has ended.
    pub(super) fn learn(&mut self, lease: &Lease, known: Known) {
        if self.ended.reason(lease.grant).is_some() {
            return;
        }
        match self.known.get_mut(&lease.grant) {
            Some(other) if other.fencing_token == lease.fencing_token => other.merge(&known),
            Some(other) if other.fencing_token > lease.fencing_token => {}
            _ => {
                self.known.insert(lease.grant, known);
            }
        }
    }

    pub(super) fn forget(&mut self, ended: &[(GrantId, Lost)], now: Duration) {
        for (grant, _) in ended {
            self.known.remove(grant);
        }
        self.ended.remember(ended, now);
    }

    pub(super) fn floors_due(&mut self, limit: usize, now: Duration) -> Vec<FloorDue> {
        if now.saturating_sub(self.pruned) >= PRUNE_EVERY {
            self.pruned = now;
            self.known.retain(|_, known| {
                now.saturating_sub(known.last_sign()) <= (server_patience(known.ttl) * 2).unsigned_abs()
            });
        }
        floors_due(&mut self.known, limit, now)
    }
}
