//! Ends of intervals where days and hours are not what they seem.

use jiff::tz::TimeZoneDatabase;
use jiff::{SignedDuration, Timestamp};
use leasehold_domain::interval::{BorrowLimits, Granularity, clamped, renew_after, rounded_end};

use crate::fixture::at;
use crate::site::hours;

#[test]
fn a_day_ends_at_its_last_second_also_where_clocks_change_at_midnight() {
    for (zone, issued, ends) in [
        ("UTC", "2026-05-01T12:00:00Z", "2026-05-01T23:59:59Z"),
        // Clocks go from 24:00 to 01:00, so that the 24th starts at 01:00 and its end is untouched.
        ("Africa/Cairo", "2026-04-23T18:00:00Z", "2026-04-23T21:59:59Z"),
        ("Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-24T20:59:59Z"),
        // Clocks go from 24:00 back to 23:00: the hour comes twice, and the day ends after the second.
        ("Africa/Cairo", "2026-10-29T12:00:00Z", "2026-10-29T21:59:59Z"),
        ("Africa/Cairo", "2026-10-29T20:30:00Z", "2026-10-29T21:59:59Z"),
        ("America/Santiago", "2026-09-06T15:00:00Z", "2026-09-07T02:59:59Z"),
        ("Pacific/Apia", "2011-12-29T20:00:00Z", "2011-12-30T09:59:59Z"),
        ("Asia/Kathmandu", "2026-01-01T18:14:58Z", "2026-01-01T18:14:59Z"),
    ] {
        let zone_rules = TimeZoneDatabase::bundled().get(zone).unwrap();
        let found = rounded_end(at(issued), SignedDuration::from_secs(1), Granularity::Day, &zone_rules);
        assert_eq!(found, at(ends), "{zone}, {issued}");
    }
}

#[test]
fn the_last_second_of_a_unit_is_its_own_end() {
    let zone = TimeZoneDatabase::bundled().get("Asia/Kathmandu").unwrap();
    for (granularity, end) in [
        (Granularity::Second, "2026-01-01T12:34:56Z"),
        (Granularity::Minute, "2026-01-01T12:34:59Z"),
        (Granularity::Hour, "2026-01-01T13:14:59Z"),
        (Granularity::Day, "2026-01-01T18:14:59Z"),
    ] {
        let found = rounded_end(at("2026-01-01T12:34:55Z"), SignedDuration::from_secs(1), granularity, &zone);
        assert_eq!(found, at(end));
        assert_eq!(rounded_end(found, SignedDuration::ZERO, granularity, &zone), found, "{granularity:?}");
    }
}

#[test]
fn an_endless_interval_ends_with_time_itself() {
    let zone = jiff::tz::TimeZone::UTC;
    for granularity in [Granularity::Second, Granularity::Minute, Granularity::Hour, Granularity::Day] {
        let found = rounded_end(at("2026-01-01T00:00:00Z"), SignedDuration::MAX, granularity, &zone);
        assert_eq!(found, Timestamp::MAX, "{granularity:?}");
    }
}

#[test]
fn the_least_of_the_limits_counts_and_the_line_items_replaces_the_instances() {
    let limits = |line_item: Option<i64>, instance: Option<i64>, request: Option<i64>, admin: Option<i64>| {
        let (line_item, instance) = (line_item.map(hours), instance.map(hours));
        BorrowLimits { line_item, instance, request: request.map(hours), admin_max: admin.map(hours) }
            .effective()
    };
    assert_eq!(limits(Some(9), Some(5), None, None), Some(hours(9)));
    assert_eq!(limits(None, Some(5), None, None), Some(hours(5)));
    assert_eq!(limits(Some(9), Some(5), Some(7), None), Some(hours(7)));
    assert_eq!(limits(Some(9), Some(5), Some(7), Some(6)), Some(hours(6)));
    assert_eq!(limits(None, None, None, None), None);
}

#[test]
fn an_end_is_never_past_what_the_line_item_serves_until() {
    let (early, late) = (at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    assert_eq!(clamped(late, Some(early)), early);
    assert_eq!(clamped(early, Some(late)), early);
    assert_eq!(clamped(late, None), late);
}

#[test]
fn a_renewal_is_due_after_its_share_of_the_interval() {
    let now = at("2026-01-01T00:00:00Z");
    assert_eq!(renew_after(now, now + hours(24), 15), SignedDuration::from_mins(216));
    assert_eq!(renew_after(now, now + hours(24), 100), hours(24));
    assert_eq!(renew_after(now, now - hours(1), 50), SignedDuration::ZERO);
}
