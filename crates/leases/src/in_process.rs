//! Leases in the memory of one process, for embedded mode. A restart forgets them; whoever takes counts back
//! starts with a gap then.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::vigil::LeaseSample;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId};

use crate::ended::Ended;
use crate::known::{Known, floors_due};
use crate::{FloorDue, Heard, Lease, LeaseError, Leases, Suspect, Verdict};

/// This process forgets nothing while it lives.
const GENERATION: u64 = 0;

/// Leases in the memory of this process.
#[derive(Debug, Default)]
pub struct InProcessLeases {
    shards: Mutex<HashMap<InstanceId, Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    alive: foldhash::HashMap<GrantId, Known>,
    condemned: HashMap<GrantId, FencingToken>,
    ended: Ended,
}

impl InProcessLeases {
    /// No leases.
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
        heard: Duration,
        _now: Duration,
    ) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for lease in leases {
            shard.register(lease, heard);
        }
        Ok(())
    }

    async fn earned(
        &self,
        instance: InstanceId,
        leases: &[(Lease, Duration)],
        _now: Duration,
    ) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for (lease, heard) in leases {
            shard.earned(lease, *heard);
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
        for (grant, _) in ended {
            shard.alive.remove(grant);
            shard.condemned.remove(grant);
        }
        shard.ended.remember(ended, now);
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

    async fn look(&self, _instance: InstanceId) -> Result<LeaseSample, LeaseError> {
        Ok(LeaseSample { generation: GENERATION, time: None })
    }

    async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        seen: u64,
        now: Duration,
    ) -> Result<Vec<Verdict>, LeaseError> {
        if seen != GENERATION {
            return Err(LeaseError::Forgot);
        }
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        let mut left = budget;
        Ok(suspects.iter().map(|suspect| shard.condemn(suspect, &mut left, now)).collect())
    }

    async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        let mut shards = self.shards();
        let shard = shards.entry(instance).or_default();
        for grant in grants {
            shard.condemned.remove(grant);
        }
        Ok(())
    }

    async fn floors_due(
        &self,
        instance: InstanceId,
        limit: usize,
        now: Duration,
    ) -> Result<Vec<FloorDue>, LeaseError> {
        let mut shards = self.shards();
        Ok(floors_due(&mut shards.entry(instance).or_default().alive, limit, now))
    }
}

impl Shard {
    fn register(&mut self, lease: &Lease, heard: Duration) {
        let known = self.alive.get(&lease.grant).map(|known| known.fencing_token);
        let newest = known.max(self.condemned.get(&lease.grant).copied());
        if newest >= Some(lease.fencing_token) || self.ended.reason(lease.grant).is_some() {
            return;
        }
        self.condemned.remove(&lease.grant);
        self.alive.insert(lease.grant, Known::fresh(lease, heard));
    }

    fn earned(&mut self, lease: &Lease, heard: Duration) {
        let known = self.alive.get(&lease.grant).map(|known| known.fencing_token);
        let newest = known.max(self.condemned.get(&lease.grant).copied());
        if newest > Some(lease.fencing_token) || self.ended.reason(lease.grant).is_some() {
            return;
        }
        self.condemned.remove(&lease.grant);
        let fresh = Known::fresh(lease, heard);
        match self.alive.get_mut(&lease.grant) {
            Some(same) if same.fencing_token == lease.fencing_token => same.merge(&fresh),
            _ => {
                self.alive.insert(lease.grant, fresh);
            }
        }
    }

    fn hear(&mut self, shown: &GrantRef, now: Duration) -> Heard {
        if let Some(lost) = self.ended.reason(shown.id) {
            return Heard::Lost(lost);
        }
        let Some(known) = self.alive.get_mut(&shown.id) else { return Heard::Unknown };
        if let Err(answer) = known.check(shown) {
            return answer;
        }
        if self.condemned.contains_key(&shown.id) || known.has_lapsed(now) {
            return Heard::Unknown;
        }
        known.hear(now);
        Heard::Ok { ttl: known.ttl }
    }

    fn condemn(&mut self, suspect: &Suspect, left: &mut usize, now: Duration) -> Verdict {
        if let Some(known) = self.alive.get(&suspect.grant) {
            if known.fencing_token > suspect.fencing_token {
                return Verdict::Spared;
            }
            let until = known.last_sign() + server_patience(known.ttl).unsigned_abs();
            let rest = until.saturating_sub(now);
            if !rest.is_zero() {
                return Verdict::Heard { rest };
            }
        }
        if *left == 0 {
            return Verdict::Spared;
        }
        *left -= 1;
        self.condemned.insert(suspect.grant, suspect.fencing_token);
        Verdict::Condemned
    }
}
