//! Heartbeat leases: who was heard lately.
//!
//! Responsible for remembering when each online grant was last heard, and for telling which have been
//! silent for so long that they may be taken back. Not responsible for grants and counts: the store is
//! the truth for those, and losing everything here issues nothing and evicts nobody.
//! Reference: `docs/reference/licensing.md`, "Leases".

#[cfg(feature = "conformance")]
pub mod conformance;
mod in_process;

use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};

pub use in_process::InProcessLeases;

/// A lease as its grant stands in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The grant.
    pub grant: GrantId,
    /// Its newest fencing token.
    pub fencing_token: FencingToken,
    /// Its holder's secret.
    pub lease_token: LeaseToken,
    /// Its time to live.
    pub ttl: SignedDuration,
}

/// What a heartbeat found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The lease runs on for its time to live.
    Ok {
        /// The time to live.
        ttl: SignedDuration,
    },
    /// Nothing is known of it here: the store must be asked, and a lease that stands registered again.
    Unknown,
    /// The caller is not the holder any more; nothing changed.
    Lost(Lost),
}

/// A grant whose floor deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The grant.
    pub grant: GrantId,
    /// Its token in the store.
    pub fencing_token: FencingToken,
    /// Its time to live.
    pub ttl: SignedDuration,
}

/// A lease whose floor deadline in the store has fallen behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloorDue {
    /// The grant.
    pub grant: GrantId,
    /// Its newest fencing token.
    pub fencing_token: FencingToken,
    /// Its time to live.
    pub ttl: SignedDuration,
    /// How long ago it was heard.
    pub heard_ago: Duration,
}

/// Why the leases cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The back end does not answer.
    #[error("the lease store does not answer; try again later")]
    Unavailable {
        /// What it said, for the log only.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Who was heard lately. `now` is monotonic: time since a fixed moment in this process.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Registers leases as heard now. Passed over are those whose fencing token is known or older, since
    /// their holder said nothing, and those whose grant has ended.
    async fn register(&self, instance: InstanceId, leases: &[Lease], now: Duration)
    -> Result<(), LeaseError>;

    /// Hears holders; one answer for each, in order. A stale token changes nothing.
    async fn heartbeat(
        &self,
        instance: InstanceId,
        shown: &[GrantRef],
        now: Duration,
    ) -> Result<Vec<Heard>, LeaseError>;

    /// Forgets leases whose grants have ended, and remembers why for an hour.
    async fn forget(
        &self,
        instance: InstanceId,
        ended: &[(GrantId, Lost)],
        now: Duration,
    ) -> Result<(), LeaseError>;

    /// Drops leases whose grants stand without one, because they became borrows. The next heartbeat asks
    /// the store.
    async fn withdraw(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError>;

    /// Of the suspects, at most `budget` that have been silent for time to live and skew, and since the
    /// last gap for as long. They are condemned: a heartbeat finds them expired, until they are forgotten,
    /// registered with a newer token, or pardoned.
    async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        now: Duration,
    ) -> Result<Vec<Suspect>, LeaseError>;

    /// Takes back a condemnation that was not carried out.
    async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError>;

    /// Says that nobody listened until now: every silence begins anew.
    async fn gap(&self, instance: InstanceId, now: Duration) -> Result<(), LeaseError>;

    /// At most `limit` leases that were heard since their floor deadline moved, half a time to live or
    /// longer ago. They count as moved from now on.
    async fn floors_due(
        &self,
        instance: InstanceId,
        limit: usize,
        now: Duration,
    ) -> Result<Vec<FloorDue>, LeaseError>;
}
