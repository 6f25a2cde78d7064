//! Which line items and sources serve, in which order, and until when.

use jiff::Timestamp;
use leasehold_domain::capability::{FeatureOutcome, Outcome};
use leasehold_domain::interval::Granularity;
use leasehold_domain::{Grant, LineItem, Mode, Overdraft, Policies};

use crate::fixture::{at, entry, hostid, item, uncounted};
use crate::site::{START, Site, hours, parts};

fn expiring(id: &str, version: &str, count: u64, after_hours: i64) -> LineItem {
    LineItem { expires_at: Some(at(START) + hours(after_hours)), ..item(id, "f", version, count) }
}

/// The line items that one count after the other comes from.
fn in_turn(site: &mut Site, times: usize) -> Vec<String> {
    let first = |outcome: FeatureOutcome| outcome.grant.map(|grant| grant.parts[0].line_item.to_string());
    (0..times).filter_map(|n| first(site.ask(&format!("D{n}"), "f", 1))).collect()
}

fn ends(grant: &Grant) -> Vec<(u64, Timestamp)> {
    grant.parts.iter().map(|part| (part.count, part.ends_at)).collect()
}

#[test]
fn the_lowest_sufficient_version_serves_first_whenever_it_ends() {
    let mut site = Site::of([
        expiring("soon", "3.0", 1, 30),
        item("low", "f", "1.9", 1),
        item("high", "f", "1.10", 1),
        item("too low", "f", "0.9", 1),
    ]);
    assert_eq!(in_turn(&mut site, 4), ["low", "high", "soon"]);
}

#[test]
fn of_one_version_the_earliest_end_that_covers_the_wanted_interval_serves_first() {
    let mut site = Site::of([
        expiring("d, short", "1.0", 1, 2),
        expiring("a, long", "1.0", 1, 100),
        expiring("b, enough", "1.0", 1, 24),
        item("c, permanent", "f", "1.0", 1),
        expiring("e, shorter", "1.0", 1, 1),
    ]);
    let all = ["b, enough", "a, long", "c, permanent", "d, short", "e, shorter"];
    assert_eq!(in_turn(&mut site, 6), all, "those that do not cover it: the latest end first");
}

#[test]
fn a_shorter_wish_is_covered_by_an_earlier_end() {
    let items = [expiring("short", "1.0", 1, 2), expiring("long", "1.0", 1, 100)];
    for (wish, first) in [(1, "short"), (2, "short"), (3, "long")] {
        let outcome = Site::of(items.clone()).ask_with("D", ("f", "1.0", 1), |request| {
            request.mode = Mode::Borrow;
            request.borrow_interval = Some(hours(wish));
        });
        assert_eq!(parts(&outcome.grant.unwrap()), [(first, 1, false)], "{wish} h");
    }
}

#[test]
fn equal_ends_are_taken_by_line_item_id() {
    let mut site = Site::of([item("b", "f", "1.0", 1), item("a", "f", "1.0", 1), item("B", "f", "1", 1)]);
    assert_eq!(in_turn(&mut site, 3), ["B", "a", "b"]);
}

#[test]
fn line_items_combine_and_plain_counts_of_all_come_before_overdraft_of_any() {
    let low = LineItem { overdraft: Overdraft::Count(2), ..item("low", "f", "1.0", 2) };
    let high = LineItem { overdraft: Overdraft::Count(2), ..item("high", "f", "2.0", 2) };
    let mut site = Site::of([low, high]);
    let first = site.grant("D", "f", 3);
    assert_eq!(parts(&first), [("low", 2, false), ("high", 1, false)]);
    let all = site.grant("D", "f", 7);
    assert_eq!(parts(&all), [("low", 4, false), ("high", 3, false)]);
    assert_eq!((site.item("low").overdraft_used(), site.item("high").overdraft_used()), (2, 1));
    assert_eq!(site.ask("E", "f", 2).outcome, Outcome::Refused);
    assert_eq!(site.ask("E", "f", 1).outcome, Outcome::Granted);
}

#[test]
fn uncounted_line_items_serve_anybody_before_overdraft_and_fill_no_reservation() {
    let counted = LineItem { overdraft: Overdraft::Unlimited, ..item("counted", "f", "1.0", 1) };
    let mut site =
        Site::reserving([counted, uncounted("uncounted", "f", "2.0")], [entry(1, "R", "f", "2.0", 5)]);
    let grant = site.grant("D", "f", 1_000_000_000);
    assert_eq!(parts(&grant), [("counted", 1, false), ("uncounted", 999_999_999, false)]);
    let reserved = site.grant("R", "f", 5);
    assert_eq!(parts(&reserved), [("uncounted", 5, false)]);
    let state = site.item("uncounted");
    assert_eq!((state.overdraft_used(), state.overage(), state.reserved_idle()), (0, 0, 0));
}

#[test]
fn an_advisory_line_item_never_refuses_and_shows_what_is_beyond_its_count() {
    let advisory = LineItem { advisory: true, overdraft: Overdraft::Count(1), ..item("L", "f", "1.0", 2) };
    let mut site = Site::of([advisory]);
    site.grant("D", "f", 500);
    site.grant("E", "f", 1);
    let state = site.item("L");
    assert_eq!((state.out(), state.overdraft_used(), state.overage()), (501, 499, 0));
}

