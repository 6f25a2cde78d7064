//! Heartbeat leases: who was heard lately.
//!
//! Responsible for remembering when each online grant was last heard, and for telling which have been
//! silent for so long that they may be taken back. Not responsible for grants and counts: the store is
//! the truth for those, and losing everything here issues nothing and evicts nobody.
//! Reference: `docs/reference/licensing.md`, "Leases".

#[cfg(feature = "conformance")]
pub mod conformance;
mod ended;
mod in_process;
pub mod in_redis;
mod known;

use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::vigil::LeaseSample;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};

pub use in_process::InProcessLeases;
pub use in_redis::RedisLeases;

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
    /// Nothing is known of it here, or it was not heard for its time to live, or it is condemned: the store must be
    /// asked, and what stands there is [`Leases::earned`].
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

/// What was found about a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was silent for time to live and skew. A heartbeat finds it unknown from now on, until it is registered with
    /// a newer token, earned, or pardoned.
    Condemned,
    /// It was heard, and may not be taken back for so long.
    Heard {
        /// The rest of time to live and skew.
        rest: Duration,
    },
    /// It may be silent, but this tick has taken enough, or there is a newer token by now.
    Spared,
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
    /// The back end has forgotten who was heard since it was last looked at.
    #[error("the lease store has forgotten who was heard; silence counts anew")]
    Forgot,
}

/// Who was heard lately. `now` is monotonic: time since a fixed moment in this process.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Registers leases whose holders were heard at `heard`. Passed over are those whose fencing token is known or
    /// older, since their holder said nothing, and those whose grant has ended.
    async fn register(
        &self,
        instance: InstanceId,
        leases: &[Lease],
        heard: Duration,
        now: Duration,
    ) -> Result<(), LeaseError>;

    /// Notes when holders were heard whose floor deadlines the store has moved since: it lifts a condemnation, and a
    /// lease that is not known is registered. Passed over are those with a newer token, and those whose grant has
    /// ended.
    async fn earned(
        &self,
        instance: InstanceId,
        leases: &[(Lease, Duration)],
        now: Duration,
    ) -> Result<(), LeaseError>;

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

    /// Drops leases whose grants stand without one, because they became borrows, and those of which it is not known
    /// what happened to them. The next heartbeat asks the store.
    async fn withdraw(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError>;

    /// How the back end stands: its generation, begun here where it has none, and its clock.
    async fn look(&self, instance: InstanceId) -> Result<LeaseSample, LeaseError>;

    /// Finds out about suspects, in order, and condemns at most `budget` of them: those that were not heard for
    /// time to live and skew, as far as is known here. What is not known here counts as silent, so the caller
    /// must have seen generation `seen` for as long. Another generation by now is [`LeaseError::Forgot`], and
    /// nobody is condemned.
    async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        seen: u64,
        now: Duration,
    ) -> Result<Vec<Verdict>, LeaseError>;

    /// Takes back a condemnation that was not carried out. The next heartbeat may ask the store.
    async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError>;

    /// At most `limit` leases that were heard by this process since their floor deadline moved, half a time to
    /// live or longer ago. They count as moved from now on.
    async fn floors_due(
        &self,
        instance: InstanceId,
        limit: usize,
        now: Duration,
    ) -> Result<Vec<FloorDue>, LeaseError>;
}
