//! Why a feature is not granted in full, with which numbers, and what the trail tells.

use jiff::SignedDuration;
use leasehold_domain::capability::{ExplainStep, Outcome, Reason};
use leasehold_domain::{DeviceType, Kind, LineItem, Overdraft, Policies, Source};

use crate::fixture::{at, entry, hostid, item};
use crate::site::{START, Site, hours, reason};

fn starting(after_hours: i64, item: LineItem) -> LineItem {
    LineItem { starts_at: Some(at(START) + hours(after_hours)), ..item }
}

fn expired(hours_ago: i64, item: LineItem) -> LineItem {
    LineItem { expires_at: Some(at(START) - hours(hours_ago)), ..item }
}

fn real_only(item: LineItem) -> LineItem {
    LineItem { allow_virtual: false, ..item }
}

#[test]
fn the_first_reason_that_applies_is_told() {
    let metered = Kind::Metered { reusable: true, undo_interval: SignedDuration::ZERO };
    let f = |id: &str, version: &str| item(id, "f", version, 1);
    let cases: [(&str, Vec<LineItem>, Reason); 11] = [
        ("nothing", vec![], Reason::UnknownFeature),
        ("another feature", vec![item("A", "F", "9", 1)], Reason::UnknownFeature),
        ("metered", vec![LineItem { kind: metered, ..f("A", "9") }], Reason::UnknownFeature),
        (
            "a seat",
            vec![LineItem { kind: Kind::Seat { transfers_per_year: 0 }, ..f("A", "9") }],
            Reason::UnknownFeature,
        ),
        ("low, and not started", vec![f("A", "1"), starting(1, f("B", "1.9"))], Reason::VersionTooLow),
        (
            "not started, and expired low",
            vec![starting(1, f("A", "2")), expired(1, f("B", "1"))],
            Reason::NotStarted,
        ),
        ("not started, expired", vec![starting(1, f("A", "2")), expired(1, f("B", "2"))], Reason::Expired),
        ("expired, forbids virtual", vec![real_only(expired(1, f("A", "2")))], Reason::Expired),
        (
            "expired, forbids",
            vec![expired(1, f("A", "2")), real_only(f("B", "2"))],
            Reason::VirtualNotAllowed,
        ),
        (
            "forbids, out of counts",
            vec![real_only(f("A", "2")), item("B", "f", "2", 0)],
            Reason::InsufficientCount,
        ),
        ("out of counts", vec![item("B", "f", "2", 0)], Reason::InsufficientCount),
    ];
    for (what, items, expected) in cases {
        let mut site = Site::of(items);
        let outcome =
            site.ask_with("D", ("f", "2.0", 1), |request| request.device_type = DeviceType::Virtual);
        assert_eq!((outcome.outcome, reason(&outcome)), (Outcome::Refused, Some(expected)), "{what}");
    }
}

#[test]
fn a_policy_keeps_virtual_devices_out_and_leaves_the_others_alone() {
    let policies = Policies { allow_virtual_clients: false, ..Policies::default() };
    for (device_type, expected) in [
        (DeviceType::Virtual, Some(Reason::VirtualNotAllowed)),
        (DeviceType::Physical, None),
        (DeviceType::Unknown, None),
    ] {
        let mut site = Site::with(policies.clone(), [item("L", "f", "1.0", 1)], []);
        let outcome = site.ask_with("D", ("f", "1.0", 1), |request| request.device_type = device_type);
        assert_eq!(reason(&outcome), expected, "{device_type:?}");
    }
}

#[test]
fn dates_begin_and_end_at_the_second() {
    let second = SignedDuration::from_secs(1);
    let line_item = LineItem {
        starts_at: Some(at(START) + hours(1)),
        expires_at: Some(at(START) + hours(2)),
        grace_after_expiry: hours(1),
        ..item("L", "f", "1.0", 1)
    };
    for (after, expected) in [
        (hours(1) - second, Some(Reason::NotStarted)),
        (hours(1), None),
        (hours(3) - second, None),
        (hours(3), Some(Reason::Expired)),
    ] {
        let mut site = Site::of([line_item.clone()]);
        site.pass(after);
        let outcome = site.ask("D", "f", 1);
        assert_eq!(reason(&outcome), expected, "{after:?}");
        assert_eq!(outcome.in_grace.is_empty(), after < hours(2) || expected.is_some(), "{after:?}");
    }
}

