use leasehold_domain::{Cell, Source};
use leasehold_store::conformance::sample::{self, at};

use super::*;

fn in_force(items: &[LineItemState]) -> BTreeMap<LineItemId, LineItemState> {
    items.iter().map(|state| (state.item.id.clone(), state.clone())).collect()
}

#[test]
fn every_field_that_differs_is_named() {
    let old = sample::item("L", "cad", 10);
    let new = LineItem {
        product: "Suite".to_owned(),
        version: "2.0".parse().unwrap(),
        count: None,
        kind: Kind::Seat { transfers_per_year: 2 },
        overdraft: Overdraft::Percent(10),
        starts_at: Some(at(0)),
        expires_at: Some(at(3_600)),
        grace_after_expiry: SignedDuration::from_hours(2),
        borrow_interval: Some(SignedDuration::from_hours(1)),
        renew_interval_percent: Some(20),
        lease_ttl: Some(SignedDuration::from_secs(30)),
        allow_virtual: false,
        vendor_string: "x".to_owned(),
        selectors: BTreeMap::from([("os".to_owned(), "linux".to_owned())]).into_iter().collect(),
        notice: "soon".to_owned(),
        source: "S-1".to_owned(),
        advisory: true,
        feature: leasehold_domain::FeatureName::new("cam").unwrap(),
        ..old.item.clone()
    };
    let mut items = in_force(std::slice::from_ref(&old));
    let changes = replace(&mut items, vec![new.clone()]);
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    for part in [
        "line item L changed: product  → Suite",
        "feature cad → cam",
        "version 1.0 → 2.0",
        "count 10 counts → uncounted",
        "kind concurrent → seat (2 transfers a year)",
        "overdraft none → 10 %",
        "starts_at at once → 2023-11-14T22:13:20Z",
        "expires_at permanent → 2023-11-14T23:13:20Z",
        "grace_after_expiry 0s → 2h",
        "borrow_interval unset → 1h",
        "renew_interval_percent unset → 20 %",
        "lease_ttl unset → 30s",
        "allow_virtual true → false",
        "another vendor_string",
        "another selectors",
        "another notice",
        "source  → S-1",
        "advisory false → true",
    ] {
        assert!(change.contains(part), "{part} in {change}");
    }
    assert_eq!(items.into_values().map(|state| state.item).collect::<Vec<_>>(), [new]);
}

#[test]
fn what_is_out_beyond_a_lowered_count_is_told() {
    let mut state = sample::item("L", "cad", 10);
    state.cells.insert(Source::Default, Cell { allocated: 10, used: 7 });
    let mut items = in_force(&[state]);
    let changes = replace(&mut items, vec![sample::item("L", "cad", 5).item]);
    assert_eq!(changes, ["line item L changed: count 10 counts → 5 counts; 2 out beyond it"]);
}

#[test]
fn changes_come_by_id_whatever_they_are() {
    let mut items = in_force(&[sample::item("L2", "cad", 1), sample::item("L4", "cad", 1)]);
    let wanted = vec![
        sample::item("L3", "cad", 1).item,
        sample::item("L4", "cad", 2).item,
        sample::item("L1", "cad", 1).item,
    ];
    let changes = replace(&mut items, wanted);
    let starts: Vec<_> = changes.iter().map(|change| &change[..20.min(change.len())]).collect();
    assert_eq!(
        starts,
        ["line item L1 added: ", "line item L2 removed", "line item L3 added: ", "line item L4 changed"]
    );
}
