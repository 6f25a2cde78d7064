//! Line items: what the vendor granted, and when it serves. Reference: licensing, "Line items".

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::ids::LineItemId;
use crate::text::FeatureName;
use crate::version::Version;

/// One slice of rights that the vendor granted to an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineItem {
    /// The vendor's id, unique in the instance.
    pub id: LineItemId,
    /// The product that it was sold as; may be empty.
    pub product: String,
    /// The feature's name.
    pub feature: FeatureName,
    /// The feature's version.
    pub version: Version,
    /// Counts owned; `None` is uncounted.
    pub count: Option<u64>,
    /// How it is used.
    pub kind: Kind,
    /// How far use may go beyond the count.
    pub overdraft: Overdraft,
    /// Serves from then on.
    pub starts_at: Option<Timestamp>,
    /// Serves until then and its grace; `None` is permanent.
    pub expires_at: Option<Timestamp>,
    /// Goes on serving for so long after expiry.
    pub grace_after_expiry: SignedDuration,
    /// Longest borrow; `None` leaves it to the policy.
    pub borrow_interval: Option<SignedDuration>,
    /// When a client renews, as a share of the interval; `None` leaves it to the policy.
    pub renew_interval_percent: Option<u8>,
    /// Lease time to live; `None` leaves it to the policy.
    pub lease_ttl: Option<SignedDuration>,
    /// Whether virtual devices may use it.
    pub allow_virtual: bool,
    /// Free text of the vendor.
    pub vendor_string: String,
    /// The vendor's selectors.
    pub selectors: BTreeMap<String, String>,
    /// A text that clients see.
    pub notice: String,
    /// The serial number or activation id that it came from.
    pub source: String,
    /// Log only, never refuse.
    pub advisory: bool,
}

/// How a line item is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts that are given out and come back.
    Concurrent,
    /// Use that adds up.
    Metered {
        /// Use may go down again at any time.
        reusable: bool,
        /// A report can be undone for so long.
        undo_interval: SignedDuration,
    },
    /// Bound to one computer for good.
    Seat {
        /// Moves to another computer allowed in a year.
        transfers_per_year: u32,
    },
}

/// How far use may go beyond the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdraft {
    /// Not at all.
    None,
    /// So many counts more.
    Count(u64),
    /// So many percent of the count, floored.
    Percent(u32),
    /// Without limit.
    Unlimited,
}

/// Whether a line item serves at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Starts later.
    NotStarted,
    /// Serves.
    Yes,
    /// Has expired and serves in its grace period.
    InGrace,
    /// Has expired, its grace included.
    Expired,
}

impl LineItem {
    /// A concurrent line item without dates, limits or texts: the plainest one, to fill in from.
    pub fn concurrent(id: LineItemId, feature: FeatureName, version: Version, count: Option<u64>) -> Self {
        Self {
            id,
            product: String::new(),
            feature,
            version,
            count,
            kind: Kind::Concurrent,
            overdraft: Overdraft::None,
            starts_at: None,
            expires_at: None,
            grace_after_expiry: SignedDuration::ZERO,
            borrow_interval: None,
            renew_interval_percent: None,
            lease_ttl: None,
            allow_virtual: true,
            vendor_string: String::new(),
            selectors: BTreeMap::new(),
            notice: String::new(),
            source: String::new(),
            advisory: false,
        }
    }

    /// The same as stores keep it: times and lengths of time in whole microseconds, what is finer cut off.
    #[must_use]
    pub fn in_microseconds(self) -> Self {
        let kind = match self.kind {
            Kind::Metered { reusable, undo_interval } => {
                Kind::Metered { reusable, undo_interval: whole_micros(undo_interval) }
            }
            Kind::Concurrent | Kind::Seat { .. } => self.kind,
        };
        Self {
            kind,
            starts_at: self.starts_at.map(at_whole_micros),
            expires_at: self.expires_at.map(at_whole_micros),
            grace_after_expiry: whole_micros(self.grace_after_expiry),
            borrow_interval: self.borrow_interval.map(whole_micros),
            lease_ttl: self.lease_ttl.map(whole_micros),
            ..self
        }
    }

    /// The last moment at which it serves: expiry plus grace; `None` is without end.
    pub fn serves_until(&self) -> Option<Timestamp> {
        self.expires_at.map(|at| at.checked_add(self.grace_after_expiry).unwrap_or(Timestamp::MAX))
    }

    /// Whether it serves at `now`. Expiry and the end of grace are the first moments that do not.
    pub fn serving(&self, now: Timestamp) -> Serving {
        if self.starts_at.is_some_and(|at| now < at) {
            return Serving::NotStarted;
        }
        match (self.expires_at, self.serves_until()) {
            (Some(_), Some(until)) if now >= until => Serving::Expired,
            (Some(expiry), _) if now >= expiry => Serving::InGrace,
            _ => Serving::Yes,
        }
    }

    /// Counts that overdraft adds: `None` is without limit. An advisory line item never refuses.
    pub fn overdraft_limit(&self) -> Option<u64> {
        match (self.overdraft, self.count) {
            _ if self.advisory => None,
            (Overdraft::None, _) | (_, None) => Some(0),
            (Overdraft::Count(n), _) => Some(n),
            (Overdraft::Percent(percent), Some(count)) => Some(count * u64::from(percent) / 100),
            (Overdraft::Unlimited, _) => None,
        }
    }

    /// Whether reservations and pools can be filled from it: concurrent and counted.
    pub fn fills_cells(&self) -> bool {
        self.kind == Kind::Concurrent && self.count.is_some()
    }
}

/// Towards 1970, as stores cut it off.
fn at_whole_micros(at: Timestamp) -> Timestamp {
    let nanos = at.subsec_nanosecond();
    Timestamp::new(at.as_second(), nanos - nanos % 1_000).expect("it is nearer to 1970 than a time")
}

fn whole_micros(length: SignedDuration) -> SignedDuration {
    let nanos = length.subsec_nanos();
    SignedDuration::new(length.as_secs(), nanos - nanos % 1_000)
}
