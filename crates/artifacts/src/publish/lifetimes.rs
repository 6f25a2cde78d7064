//! How long metadata is good for, and when it is signed anew.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Days that roles are good for, from when they are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Lifetimes {
    pub(super) root: u32,
    pub(super) targets: u32,
    pub(super) product: u32,
    pub(super) snapshot: u32,
    pub(super) timestamp: u32,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { root: 730, targets: 365, product: 365, snapshot: 60, timestamp: 14 }
    }
}

/// Whether less than half of its days are left.
pub(super) fn is_due(expires: Timestamp, days: u32, now: Timestamp) -> bool {
    expires.duration_since(now) < SignedDuration::from_hours(12 * i64::from(days))
}
