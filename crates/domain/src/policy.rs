//! Policies: the settings of an instance that rules read. Where they are kept and who may change
//! them is the service's affair. Reference: licensing, "Intervals and policies".

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use crate::interval::Granularity;

/// The settings of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    /// Longest borrow where the line item says nothing.
    pub borrow_interval: SignedDuration,
    /// Longest borrow that the administrator allows.
    pub borrow_interval_max: Option<SignedDuration>,
    /// The unit whose last second a borrow ends at.
    pub borrow_granularity: Granularity,
    /// When a client renews, as a share of the interval.
    pub renew_interval_percent: u8,
    /// How long an answer, and so an online grant, is good.
    pub response_lifetime: SignedDuration,
    /// Lease time to live.
    pub lease_ttl: SignedDuration,
    /// Whether virtual devices are served at all.
    pub allow_virtual_clients: bool,
    /// Whether an administrator may end grants.
    pub allow_device_drop: bool,
    /// The instance's time zone, for borrows by the day.
    pub time_zone: TimeZone,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            borrow_interval: SignedDuration::from_hours(7 * 24),
            borrow_interval_max: None,
            borrow_granularity: Granularity::Second,
            renew_interval_percent: 15,
            response_lifetime: SignedDuration::from_hours(24),
            lease_ttl: SignedDuration::from_mins(10),
            allow_virtual_clients: true,
            allow_device_drop: false,
            time_zone: TimeZone::UTC,
        }
    }
}
