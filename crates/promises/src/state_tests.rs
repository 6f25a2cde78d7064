//! A state that is well is found well, and each thing that is made up is found by its rule.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::Rule::{self, Conservation, ExactlyOnce, NoOverIssue, OneGrant, SoundFile};
use crate::snapshot::{Activity, Cell, Grant, Item, Part, Snapshot, StoredAnswer, capacity};
use crate::state;

fn part(source: &str, count: i64) -> Part {
    Part { item: "L1".to_owned(), source: source.to_owned(), count }
}

fn grant(number: u128, device: &str, parts: Vec<Part>) -> Grant {
    Grant {
        id: Uuid::from_u128(number),
        device: device.to_owned(),
        place: String::new(),
        feature: "cad".to_owned(),
        borrowed: false,
        fencing_token: 1,
        lease_token: vec![7; 16],
        parts,
    }
}

fn record(number: u128, delta: i64) -> Activity {
    Activity {
        id: Uuid::from_u128(number),
        at: Timestamp::UNIX_EPOCH,
        kind: "GRANTED".to_owned(),
        device: Some("D1/STRING".to_owned()),
        feature: "cad".to_owned(),
        grant: Some(Uuid::from_u128(1)),
        deltas: BTreeMap::from([("L1".to_owned(), delta)]),
        request: None,
    }
}

/// Ten counts, three of them set aside: two of these are out, and five others.
fn well() -> Snapshot {
    let cell = |source: &str, allocated, used| Cell {
        item: "L1".to_owned(),
        source: source.to_owned(),
        allocated,
        used,
    };
    Snapshot {
        items: BTreeMap::from([("L1".to_owned(), Item { capacity: Some(10) })]),
        cells: vec![cell("", 0, 5), cell("reservation:r", 3, 2)],
        grants: vec![
            grant(1, "D1", vec![part("", 3)]),
            grant(2, "D2", vec![part("", 2), part("reservation:r", 2)]),
        ],
        answers: vec![StoredAnswer { id: Uuid::from_u128(3), answer: vec![1] }],
        activity: vec![record(4, 4), record(5, 3)],
        ..Snapshot::default()
    }
}

#[test]
fn what_is_well_is_found_well() {
    assert_eq!(state::check(&well()).0, []);
    assert_eq!(state::check_counts(&well()).0, []);
}

#[test]
fn everything_made_up_is_found() {
    type Change = fn(&mut Snapshot);
    // What it is, how it is made up, the rule, and whether counts alone show it.
    let made_up: &[(&str, Change, Rule, bool)] = &[
        ("a counter is one more", |s| s.cells[0].used += 1, Conservation, true),
        ("a grant is gone", |s| drop(s.grants.remove(0)), Conservation, true),
        ("a grant has no parts", |s| s.grants[0].parts.clear(), Conservation, true),
        ("parts have no grant", |s| s.strays.push((Uuid::nil(), part("", 1))), Conservation, true),
        ("a record is gone", |s| drop(s.activity.pop()), Conservation, false),
        ("there were fewer counts", |s| s.items.get_mut("L1").unwrap().capacity = Some(7), NoOverIssue, true),
        ("what is set aside is given away", |s| s.cells[1].allocated = 6, NoOverIssue, true),
        ("more is out than was set aside", |s| s.cells[1].allocated = 1, NoOverIssue, true),
        ("a holder has two", |s| s.grants.push(grant(9, "D1", vec![part("", 0)])), OneGrant, true),
        ("an answer is there twice", |s| s.answers.push(s.answers[0].clone()), ExactlyOnce, false),
        ("the file is damaged", |s| s.damage.push("page 7".to_owned()), SoundFile, false),
    ];
    for (what, change, rule, by_counts) in made_up {
        let mut state = well();
        change(&mut state);
        let has = |found: Vec<crate::Violation>| found.iter().any(|violation| violation.rule == *rule);
        assert!(has(state::check(&state).0), "{what}");
        assert_eq!(has(state::check_counts(&state).0), *by_counts, "{what}");
    }
}

#[test]
fn capacity_is_count_and_overdraft() {
    let table = [
        (Some(10), false, "NONE", 5, Some(10)),
        (Some(10), false, "COUNT", 5, Some(15)),
        (Some(15), false, "PERCENT", 10, Some(16)),
        (Some(10), false, "UNLIMITED", 0, None),
        (Some(10), true, "NONE", 0, None),
        (None, false, "NONE", 0, None),
    ];
    for (count, advisory, overdraft, amount, wanted) in table {
        assert_eq!(capacity(count, advisory, overdraft, amount), wanted, "{count:?} {overdraft} {amount}");
    }
}
