//! Puts the line items of a bundle in the place of those in force, and says in words what changes.
//!
//! A line item that the bundle does not have is lowered to 0 while counts of it are out, and goes with the first bundle
//! after that. Nobody is cut off.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::{Kind, LineItem, LineItemId, Overdraft};

/// Replaces all; one line for each line item that changes, by id.
pub(super) fn replace(items: &mut BTreeMap<LineItemId, LineItemState>, wanted: Vec<LineItem>) -> Vec<String> {
    let mut changes = Vec::new();
    let mut wanted: BTreeMap<LineItemId, LineItem> =
        wanted.into_iter().map(|item| (item.id.clone(), item)).collect();
    items.retain(|id, state| match wanted.remove(id) {
        Some(item) => {
            if state.item != item {
                let differences = differences(&state.item, &item);
                state.item = item;
                changes.push((id.clone(), format!("changed: {differences}{}", beyond(state))));
            }
            true
        }
        None if state.out() == 0 => {
            changes.push((id.clone(), format!("removed: {}", described(&state.item))));
            false
        }
        None => {
            let none = none_of(&state.item);
            if state.item != none {
                let what = format!("lowered to 0: {}, {} still out", described(&state.item), state.out());
                changes.push((id.clone(), what));
                state.item = none;
            }
            true
        }
    });
    for (id, item) in wanted {
        changes.push((id.clone(), format!("added: {}", described(&item))));
        items.insert(id, LineItemState::new(item));
    }
    changes.sort();
    changes.into_iter().map(|(id, what)| format!("line item {id} {what}")).collect()
}

/// The same line item, of which nothing can be had any more.
fn none_of(item: &LineItem) -> LineItem {
    LineItem { count: Some(0), overdraft: Overdraft::None, advisory: false, ..item.clone() }
}

/// What a change leaves out beyond what there is.
fn beyond(state: &LineItemState) -> String {
    match state.overage() {
        0 => String::new(),
        overage => format!("; {overage} out beyond it"),
    }
}

fn described(item: &LineItem) -> String {
    let until = item.expires_at.map_or_else(|| "permanent".to_owned(), |at| format!("until {at}"));
    format!("{} {}, {}, {until}", item.feature, item.version, counts(item.count))
}

fn counts(count: Option<u64>) -> String {
    match count {
        Some(1) => "1 count".to_owned(),
        Some(count) => format!("{count} counts"),
        None => "uncounted".to_owned(),
    }
}

/// Every field that differs, old → new.
fn differences(old: &LineItem, new: &LineItem) -> String {
    let mut found = Differences(Vec::new());
    found.shown("product", &old.product, &new.product);
    found.shown("feature", &old.feature, &new.feature);
    found.shown("version", &old.version, &new.version);
    found.shown("count", &counts(old.count), &counts(new.count));
    found.shown("kind", &kind(old.kind), &kind(new.kind));
    found.shown("overdraft", &overdraft(old.overdraft), &overdraft(new.overdraft));
    found.shown("starts_at", &time(old.starts_at, "at once"), &time(new.starts_at, "at once"));
    found.shown("expires_at", &time(old.expires_at, "permanent"), &time(new.expires_at, "permanent"));
    found.shown("grace_after_expiry", &length(old.grace_after_expiry), &length(new.grace_after_expiry));
    found.shown("borrow_interval", &unset(old.borrow_interval), &unset(new.borrow_interval));
    let percent =
        |item: &LineItem| item.renew_interval_percent.map_or("unset".to_owned(), |p| format!("{p} %"));
    found.shown("renew_interval_percent", &percent(old), &percent(new));
    found.shown("lease_ttl", &unset(old.lease_ttl), &unset(new.lease_ttl));
    found.shown("allow_virtual", &old.allow_virtual, &new.allow_virtual);
    found.told("vendor_string", &old.vendor_string, &new.vendor_string);
    found.told("selectors", &old.selectors, &new.selectors);
    found.told("notice", &old.notice, &new.notice);
    found.shown("source", &old.source, &new.source);
    found.shown("advisory", &old.advisory, &new.advisory);
    found.0.join(", ")
}

struct Differences(Vec<String>);

impl Differences {
    fn shown<T: PartialEq + Display>(&mut self, field: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(format!("{field} {old} → {new}"));
        }
    }

    /// Of what may be long, only that it differs.
    fn told<T: PartialEq + Debug>(&mut self, field: &str, old: &T, new: &T) {
        if old != new {
            self.0.push(format!("another {field}"));
        }
    }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Concurrent => "concurrent".to_owned(),
        Kind::Metered { reusable, undo_interval } => {
            let reusable = if reusable { "reusable" } else { "not reusable" };
            format!("metered ({reusable}, undo within {})", length(undo_interval))
        }
        Kind::Seat { transfers_per_year } => format!("seat ({transfers_per_year} transfers a year)"),
    }
}

fn overdraft(overdraft: Overdraft) -> String {
    match overdraft {
        Overdraft::None => "none".to_owned(),
        Overdraft::Count(more) => more.to_string(),
        Overdraft::Percent(percent) => format!("{percent} %"),
        Overdraft::Unlimited => "unlimited".to_owned(),
    }
}

fn time(at: Option<Timestamp>, none: &str) -> String {
    at.map_or_else(|| none.to_owned(), |at| at.to_string())
}

fn length(length: SignedDuration) -> String {
    format!("{length:#}")
}

fn unset(interval: Option<SignedDuration>) -> String {
    interval.map_or_else(|| "unset".to_owned(), length)
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
