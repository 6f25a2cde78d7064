//! Reading and writing points and lengths of time.

use jiff::{SignedDuration, Timestamp};
use leasehold_proto::convert::time::{MAX_SECONDS, duration, read_duration, read_timestamp, timestamp};

#[test]
fn points_in_time_round_trip_with_their_nanoseconds() {
    for (seconds, nanos) in [
        (0, 0),
        (1_750_000_000, 999_999_999),
        (-1, 0),
        (-62_135_596_800, 0),
        (-62_135_596_800, 1),
        (-1, 999_999_999),
    ] {
        let message = prost_types::Timestamp { seconds, nanos };
        assert_eq!(timestamp(read_timestamp("at", &message).unwrap()), message);
    }
    // Half a second before 1970 is the second before and half a second on.
    let before = Timestamp::UNIX_EPOCH - SignedDuration::from_millis(500);
    assert_eq!(timestamp(before), prost_types::Timestamp { seconds: -1, nanos: 500_000_000 });
    assert_eq!(read_timestamp("at", &timestamp(Timestamp::MAX)), Ok(Timestamp::MAX));
}

#[test]
fn points_in_time_out_of_range_are_refused() {
    for (seconds, nanos) in [
        (0, -1),
        (0, 1_000_000_000),
        (-62_135_596_801, 0),
        (253_402_300_800, 0),
        (i64::MIN, 0),
        (i64::MAX, i32::MAX),
    ] {
        let message = prost_types::Timestamp { seconds, nanos };
        assert_eq!(read_timestamp("at", &message).unwrap_err().field, "at", "{message:?}");
    }
}

#[test]
fn lengths_of_time_round_trip() {
    for (seconds, nanos) in [(0, 0), (0, 1), (600, 0), (MAX_SECONDS, 999_999_999)] {
        let message = prost_types::Duration { seconds, nanos };
        assert_eq!(duration(read_duration("ttl", &message).unwrap()), message);
    }
    assert_eq!(
        duration(SignedDuration::from_millis(1_500)),
        prost_types::Duration { seconds: 1, nanos: 500_000_000 }
    );
}

#[test]
fn lengths_of_time_out_of_range_are_refused() {
    for (seconds, nanos) in [
        (-1, 0),
        (0, -1),
        (0, 1_000_000_000),
        (1, -1),
        (MAX_SECONDS + 1, 0),
        (i64::MIN, i32::MIN),
        (i64::MAX, 0),
    ] {
        let message = prost_types::Duration { seconds, nanos };
        assert_eq!(read_duration("ttl", &message).unwrap_err().field, "ttl", "{message:?}");
    }
}