#[test]
fn the_numbers_say_what_is_free_and_what_is_free_for_you() {
    let overdrawn = LineItem { overdraft: Overdraft::Count(2), ..item("L", "f", "1.0", 10) };
    let mut site = Site::reserving(
        [overdrawn, item("M", "f", "0.9", 50)],
        [entry(1, "E", "f", "1.0", 4), entry(2, "D", "f", "1.0", 1)],
    );
    site.grant("E", "f", 1);
    site.grant("X", "f", 2);
    // Out: 3 of 12. Kept: 3 more for E, 1 for D. Of the rest, D could have 3 plain, 2 on overdraft and its own.
    for (asked, expected) in [
        (6, None),
        (7, Some(Reason::ReservedForOthers)),
        (9, Some(Reason::ReservedForOthers)),
        (10, Some(Reason::InsufficientCount)),
    ] {
        let outcome = site.ask_with("D", ("f", "1.0", asked), |request| request.preview = true);
        assert_eq!(reason(&outcome), expected, "{asked}");
        if let Some(refusal) = outcome.refusal {
            assert_eq!((refusal.asked, refusal.free, refusal.free_for_you), (asked, 9, 6), "{asked}");
            assert!(refusal.message.contains(&asked.to_string()), "{}", refusal.message);
        }
    }
    let partial = site.ask_with("D", ("f", "1.0", 10), |request| request.partial = true);
    assert_eq!((partial.outcome, partial.count), (Outcome::Partial, 6));
    assert_eq!(partial.refusal.map(|refusal| (refusal.free, refusal.free_for_you)), Some((9, 6)));
}

#[test]
fn what_is_reserved_in_line_items_that_cannot_serve_helps_nobody() {
    let items =
        [item("low", "f", "1.0", 5), real_only(item("real", "f", "2.0", 5)), item("L", "f", "3.0", 1)];
    let entries = [entry(1, "E", "f", "1.0", 5), entry(2, "E2", "f", "2.0", 5)];
    let mut site = Site::reserving(items, entries);
    let outcome = site.ask_with("D", ("f", "2.0", 2), |request| request.device_type = DeviceType::Virtual);
    let refusal = outcome.refusal.unwrap();
    assert_eq!((refusal.reason, refusal.free, refusal.free_for_you), (Reason::InsufficientCount, 1, 1));
}

fn told(step: &ExplainStep) -> (&'static str, &str, u64, u64, &str) {
    let source = match step.source {
        Some(Source::Reservation(_)) => "reservation",
        Some(Source::Default) => "default",
        Some(Source::Pool(_)) => "pool",
        None => "",
    };
    (source, step.line_item.as_ref().map_or("", |id| id.as_str()), step.taken, step.free, &step.note)
}

#[test]
fn the_trail_tells_what_was_passed_over_and_what_each_source_gave() {
    let here = || [("site".to_owned(), "eu".to_owned())].into();
    let items = [
        item("low", "f", "0.9", 9),
        starting(1, item("later", "f", "1.0", 9)),
        expired(1, item("gone", "f", "1.0", 9)),
        real_only(item("real", "f", "1.0", 9)),
        item("elsewhere", "f", "1.0", 9),
        LineItem { overdraft: Overdraft::Count(1), selectors: here(), ..item("L", "f", "2.0", 3) },
    ];
    let entries = [entry(1, "D", "f", "2.0", 1), entry(2, "U/USER", "f", "2.0", 1)];
    let mut site = Site::reserving(items, entries);
    let mut request = site.request("D", &[("f", "1.0", 5)]);
    request.user = Some(hostid("U/USER"));
    request.device_type = DeviceType::Virtual;
    request.selectors = here();
    request.explain = true;
    let answer = site.decide(&request).unwrap();
    let trail: Vec<_> = answer.explanation.iter().map(told).collect();
    let (last, steps) = trail.split_last().unwrap();
    let expected = [
        ("", "elsewhere", 0, 0, "passed over: its selectors differ"),
        ("", "gone", 0, 0, "passed over: it has expired"),
        ("", "later", 0, 0, "passed over: it has not started"),
        ("", "low", 0, 0, "passed over: its version is too low"),
        ("", "real", 0, 0, "passed over: it forbids virtual devices"),
        ("reservation", "L", 1, 1, "taken"),
        ("reservation", "L", 1, 1, "taken"),
        ("default", "L", 1, 1, "taken"),
        ("default", "L", 1, 1, "taken"),
    ];
    assert_eq!(steps, expected);
    assert_eq!((last.0, last.1, last.2, last.3), ("", "", 4, 4));
    assert!(last.4.starts_with("INSUFFICIENT_COUNT: 5 of f 1.0 asked, 4 owned"), "{}", last.4);
    assert!(answer.explanation.iter().all(|step| step.feature.as_str() == "f"));
    request.explain = false;
    request.preview = true;
    assert_eq!(site.decide(&request).unwrap().explanation, [], "only where asked for");
}
