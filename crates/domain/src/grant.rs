//! Grants: what one holder holds of one feature, and who may change it.
//! Reference: licensing, "Words" and "Leases".

use jiff::{SignedDuration, Timestamp};

use crate::cell::Source;
use crate::holder::Holder;
use crate::ids::{FencingToken, GrantId, LeaseToken, LineItemId};
use crate::text::FeatureName;

/// How long and by what a grant is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Kept alive by heartbeats.
    #[default]
    Online,
    /// Stays until its borrow period ends, connected or not.
    Borrow,
}

/// Counts of one line item, charged to one source, with one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The line item that serves.
    pub line_item: LineItemId,
    /// Where the counts are charged.
    pub source: Source,
    /// Counts, never 0.
    pub count: u64,
    /// Ends then unless renewed.
    pub ends_at: Timestamp,
}

/// What one holder holds of one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id; one holder and feature have one grant.
    pub id: GrantId,
    /// Who holds it.
    pub holder: Holder,
    /// What is held.
    pub feature: FeatureName,
    /// Online or borrowed.
    pub mode: Mode,
    /// Grows with every change that the holder makes.
    pub fencing_token: FencingToken,
    /// The holder's secret; `None` only where an older release stored none.
    pub lease_token: Option<LeaseToken>,
    /// Lease time to live; `None` for a borrow.
    pub lease_ttl: Option<SignedDuration>,
    /// The counts, never empty.
    pub parts: Vec<Part>,
    /// First granted.
    pub granted_at: Timestamp,
    /// Newest change.
    pub changed_at: Timestamp,
    /// The server does not take it back before, whatever the lease store says; `None` for a borrow.
    pub floor_deadline: Option<Timestamp>,
}

/// What a caller shows to act on a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantRef {
    /// The grant's id.
    pub id: GrantId,
    /// The newest fencing token that the caller knows.
    pub fencing_token: FencingToken,
    /// The secret; `None` where none was shown.
    pub lease_token: Option<LeaseToken>,
}

/// Why a caller's hold on a grant is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lost {
    /// No such grant: returned, taken back, or never was.
    UnknownGrant,
    /// The grant changed since the token was given.
    StaleToken,
    /// The secret is not this grant's.
    WrongToken,
    /// Heartbeats stayed away and the counts were taken back.
    Expired,
    /// The period ended and was not renewed.
    Ended,
    /// An administrator ended it.
    Dropped,
    /// The same holder came back with a new request.
    TakenOver,
    /// Returned by its holder.
    Returned,
}

impl Grant {
    /// Counts held, over all parts.
    pub fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// The earliest end of a part.
    pub fn first_end(&self) -> Timestamp {
        self.parts.iter().map(|part| part.ends_at).min().unwrap_or(self.changed_at)
    }

    /// When the last part ends if nothing renews it.
    pub fn last_end(&self) -> Timestamp {
        self.parts.iter().map(|part| part.ends_at).max().unwrap_or(self.changed_at)
    }

    /// What its holder shows to act on it.
    pub fn reference(&self) -> GrantRef {
        GrantRef { id: self.id, fencing_token: self.fencing_token, lease_token: self.lease_token }
    }

    /// Checks that the caller is the holder as of the newest change.
    pub fn check(&self, shown: &GrantRef) -> Result<(), Lost> {
        if shown.fencing_token != self.fencing_token {
            return Err(if shown.fencing_token < self.fencing_token {
                Lost::StaleToken
            } else {
                Lost::WrongToken
            });
        }
        if self.lease_token != shown.lease_token {
            return Err(Lost::WrongToken);
        }
        Ok(())
    }

    /// Adds counts; equal line item, source and end become one part.
    pub fn add(&mut self, part: Part) {
        let same = |other: &&mut Part| {
            other.line_item == part.line_item && other.source == part.source && other.ends_at == part.ends_at
        };
        match self.parts.iter_mut().find(same) {
            Some(other) => other.count += part.count,
            None => self.parts.push(part),
        }
    }
}

impl Lost {
    /// The reason's stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownGrant => "UNKNOWN_GRANT",
            Self::StaleToken => "STALE_TOKEN",
            Self::WrongToken => "WRONG_TOKEN",
            Self::Expired => "EXPIRED",
            Self::Ended => "ENDED",
            Self::Dropped => "DROPPED",
            Self::TakenOver => "TAKEN_OVER",
            Self::Returned => "RETURNED",
        }
    }

    /// The reason of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [
            Self::UnknownGrant,
            Self::StaleToken,
            Self::WrongToken,
            Self::Expired,
            Self::Ended,
            Self::Dropped,
            Self::TakenOver,
            Self::Returned,
        ];
        all.into_iter().find(|lost| lost.name() == name)
    }

    /// What happened and what to do, for people.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownGrant => {
                "no such grant: it was returned, taken back or never made; request the feature again"
            }
            Self::StaleToken => {
                "the grant has changed since, by a newer request of the same holder; use the token of the newest answer, \
                 and give each process a client instance id of its own"
            }
            Self::WrongToken => "the token is not this grant's; only its holder may act on it",
            Self::Expired => {
                "heartbeats stayed away too long and the counts were taken back; request the feature again"
            }
            Self::Ended => "the grant's period ended without a renewal; request the feature again",
            Self::Dropped => "an administrator ended the grant; ask them, or request the feature again",
            Self::TakenOver => {
                "the same holder has a newer grant; give each process its own client instance id"
            }
            Self::Returned => "the holder has returned the grant; request the feature again",
        }
    }
}
