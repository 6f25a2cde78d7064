//! The lease store in memory: apart from the store, with a clock of its own, and forgetful.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::{MIN_TTL, server_patience, skew};
use leasehold_domain::vigil::LeaseSample;
use leasehold_domain::{FencingToken, GrantId, GrantRef, LeaseToken};

use crate::bugs::Bug;

/// A lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    pub(crate) token: FencingToken,
    pub(crate) secret: Option<LeaseToken>,
    pub(crate) ttl: SignedDuration,
    pub(crate) heard: Timestamp,
}

/// What a heartbeat finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Ok(SignedDuration),
    Unknown,
    Lost(Lost),
}

/// What is found about a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Silent,
    Heard(SignedDuration),
    Spared,
}

/// The lease store.
#[derive(Clone, Debug)]
pub(crate) struct Leases {
    pub(crate) generation: u64,
    alive: BTreeMap<GrantId, Lease>,
    ended: BTreeMap<GrantId, Lost>,
}

impl Leases {
    /// An empty one.
    pub(crate) fn new(generation: u64) -> Self {
        Self { generation, alive: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// Registers a lease as heard then.
    pub(crate) fn register(&mut self, id: GrantId, lease: Lease, time: Timestamp) {
        let known = self.alive.get(&id).filter(|known| known.heard <= time);
        if self.ended.contains_key(&id) || known.is_some_and(|known| known.token > lease.token) {
            return;
        }
        let heard = known.filter(|known| known.token == lease.token).map(|known| known.heard);
        let heard = heard.max(Some(lease.heard)).expect("one of them is there");
        self.alive.insert(id, Lease { heard, ..lease });
    }

    /// Hears a holder. One that comes after its time to live, or from the future, has to ask the store.
    pub(crate) fn hear(&mut self, shown: &GrantRef, time: Timestamp) -> Heard {
        if let Some(lost) = self.ended.get(&shown.id) {
            return Heard::Lost(*lost);
        }
        let Some(known) = self.alive.get_mut(&shown.id) else { return Heard::Unknown };
        let silent = time.duration_since(known.heard);
        if shown.fencing_token > known.token || silent.is_negative() || silent >= known.ttl {
            return Heard::Unknown;
        }
        if shown.fencing_token < known.token {
            return Heard::Lost(Lost::StaleToken);
        }
        if shown.lease_token != known.secret {
            return Heard::Lost(Lost::WrongToken);
        }
        known.heard = time;
        Heard::Ok(known.ttl)
    }

    /// Forgets a grant that has ended.
    pub(crate) fn forget(&mut self, id: GrantId, lost: Lost) {
        self.alive.remove(&id);
        self.ended.insert(id, lost);
    }

    /// What it says of itself.
    pub(crate) fn look(&self, time: Timestamp) -> LeaseSample {
        LeaseSample { generation: self.generation, time: Some(time) }
    }

    /// Finds out about a suspect; `None` where it is not what was looked at any more.
    pub(crate) fn ask(
        &mut self,
        (id, token): (GrantId, FencingToken),
        seen: LeaseSample,
        time: Timestamp,
        bug: Option<Bug>,
    ) -> Option<Verdict> {
        let since = seen.time.map_or(SignedDuration::ZERO, |seen| time.duration_since(seen));
        let fresh = seen.generation == self.generation && since.abs() <= skew(MIN_TTL);
        if !fresh && bug.is_none_or(|bug| !bug.ignores_gaps()) {
            return None;
        }
        let Some(known) = self.alive.get_mut(&id) else { return Some(Verdict::Silent) };
        if known.token != token {
            return Some(if known.token > token { Verdict::Spared } else { Verdict::Silent });
        }
        known.heard = known.heard.min(time);
        let rest = server_patience(known.ttl) - time.duration_since(known.heard);
        Some(if rest.is_positive() { Verdict::Heard(rest) } else { Verdict::Silent })
    }
}
