//! Reading and writing line items and sources.

#![expect(clippy::unnecessary_wraps, reason = "the fields of messages are optional")]

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{EntryId, Kind, LineItem, Overdraft, Source};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::line_item::Kind as WhichKind;
use leasehold_proto::licensing::v1::overdraft::Limit;
use uuid::Uuid;

use crate::samples::{UUID, keys, line_item, line_item_message};

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn at(seconds: i64, nanos: i32) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos })
}

fn overdraft(limit: Limit) -> Option<pb::Overdraft> {
    Some(pb::Overdraft { limit: Some(limit) })
}

fn metered(undo: i64) -> Option<WhichKind> {
    Some(WhichKind::Metered(pb::MeteredKind { reusable: true, undo_interval: seconds(undo) }))
}

fn seat(transfers_per_year: i32) -> Option<WhichKind> {
    Some(WhichKind::Seat(pb::SeatKind { transfers_per_year }))
}

#[test]
fn bad_fields_are_named() {
    type Case = (&'static str, fn(&mut pb::LineItem));
    let cases: [Case; 31] = [
        ("line_item_id", |i| i.line_item_id.clear()),
        ("product", |i| i.product = "x".repeat(256)),
        ("feature", |i| i.feature = "a\nb".into()),
        ("version", |i| i.version = "1..2".into()),
        ("count", |i| i.count = Some(-1)),
        ("count", |i| i.count = Some(1_000_000_001)),
        ("kind", |i| i.kind = None),
        ("metered.undo_interval", |i| i.kind = metered(-1)),
        ("seat.transfers_per_year", |i| i.kind = seat(-1)),
        ("overdraft.limit", |i| i.overdraft = Some(pb::Overdraft::default())),
        ("overdraft.count", |i| i.overdraft = overdraft(Limit::Count(-1))),
        ("overdraft.count", |i| i.overdraft = overdraft(Limit::Count(1_000_000_001))),
        ("overdraft.percent", |i| i.overdraft = overdraft(Limit::Percent(-1))),
        ("overdraft.percent", |i| i.overdraft = overdraft(Limit::Percent(10_001))),
        ("starts_at", |i| i.starts_at = at(i64::MAX, 0)),
        ("expires_at", |i| i.expires_at = at(0, -1)),
        ("grace_after_expiry", |i| i.grace_after_expiry = seconds(-1)),
        ("borrow_interval", |i| i.borrow_interval = seconds(0)),
        ("borrow_interval", |i| i.borrow_interval = seconds(i64::MIN)),
        ("renew_interval_percent", |i| i.renew_interval_percent = Some(0)),
        ("renew_interval_percent", |i| i.renew_interval_percent = Some(101)),
        ("renew_interval_percent", |i| i.renew_interval_percent = Some(257)),
        ("lease_ttl", |i| i.lease_ttl = seconds(9)),
        ("lease_ttl", |i| i.lease_ttl = seconds(86_401)),
        ("lease_ttl", |i| i.lease_ttl = seconds(-600)),
        ("vendor_string", |i| i.vendor_string = "x".repeat(4_097)),
        ("selectors", |i| i.selectors = keys(101, &String::new())),
        ("selectors[\"k\"]", |i| i.selectors = [("k".to_owned(), "x".repeat(4_097))].into()),
        ("notice", |i| i.notice = "x".repeat(4_097)),
        ("source", |i| i.source = "x".repeat(256)),
        ("source", |i| i.source = "\u{1}".into()),
    ];
    for (field, breaks) in cases {
        let mut message = line_item_message();
        breaks(&mut message);
        assert_eq!(LineItem::try_from(&message).map_err(|error| error.field), Err(field.to_owned()));
    }
}

#[test]
fn what_is_not_given_has_its_default() {
    let plain = line_item("li-1", "f1", 10);
    assert_eq!(LineItem::try_from(&line_item_message()), Ok(plain.clone()));
    assert_eq!(pb::LineItem::from(&plain), line_item_message());

    let uncounted = pb::LineItem { count: None, ..line_item_message() };
    assert_eq!(LineItem::try_from(&uncounted).unwrap().count, None);
    let none = pb::LineItem { count: Some(0), ..line_item_message() };
    assert_eq!(LineItem::try_from(&none).unwrap().count, Some(0));
}

#[test]
fn line_items_round_trip() {
    let full = LineItem {
        product: "Plant Designer".to_owned(),
        count: None,
        kind: Kind::Seat { transfers_per_year: 2 },
        overdraft: Overdraft::Percent(25),
        starts_at: Some(Timestamp::UNIX_EPOCH),
        expires_at: Some(Timestamp::constant(1_750_000_000, 1)),
        grace_after_expiry: SignedDuration::from_hours(36),
        borrow_interval: Some(SignedDuration::new(60, 1)),
        renew_interval_percent: Some(100),
        lease_ttl: Some(SignedDuration::from_secs(10)),
        allow_virtual: false,
        vendor_string: "line 1\nline 2".to_owned(),
        selectors: keys(3, &"v".to_owned()),
        notice: "ends soon".to_owned(),
        source: "ACT-1".to_owned(),
        advisory: true,
        ..line_item("li-9", "f9", 0)
    };
    let metered = Kind::Metered { reusable: true, undo_interval: SignedDuration::from_mins(5) };
    let counted = line_item("li-1", "f1", 1_000_000_000);
    for item in [
        full,
        LineItem { kind: metered, overdraft: Overdraft::Unlimited, ..counted.clone() },
        LineItem { overdraft: Overdraft::Count(5), ..counted },
    ] {
        assert_eq!(LineItem::try_from(&pb::LineItem::from(&item)), Ok(item));
    }
}

#[test]
fn sources_round_trip_and_bad_ones_are_named() {
    let entry = EntryId(Uuid::try_parse(UUID).unwrap());
    for source in [Source::Default, Source::Pool("eng".to_owned()), Source::Reservation(entry)] {
        assert_eq!(Source::try_from(&pb::Source::from(&source)), Ok(source));
    }
    let read = |source| Source::try_from(&pb::Source { source }).map_err(|error| error.field);
    assert_eq!(read(None), Err("source".to_owned()));
    assert_eq!(read(Some(pb::source::Source::Pool(String::new()))), Err("pool".to_owned()));
    let bad_id = pb::source::Source::ReservationEntryId("x".to_owned());
    assert_eq!(read(Some(bad_id)), Err("reservation_entry_id".to_owned()));
}
