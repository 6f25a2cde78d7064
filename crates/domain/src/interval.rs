//! How long a grant runs: borrow intervals, their rounding, and when to renew.
//! Reference: licensing, "Intervals and policies".

use jiff::tz::TimeZone;
use jiff::{RoundMode, SignedDuration, Timestamp, ToSpan, Unit, ZonedRound};

/// The unit whose last second a borrow ends at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// To the second.
    #[default]
    Second,
    /// To the end of the minute.
    Minute,
    /// To the end of the hour.
    Hour,
    /// To the end of the day, in the instance's time zone.
    Day,
}

/// Where a borrow's length can come from. Unset ones drop out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BorrowLimits {
    /// The line item's; where unset the instance's counts.
    pub line_item: Option<SignedDuration>,
    /// The instance's.
    pub instance: Option<SignedDuration>,
    /// The request's.
    pub request: Option<SignedDuration>,
    /// The administrator's.
    pub admin_max: Option<SignedDuration>,
}

impl BorrowLimits {
    /// The least of those set; `None` where none is.
    pub fn effective(&self) -> Option<SignedDuration> {
        [self.line_item.or(self.instance), self.request, self.admin_max].into_iter().flatten().min()
    }
}

/// The end of something that starts at `issued` and runs for `interval`, rounded up to the last second
/// of its unit in `zone`.
pub fn rounded_end(
    issued: Timestamp,
    interval: SignedDuration,
    granularity: Granularity,
    zone: &TimeZone,
) -> Timestamp {
    let end = issued.checked_add(interval).unwrap_or(Timestamp::MAX);
    let last_second = || {
        let whole = |unit| ZonedRound::new().smallest(unit).mode(RoundMode::Trunc);
        let zoned = end.to_zoned(zone.clone());
        let next = match granularity {
            Granularity::Second => return Ok(end),
            Granularity::Minute => zoned.round(whole(Unit::Minute))?.checked_add(1.minute())?,
            Granularity::Hour => zoned.round(whole(Unit::Hour))?.checked_add(1.hour())?,
            // A day that starts late, because clocks change at midnight, is no model for the next one.
            Granularity::Day => zoned.tomorrow()?.start_of_day()?,
        };
        next.timestamp().checked_sub(SignedDuration::from_secs(1))
    };
    // Only the last representable year cannot be rounded; there the plain end will do.
    last_second().map_or(end, |rounded: Timestamp| rounded.max(end))
}

/// The earlier of an end and what the line item serves until, if it has an end.
pub fn clamped(end: Timestamp, serves_until: Option<Timestamp>) -> Timestamp {
    serves_until.map_or(end, |until| end.min(until))
}

/// When a holder of something that runs from `now` to `ends_at` should renew.
pub fn renew_after(now: Timestamp, ends_at: Timestamp, percent: u8) -> SignedDuration {
    let whole = ends_at.duration_since(now).max(SignedDuration::ZERO);
    SignedDuration::from_millis(
        i64::try_from(whole.as_millis() * i128::from(percent) / 100).unwrap_or(i64::MAX),
    )
}
