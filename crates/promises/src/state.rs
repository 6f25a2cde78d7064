//! What must hold of a server at rest, whatever its clients did.

use std::collections::{BTreeMap, BTreeSet};

use crate::snapshot::{Part, Snapshot};
use crate::{Rule, Violations};

/// Judges a snapshot. What is set aside counts as kept only where it was free when it was set aside.
pub fn check(snapshot: &Snapshot) -> Violations {
    let mut violations = Violations::default();
    for damage in &snapshot.damage {
        violations.add(Rule::SoundFile, damage);
    }
    counters(snapshot, &mut violations);
    activity(snapshot, &mut violations);
    over_issue(snapshot, &mut violations);
    one_grant(snapshot, &mut violations);
    once(snapshot, &mut violations);
    violations
}

/// The same for a snapshot without answers and activity, as it may be taken while the server works.
pub fn check_counts(snapshot: &Snapshot) -> Violations {
    let mut violations = Violations::default();
    counters(snapshot, &mut violations);
    over_issue(snapshot, &mut violations);
    one_grant(snapshot, &mut violations);
    violations
}

fn counters(snapshot: &Snapshot, violations: &mut Violations) {
    for (grant, part) in &snapshot.strays {
        let found = format!("{part:?} belongs to grant {grant}, which is not there");
        violations.add(Rule::Conservation, found);
    }
    for grant in snapshot.grants.iter().filter(|grant| grant.parts.is_empty()) {
        violations.add(Rule::Conservation, format!("grant {} has no parts", grant.id));
    }
    let by_cell = |part: &Part| (part.item.clone(), part.source.clone());
    let out = sums(parts(snapshot).map(|part| (by_cell(part), part.count)));
    let counted = snapshot.cells.iter().map(|cell| ((cell.item.clone(), cell.source.clone()), cell.used));
    compare(violations, "parts", &out, "the counter", &sums(counted));
}

fn activity(snapshot: &Snapshot, violations: &mut Violations) {
    let out = sums(parts(snapshot).map(|part| (part.item.clone(), part.count)));
    let changes = snapshot.activity.iter().flat_map(|record| record.deltas.clone());
    compare(violations, "parts", &out, "activity", &sums(changes));
}

fn over_issue(snapshot: &Snapshot, violations: &mut Violations) {
    for (id, item) in &snapshot.items {
        let Some(capacity) = item.capacity else { continue };
        let cells = || snapshot.cells.iter().filter(|cell| cell.item == *id);
        let parts: i64 = parts(snapshot).filter(|part| part.item == *id).map(|part| part.count).sum();
        let out = parts.max(cells().map(|cell| cell.used).sum());
        let set_aside = || cells().filter(|cell| !cell.source.is_empty());
        let idle: i64 = set_aside().map(|cell| (cell.allocated - cell.used).max(0)).sum();
        if out + idle > capacity {
            let found = format!("line item {id}: {out} out and {idle} set aside of {capacity}");
            violations.add(Rule::NoOverIssue, found);
        }
        for cell in set_aside().filter(|cell| cell.used > cell.allocated) {
            violations.add(Rule::NoOverIssue, format!("more out than was set aside: {cell:?}"));
        }
    }
}

fn one_grant(snapshot: &Snapshot, violations: &mut Violations) {
    let mut seen = BTreeSet::new();
    for grant in &snapshot.grants {
        let key = (&grant.device, &grant.place, &grant.feature);
        if !seen.insert(key) {
            violations.add(Rule::OneGrant, format!("{key:?} has a second grant, {}", grant.id));
        }
    }
}

fn once(snapshot: &Snapshot, violations: &mut Violations) {
    let mut seen = BTreeSet::new();
    for answer in &snapshot.answers {
        if !seen.insert(answer.id) {
            violations.add(Rule::ExactlyOnce, format!("request {} has a second answer", answer.id));
        }
    }
}

fn parts(snapshot: &Snapshot) -> impl Iterator<Item = &Part> {
    let held = snapshot.grants.iter().flat_map(|grant| &grant.parts);
    held.chain(snapshot.strays.iter().map(|(_, part)| part))
}

fn sums<K: Ord>(counts: impl Iterator<Item = (K, i64)>) -> BTreeMap<K, i64> {
    let mut sums = BTreeMap::new();
    for (key, count) in counts {
        *sums.entry(key).or_default() += count;
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn compare<K: Ord + std::fmt::Debug>(
    violations: &mut Violations,
    one: &str,
    left: &BTreeMap<K, i64>,
    other: &str,
    right: &BTreeMap<K, i64>,
) {
    for key in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
        let (a, b) = (left.get(key).copied().unwrap_or(0), right.get(key).copied().unwrap_or(0));
        if a != b {
            violations.add(Rule::Conservation, format!("{key:?}: {one} say {a}, {other} {b}"));
        }
    }
}
