//! What the answer to a checkout says about its one feature.

use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::{GrantId, GrantRef, lease};
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as pb;

use crate::error::{CallError, CheckoutError};

/// A grant as an answer describes it.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    /// What to show for it.
    pub(crate) grant: pb::GrantRef,
    /// Its id.
    pub(crate) id: GrantId,
    /// Counts held.
    pub(crate) count: u64,
    /// When its first part ends, by the server's clock.
    pub(crate) ends_at: Option<Timestamp>,
    /// The same from the moment it was decided.
    pub(crate) ends_in: Option<Duration>,
    /// Renew so long after it was decided.
    pub(crate) renew_after: Option<Duration>,
    /// Time to live and the wished time between heartbeats; `None` for a borrow.
    pub(crate) lease: Option<(Duration, Option<Duration>)>,
}

/// What became of the feature.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    /// It is held as asked.
    Granted(Granted),
    /// It was refused, and what was held before stays.
    Kept(Granted),
    /// It is not held.
    Refused {
        /// Why, for programs.
        reason: pb::RefusalReason,
        /// The whole of it.
        error: CheckoutError,
    },
    /// Nothing was decided; what was held before stays.
    WholeRequestRefused {
        /// Why, for programs.
        reason: pb::RequestRefusal,
        /// The whole of it.
        error: CheckoutError,
    },
    /// The answer breaks the contract.
    NotUnderstood(CallError),
}

impl Reading {
    /// Reads the answer to a request for `feature` alone.
    pub(crate) fn of(response: &pb::RequestCapabilitiesResponse, feature: &str) -> Self {
        let refusal = response.refusal();
        if refusal != pb::RequestRefusal::Unspecified || response.refusal != 0 {
            let message = response.refusal_message.clone();
            let error = CheckoutError::WholeRequestRefused { reason: refusal, message };
            return Self::WholeRequestRefused { reason: refusal, error };
        }
        let Some(outcome) = response.outcomes.iter().find(|outcome| outcome.feature == feature) else {
            return Self::NotUnderstood(CallError::not_understood("the feature is missing from it"));
        };
        match outcome.outcome() {
            pb::Outcome::Granted | pb::Outcome::Partial => match granted(response, outcome) {
                Ok(granted) => Self::Granted(granted),
                Err(problem) => Self::NotUnderstood(CallError::not_understood(problem)),
            },
            pb::Outcome::Kept => granted(response, outcome).map_or_else(|_| refused(outcome), Self::Kept),
            pb::Outcome::Refused | pb::Outcome::Queued => refused(outcome),
            pb::Outcome::Unspecified => Self::NotUnderstood(CallError::not_understood(
                "it says of the feature what this client does not know",
            )),
        }
    }
}

fn granted(
    response: &pb::RequestCapabilitiesResponse,
    outcome: &pb::FeatureOutcome,
) -> Result<Granted, &'static str> {
    let grant = outcome.grant.clone().ok_or("it names no grant")?;
    let reference = GrantRef::try_from(&grant).map_err(|_| "the grant's reference is malformed")?;
    let ends_at = outcome.ends_at.as_ref().and_then(|at| read_timestamp("ends_at", at).ok());
    let decided = response.server_time.as_ref().and_then(|at| read_timestamp("server_time", at).ok());
    if ends_at.is_some() && decided.is_none() {
        return Err("it does not say when it was decided");
    }
    let ends_in = ends_at
        .zip(decided)
        .map(|(end, decided)| Duration::try_from(end.duration_since(decided)).unwrap_or_default());
    let lease = match (outcome.lease_ttl, length(outcome.lease_ttl)) {
        (None, _) => None,
        (Some(_), None) => return Err("the lease has no time to live"),
        (Some(_), Some(ttl)) => Some((bounded(ttl), length(outcome.heartbeat_interval))),
    };
    Ok(Granted {
        grant,
        id: reference.id,
        count: u64::try_from(outcome.count).unwrap_or_default(),
        ends_at,
        ends_in,
        renew_after: length(outcome.renew_after),
        lease,
    })
}

/// A length of time that is more than none.
pub(crate) fn length(value: Option<impl TryInto<Duration>>) -> Option<Duration> {
    value?.try_into().ok().filter(|length| !length.is_zero())
}

/// A time to live no longer than there are.
pub(crate) fn bounded(ttl: Duration) -> Duration {
    ttl.min(lease::MAX_TTL.unsigned_abs())
}

fn refused(outcome: &pb::FeatureOutcome) -> Reading {
    let refusal = outcome.refusals.first().cloned().unwrap_or_default();
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    let error = CheckoutError::Refused {
        feature: outcome.feature.clone(),
        reason: refusal.reason(),
        asked: count(refusal.asked),
        free: count(refusal.free),
        free_for_you: count(refusal.free_for_you),
        message: refusal.message.clone(),
    };
    Reading::Refused { reason: refusal.reason(), error }
}
