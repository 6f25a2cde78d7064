//! Counts owned, out, on overdraft and left over, and how people see them summed.

use jiff::SignedDuration;
use leasehold_domain::capability::Outcome;
use leasehold_domain::feature::{Summary, summarize};
use leasehold_domain::{Kind, LineItem, Overdraft, Source};

use crate::fixture::{at, entry, item, name, uncounted, version};
use crate::site::{START, Site, hours};

#[test]
fn a_lowered_count_cuts_nobody_off_and_shrinks_with_returns() {
    let mut site = Site::of([item("L", "f", "1.0", 10)]);
    site.grant("D", "f", 6);
    let other = site.grant("E", "f", 4);
    site.recount("L", 4);
    assert_eq!((site.item("L").out(), site.item("L").overage()), (10, 6));
    assert_eq!(site.ask("X", "f", 1).outcome, Outcome::Refused);
    let kept = site.ask("D", "f", 6);
    assert_eq!((kept.outcome, kept.count), (Outcome::Kept, 6));
    assert_eq!(site.ask("D", "f", 1).outcome, Outcome::Kept);
    site.release(&other.reference()).unwrap();
    assert_eq!((site.item("L").out(), site.item("L").overage()), (6, 2));
    assert_eq!(site.grant("D", "f", 4).count(), 4, "its own old counts are free for it");
    assert_eq!((site.item("L").out(), site.item("L").overage()), (4, 0));
}

#[test]
fn overdraft_adds_to_the_count_as_its_kind_says() {
    for (overdraft, count, most, shown) in [
        (Overdraft::None, 7, 7, Some(0)),
        (Overdraft::Count(2), 7, 9, Some(2)),
        (Overdraft::Percent(20), 7, 8, Some(1)),
        (Overdraft::Percent(20), 4, 4, Some(0)),
        (Overdraft::Percent(150), 2, 5, Some(3)),
        (Overdraft::Unlimited, 7, 1_000, None),
    ] {
        let mut site = Site::of([LineItem { overdraft, ..item("L", "f", "1.0", count) }]);
        assert_eq!(site.item("L").item.overdraft_limit(), shown, "{overdraft:?}");
        site.grant("D", "f", most);
        assert_eq!(site.item("L").overdraft_used(), most - count, "{overdraft:?}");
        if shown.is_some() {
            assert_eq!(site.ask("E", "f", 1).outcome, Outcome::Refused, "{overdraft:?}");
        }
    }
}

#[test]
fn overdraft_never_eats_into_what_is_set_aside() {
    for overdraft in [Overdraft::Count(2), Overdraft::Unlimited] {
        let owned = LineItem { overdraft, ..item("L", "f", "1.0", 10) };
        let mut site = Site::reserving([owned], [entry(1, "D", "f", "1.0", 3)]);
        let taken = site.grant("X", "f", 9);
        assert_eq!((taken.count(), site.item("L").overdraft_used()), (9, 2));
        assert_eq!(site.item("L").reserved_idle(), 3);
        assert_eq!(site.grant("D", "f", 3).count(), 3);
    }
}

#[test]
fn use_beyond_the_count_is_overdraft_whatever_it_is_charged_to() {
    let owned = LineItem { overdraft: Overdraft::Count(2), ..item("L", "f", "1.0", 10) };
    let mut site = Site::reserving([owned], [entry(1, "D", "f", "1.0", 3)]);
    site.grant("D", "f", 3);
    site.grant("X", "f", 7);
    site.reallocate(|_, entries| entries[0].count = 1);
    assert_eq!((site.item("L").out(), site.item("L").overdraft_used()), (10, 0));
    site.grant("Y", "f", 2);
    assert_eq!((site.item("L").out(), site.item("L").overdraft_used(), site.item("L").overage()), (12, 2, 0));
    assert_eq!(site.ask("Z", "f", 1).outcome, Outcome::Refused);
    site.recount("L", 5);
    assert_eq!((site.item("L").overdraft_used(), site.item("L").overage()), (2, 5));
}

