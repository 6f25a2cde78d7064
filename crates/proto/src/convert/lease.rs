//! What heartbeats and releases found, and revocations.

use jiff::SignedDuration;
use leasehold_domain::GrantId;
use leasehold_domain::grant::Lost;

use super::time::duration;
use crate::licensing::v1 as pb;

impl From<Lost> for pb::LostReason {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::UnknownGrant => Self::UnknownGrant,
            Lost::StaleToken => Self::StaleToken,
            Lost::WrongToken => Self::WrongToken,
            Lost::Expired => Self::Expired,
            Lost::Ended => Self::Ended,
            Lost::Dropped => Self::Dropped,
            Lost::TakenOver => Self::TakenOver,
            Lost::Returned => Self::Returned,
        }
    }
}

/// Heard: the lease runs on for `ttl` from the sending of the heartbeat. `grant_id` is as sent.
pub fn alive(grant_id: String, ttl: SignedDuration) -> pb::LeaseResult {
    pb::LeaseResult { ttl: Some(duration(ttl)), ..result(grant_id, pb::LeaseStatus::Ok) }
}

/// Heard while the lease store is away: the lease runs on for `ttl` from the sending of the heartbeat.
/// `grant_id` is as sent.
pub fn alive_degraded(grant_id: String, ttl: SignedDuration) -> pb::LeaseResult {
    pb::LeaseResult { ttl: Some(duration(ttl)), ..result(grant_id, pb::LeaseStatus::OkDegraded) }
}

/// Returned as asked. `grant_id` is as sent.
pub fn released(grant_id: String) -> pb::LeaseResult {
    result(grant_id, pb::LeaseStatus::Released)
}

/// Not the caller's any more; nothing changed. `grant_id` is as sent.
pub fn lost(grant_id: String, lost: Lost) -> pb::LeaseResult {
    pb::LeaseResult {
        reason: pb::LostReason::from(lost).into(),
        message: lost.message().to_owned(),
        ..result(grant_id, pb::LeaseStatus::Lost)
    }
}

/// A grant ended other than by its holder's wish.
pub fn revocation(grant: GrantId, lost: Lost) -> pb::Revocation {
    pb::Revocation {
        grant_id: grant.to_string(),
        reason: pb::LostReason::from(lost).into(),
        message: lost.message().to_owned(),
    }
}

fn result(grant_id: String, status: pb::LeaseStatus) -> pb::LeaseResult {
    pb::LeaseResult { grant_id, status: status.into(), ..pb::LeaseResult::default() }
}