#[test]
fn the_devices_reservations_come_before_the_users_and_both_before_the_rest() {
    let entries = [
        entry(1, "U/USER", "f", "1.0", 2),
        entry(2, "D", "f", "1.0", 1),
        entry(3, "dongle/PUBLISHER_DEFINED", "f", "1.0", 1),
    ];
    let mut site = Site::reserving([item("L", "f", "1.0", 10)], entries.clone());
    let outcome = site.ask_with("D", ("f", "1.0", 5), |request| {
        request.hostids.push(hostid("dongle/PUBLISHER_DEFINED"));
        request.user = Some(hostid("U/USER"));
    });
    let used: Vec<u64> = entries
        .map(|entry| {
            let source = leasehold_domain::Source::Reservation(entry.id);
            site.item("L").cell(&source).used
        })
        .into();
    assert_eq!(used, [2, 1, 1]);
    assert_eq!(outcome.grant.unwrap().parts.iter().map(|part| part.count).collect::<Vec<_>>(), [1, 1, 2, 1]);
}

#[test]
fn a_line_item_serves_only_those_whose_selectors_it_has() {
    let site_eu = LineItem { selectors: [("site".into(), "eu".into())].into(), ..item("eu", "f", "2.0", 1) };
    let mut site = Site::of([item("any", "f", "1.0", 1), site_eu]);
    let mut ask = |device: &str, value: &str| {
        site.ask_with(device, ("f", "1.0", 1), |request| {
            request.selectors = [("site".to_owned(), value.to_owned())].into();
        })
    };
    assert_eq!(parts(&ask("D", "eu").grant.unwrap()), [("eu", 1, false)]);
    assert_eq!(ask("E", "us").outcome, Outcome::Refused);
}

#[test]
fn every_part_of_a_borrow_ends_as_its_own_line_item_says() {
    let items = [
        LineItem { borrow_interval: Some(hours(48)), ..item("own", "f", "1.0", 1) },
        item("policy", "f", "2.0", 1),
        LineItem { grace_after_expiry: hours(6), ..expiring("expires", "3.0", 1, 20) },
    ];
    let mut site = Site::of(items.clone());
    let outcome = site.ask_with("D", ("f", "1.0", 3), |request| request.mode = Mode::Borrow);
    let start = at(START);
    let grant = outcome.grant.unwrap();
    assert_eq!(ends(&grant), [(1, start + hours(48)), (1, start + hours(7 * 24)), (1, start + hours(26))]);
    assert_eq!((grant.lease_ttl, grant.floor_deadline), (None, None), "a borrow has no lease");
    assert!(grant.lease_token.is_some(), "and a secret all the same");

    let policies = Policies {
        borrow_interval_max: Some(hours(36)),
        borrow_granularity: Granularity::Day,
        ..Policies::default()
    };
    let mut site = Site::with(policies, items, []);
    let limited = |site: &mut Site, wish, granularity| {
        let outcome = site.ask_with("D", ("f", "1.0", 1), |request| {
            request.mode = Mode::Borrow;
            request.borrow_interval = wish;
            request.borrow_granularity = granularity;
        });
        outcome.grant.unwrap().last_end().to_string()
    };
    assert_eq!(limited(&mut site, None, None), "2026-01-02T23:59:59Z", "the administrator's, to the day");
    assert_eq!(limited(&mut site, Some(hours(90)), None), "2026-01-02T23:59:59Z");
    assert_eq!(limited(&mut site, Some(hours(3)), Some(Granularity::Minute)), "2026-01-01T03:00:59Z");
}

#[test]
fn an_online_grant_ends_with_the_answer_or_the_line_item_whichever_is_earlier() {
    let mut site = Site::of([expiring("L", "1.0", 1, 10), item("M", "f", "2.0", 1)]);
    let start = at(START);
    assert_eq!(ends(&site.grant("D", "f", 2)), [(1, start + hours(10)), (1, start + hours(24))]);
}

#[test]
fn what_is_added_ends_later_and_what_was_there_keeps_its_end() {
    let mut site = Site::of([item("L", "f", "1.0", 10)]);
    let start = at(START);
    let add = |site: &mut Site, count| {
        let outcome = site.ask_with("D", ("f", "1.0", count), |request| request.incremental = true);
        assert_eq!((outcome.outcome, outcome.count), (Outcome::Granted, count));
        outcome.grant.unwrap()
    };
    assert_eq!(ends(&add(&mut site, 2)), [(2, start + hours(24))]);
    assert_eq!(ends(&add(&mut site, 1)), [(3, start + hours(24))], "equal ends are one part");
    site.pass(hours(10));
    assert_eq!(ends(&add(&mut site, 4)), [(3, start + hours(24)), (4, start + hours(34))]);
    site.pass(hours(14));
    assert_eq!(
        ends(&add(&mut site, 1)),
        [(4, start + hours(34)), (1, start + hours(48))],
        "the first have ended"
    );
}

#[test]
fn a_renewal_restarts_the_interval_and_what_cannot_be_renewed_runs_out() {
    let mut site = Site::of([item("L", "f", "1.0", 4)]);
    let start = at(START);
    site.grant("D", "f", 4);
    site.pass(hours(5));
    assert_eq!(ends(&site.grant("D", "f", 4)), [(4, start + hours(29))]);
    site.recount("L", 3);
    site.pass(hours(5));
    let kept = site.ask("D", "f", 4);
    assert_eq!((kept.outcome, kept.count), (Outcome::Kept, 4));
    assert_eq!(ends(kept.grant.as_ref().unwrap()), [(4, start + hours(29))]);
}
