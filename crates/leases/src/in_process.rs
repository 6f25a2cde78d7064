//! Leases in the memory of one process, for embedded mode. A restart forgets them, which counts as a gap.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};

use crate::{FloorDue, Heard, Lease, LeaseError, Leases, Suspect};

const REMEMBER_ENDED: Duration = Duration::from_hours(1);
/// Reasons remembered at most; the oldest go first, and their holders hear `UNKNOWN_GRANT`.
const MAX_ENDED: usize = 200_000;

/// Leases in the memory of this process.
#[derive(Debug, Default)]
pub struct InProcessLeases {
    shards: Mutex<HashMap<InstanceId, Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    alive: HashMap<GrantId, Known>,
    condemned: HashSet<GrantId>,
    ended: HashMap<GrantId, Lost>,
    ended_order: VecDeque<(Duration, GrantId)>,
    silence_counts_from: Duration,
}

#[derive(Debug)]
struct Known {
    fencing_token: FencingToken,
    lease_token: LeaseToken,
    ttl: SignedDuration,
    heard: Duration,
    floor_moved: Duration,
}

impl InProcessLeases {
    /// No leases, at `now`; silence counts from here.
    pub fn new() -> Self {
        Self::default()
    }

    fn shards(&self) -> MutexGuard<'_, HashMap<InstanceId, Shard>> {
        // Every change below is complete before anything can panic, so a poisoned map is still whole.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Leases for InProcessLeases {
    async fn register(
        &self,
        instance: InstanceId,
        leases: &[Lease],
        now: Duration,
    ) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for lease in leases {
            shard.register(lease, now);
        }
        Ok(())
    }

    async fn heartbeat(
        &self,
        instance: InstanceId,
        shown: &[GrantRef],
        now: Duration,
    ) -> Result<Vec<Heard>, LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        Ok(shown.iter().map(|shown| shard.hear(shown, now)).collect())
    }

    async fn forget(
        &self,
        instance: InstanceId,
        ended: &[(GrantId, Lost)],
        now: Duration,
    ) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for (grant, lost) in ended {
            shard.alive.remove(grant);
            shard.condemned.remove(grant);
            if shard.ended.insert(*grant, *lost).is_none() {
                shard.ended_order.push_back((now, *grant));
            }
        }
        shard.drop_old_reasons(now);
        Ok(())
    }

    async fn withdraw(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for grant in grants {
            shard.alive.remove(grant);
        }
        Ok(())
    }

    async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        now: Duration,
    ) -> Result<Vec<Suspect>, LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        let silent: Vec<Suspect> =
            suspects.iter().filter(|suspect| shard.is_silent(suspect, now)).take(budget).copied().collect();
        shard.condemned.extend(silent.iter().map(|suspect| suspect.grant));
        Ok(silent)
    }

    async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for grant in grants {
            shard.condemned.remove(grant);
        }
        Ok(())
    }

    async fn gap(&self, instance: InstanceId, now: Duration) -> Result<(), LeaseError> {
        self.shards().entry(instance).or_default().silence_counts_from = now;
        Ok(())
    }

    async fn floors_due(
        &self,
        instance: InstanceId,
        limit: usize,
        now: Duration,
    ) -> Result<Vec<FloorDue>, LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        let due = shard.alive.iter_mut().filter_map(|(grant, known)| known.floor_due(*grant, now));
        Ok(due.take(limit).collect())
    }
}

impl Shard {
    fn register(&mut self, lease: &Lease, now: Duration) {
        let known = self.alive.get(&lease.grant).map(|known| known.fencing_token);
        if known >= Some(lease.fencing_token) || self.ended.contains_key(&lease.grant) {
            return;
        }
        self.condemned.remove(&lease.grant);
        let Lease { fencing_token, lease_token, ttl, .. } = *lease;
        self.alive
            .insert(lease.grant, Known { fencing_token, lease_token, ttl, heard: now, floor_moved: now });
    }

    fn hear(&mut self, shown: &GrantRef, now: Duration) -> Heard {
        if let Some(lost) = self.ended.get(&shown.id) {
            return Heard::Lost(*lost);
        }
        if self.condemned.contains(&shown.id) {
            return Heard::Lost(Lost::Expired);
        }
        let Some(known) = self.alive.get_mut(&shown.id) else { return Heard::Unknown };
        if shown.fencing_token < known.fencing_token {
            return Heard::Lost(Lost::StaleToken);
        }
        if shown.fencing_token > known.fencing_token {
            return Heard::Unknown;
        }
        if shown.lease_token != Some(known.lease_token) {
            return Heard::Lost(Lost::WrongToken);
        }
        known.heard = known.heard.max(now);
        Heard::Ok { ttl: known.ttl }
    }

    fn is_silent(&self, suspect: &Suspect, now: Duration) -> bool {
        let known = self.alive.get(&suspect.grant);
        if known.is_some_and(|known| known.fencing_token != suspect.fencing_token) {
            return false;
        }
        let heard = known.map_or(Duration::ZERO, |known| known.heard);
        let ttl = known.map_or(suspect.ttl, |known| known.ttl);
        now.saturating_sub(heard.max(self.silence_counts_from)) >= server_patience(ttl).unsigned_abs()
    }

    fn drop_old_reasons(&mut self, now: Duration) {
        while let Some((since, grant)) = self.ended_order.front().copied() {
            if self.ended_order.len() <= MAX_ENDED && now.saturating_sub(since) < REMEMBER_ENDED {
                break;
            }
            self.ended_order.pop_front();
            self.ended.remove(&grant);
        }
    }
}

impl Known {
    fn floor_due(&mut self, grant: GrantId, now: Duration) -> Option<FloorDue> {
        let waited = now.saturating_sub(self.floor_moved);
        if self.heard <= self.floor_moved || waited < (self.ttl / 2).unsigned_abs() {
            return None;
        }
        self.floor_moved = now;
        let heard_ago = now.saturating_sub(self.heard);
        Some(FloorDue { grant, fencing_token: self.fencing_token, ttl: self.ttl, heard_ago })
    }
}