fn only(site: &Site) -> Summary {
    let rows = summarize(site.items());
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    row.clone()
}

#[test]
fn a_feature_is_the_sum_of_its_line_items_of_one_version() {
    let items = [
        LineItem {
            overdraft: Overdraft::Percent(10),
            expires_at: Some(at(START) + hours(50)),
            ..item("L", "f", "1.0", 20)
        },
        LineItem { expires_at: Some(at(START) + hours(20)), ..item("M", "f", "1", 10) },
        item("N", "f", "1.0.0", 5),
    ];
    let mut site = Site::reserving(items, [entry(1, "D", "f", "1.0", 8)]);
    site.grant("D", "f", 3);
    site.grant("X", "f", 10);
    let row = only(&site);
    assert_eq!((row.name, row.version), (name("f"), version("1.0")));
    assert_eq!((row.total, row.used, row.reserved, row.reserved_idle), (Some(35), 13, 8, 5));
    assert_eq!((row.available, row.overdraft, row.overdraft_used, row.overage), (Some(17), Some(2), 0, 0));
    assert_eq!((row.first_expiration, row.last_expiration), (Some(at(START) + hours(20)), None));
    assert!(!row.metered);
}

#[test]
fn available_is_never_below_nothing_and_overage_is_told_apart() {
    let owned = LineItem { overdraft: Overdraft::Count(2), ..item("L", "f", "1.0", 10) };
    let mut site = Site::reserving([owned], [entry(1, "D", "f", "1.0", 2)]);
    site.grant("X", "f", 10);
    let row = only(&site);
    assert_eq!((row.available, row.overdraft_used, row.reserved_idle), (Some(0), 2, 2));
    site.recount("L", 3);
    let row = only(&site);
    assert_eq!((row.total, row.used, row.available), (Some(3), 10, Some(0)));
    assert_eq!((row.overdraft_used, row.overage, row.reserved, row.reserved_idle), (2, 5, 0, 0));
}

#[test]
fn features_are_listed_by_name_and_version_and_what_has_no_bound_says_so() {
    let metered = Kind::Metered { reusable: false, undo_interval: SignedDuration::ZERO };
    let items = [
        item("A", "g", "1.10", 1),
        item("B", "g", "1.9", 1),
        uncounted("C", "f", "1.0"),
        item("D", "f", "1.0", 4),
        LineItem { kind: metered, ..item("E", "m", "1.0", 100) },
        LineItem { overdraft: Overdraft::Unlimited, ..item("F", "u", "1.0", 1) },
        LineItem { advisory: true, expires_at: Some(at(START)), ..item("G", "u", "1.0", 1) },
    ];
    let mut site = Site::of(items);
    site.grant("X", "f", 7);
    let rows = summarize(site.items());
    let names: Vec<_> = rows.iter().map(|row| format!("{} {}", row.name, row.version)).collect();
    assert_eq!(names, ["f 1.0", "g 1.9", "g 1.10", "m 1.0", "u 1.0"]);
    let (f, m, u) = (&rows[0], &rows[3], &rows[4]);
    assert_eq!((f.total, f.used, f.available, f.overdraft), (None, 7, None, Some(0)));
    assert!(m.metered);
    assert_eq!((u.total, u.overdraft), (Some(2), None));
    assert_eq!((u.first_expiration, u.last_expiration), (Some(at(START)), None));
    assert_eq!((f.first_expiration, f.last_expiration), (None, None));
}

#[test]
fn an_empty_source_has_nothing() {
    let site = Site::of([item("L", "f", "1.0", 3)]);
    let gone = entry(9, "D", "f", "1.0", 1);
    assert_eq!(site.item("L").plain_free(&Source::Reservation(gone.id)), 0);
    assert_eq!(site.item("L").plain_free(&Source::Default), 3);
}
