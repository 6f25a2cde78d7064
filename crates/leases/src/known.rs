//! A lease as one process knows it: its secret, when it was heard, and when its floor deadline was moved.

use std::time::Duration;

use foldhash::HashMap;
use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::{FencingToken, GrantId, GrantRef, LeaseToken};

use crate::{FloorDue, Heard, Lease};

/// What a process remembers of a lease.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) fencing_token: FencingToken,
    pub(crate) ttl: SignedDuration,
    lease_token: LeaseToken,
    registered: Duration,
    heard: Option<Duration>,
    floor_moved: Option<Duration>,
}

impl Known {
    /// A lease that stands since now: heard, its floor deadline written by whoever registers it.
    pub(crate) fn fresh(lease: &Lease, now: Duration) -> Self {
        Self { heard: Some(now), floor_moved: Some(now), ..Self::learned(lease, now) }
    }

    /// A lease that others knew before this process did: nobody here heard it, or moved its floor deadline.
    pub(crate) fn learned(lease: &Lease, now: Duration) -> Self {
        let Lease { fencing_token, lease_token, ttl, .. } = *lease;
        Self { fencing_token, ttl, lease_token, registered: now, heard: None, floor_moved: None }
    }

    /// Whether these are the token and the secret; if not, what to answer.
    pub(crate) fn check(&self, shown: &GrantRef) -> Result<(), Heard> {
        if shown.fencing_token < self.fencing_token {
            return Err(Heard::Lost(Lost::StaleToken));
        }
        if shown.fencing_token > self.fencing_token {
            return Err(Heard::Unknown);
        }
        if shown.lease_token != Some(self.lease_token) {
            return Err(Heard::Lost(Lost::WrongToken));
        }
        Ok(())
    }

    /// Takes a heartbeat in.
    pub(crate) fn hear(&mut self, now: Duration) {
        self.heard = self.heard.max(Some(now));
    }

    /// Takes in what was learned of the same token at another time.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.heard = self.heard.max(other.heard);
        self.floor_moved = self.floor_moved.max(other.floor_moved);
    }

    /// Whether nobody was heard for the time to live.
    pub(crate) fn has_lapsed(&self, now: Duration) -> bool {
        now >= self.last_sign() + self.ttl.unsigned_abs()
    }

    /// When this process last had a reason to believe in it.
    pub(crate) fn last_sign(&self) -> Duration {
        self.heard.unwrap_or(self.registered)
    }

    fn floor_due(&mut self, grant: GrantId, now: Duration) -> Option<FloorDue> {
        let heard = self.heard?;
        if let Some(moved) = self.floor_moved {
            let waited = now.saturating_sub(moved);
            if heard <= moved || waited < (self.ttl / 2).unsigned_abs() {
                return None;
            }
        }
        self.floor_moved = Some(now);
        let heard_ago = now.saturating_sub(heard);
        Some(FloorDue { grant, fencing_token: self.fencing_token, ttl: self.ttl, heard_ago })
    }
}

/// At most `limit` of the leases whose floor deadlines have fallen behind; they count as moved.
pub(crate) fn floors_due(leases: &mut HashMap<GrantId, Known>, limit: usize, now: Duration) -> Vec<FloorDue> {
    let due = leases.iter_mut().filter_map(|(grant, known)| known.floor_due(*grant, now));
    due.take(limit).collect()
}
