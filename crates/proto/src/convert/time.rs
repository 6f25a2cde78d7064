//! Points and lengths of time.

use jiff::{SignedDuration, Timestamp};

use super::field::FieldError;

/// Longest length of time that the contract knows, in seconds: about 10,000 years.
pub const MAX_SECONDS: i64 = 315_576_000_000;

/// First second of the year 1, the earliest that the contract knows.
const FIRST_SECOND: i64 = -62_135_596_800;
const NANOS: std::ops::RangeInclusive<i32> = 0..=999_999_999;

/// A point in time as a message carries it.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = (at.as_second(), at.subsec_nanosecond());
    // The contract counts nanoseconds forwards, also before 1970.
    if nanos < 0 {
        return prost_types::Timestamp { seconds: seconds - 1, nanos: nanos + 1_000_000_000 };
    }
    prost_types::Timestamp { seconds, nanos }
}

/// The point in time that a message carries in `field`.
pub fn read_timestamp(field: &str, at: &prost_types::Timestamp) -> Result<Timestamp, FieldError> {
    let known = at.seconds >= FIRST_SECOND && NANOS.contains(&at.nanos);
    known.then(|| Timestamp::new(at.seconds, at.nanos).ok()).flatten().ok_or_else(|| {
        FieldError::new(field, "give a time of the years 1 to 9999, with 0 to 999,999,999 nanoseconds")
    })
}

/// A length of time as a message carries it.
pub fn duration(length: SignedDuration) -> prost_types::Duration {
    prost_types::Duration { seconds: length.as_secs(), nanos: length.subsec_nanos() }
}

/// The length of time, never negative, that a message carries in `field`.
pub fn read_duration(field: &str, length: &prost_types::Duration) -> Result<SignedDuration, FieldError> {
    if (0..=MAX_SECONDS).contains(&length.seconds) && NANOS.contains(&length.nanos) {
        return Ok(SignedDuration::new(length.seconds, length.nanos));
    }
    Err(FieldError::new(field, "give 0 to 315,576,000,000 seconds and 0 to 999,999,999 nanoseconds"))
}

/// An optional point in time.
pub(crate) fn read_optional_timestamp(
    field: &str,
    at: Option<&prost_types::Timestamp>,
) -> Result<Option<Timestamp>, FieldError> {
    at.map(|at| read_timestamp(field, at)).transpose()
}

/// An optional length of time.
pub(crate) fn read_optional_duration(
    field: &str,
    length: Option<&prost_types::Duration>,
) -> Result<Option<SignedDuration>, FieldError> {
    length.map(|length| read_duration(field, length)).transpose()
}
