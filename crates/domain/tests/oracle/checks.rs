//! What must hold after every step, whatever the model says.

use std::collections::{BTreeMap, BTreeSet};

use leasehold_domain::cell::LineItemState;
use leasehold_domain::{Cell, Entry, EntryId, Estate, HostId, LineItemId, Mode, Source};
use proptest::prelude::*;

use crate::model::{Model, Owner, Use};
use crate::names::{feature_name, holder, item_id, owner, uses};

/// The rules and the model hold the same of everything.
pub(crate) fn agree(estate: &Estate, model: &Model) -> Result<(), TestCaseError> {
    let mut expected: Vec<Use> = model.uses.clone();
    expected.sort();
    let mut found = uses(estate);
    found.sort();
    prop_assert_eq!(found, expected, "what is held");
    for ((who, feature), held) in &model.held {
        let grant = estate.grant_of(&holder(*who), &feature_name(*feature));
        let mode = if held.borrow { Mode::Borrow } else { Mode::Online };
        prop_assert_eq!(grant.map(|grant| grant.mode), Some(mode));
    }
    for (index, item) in model.items.iter().enumerate() {
        let state = estate.item(&item_id(index)).expect("every line item is loaded");
        let idle = model.idle(index);
        prop_assert_eq!(
            state.overdraft_used(),
            idle.overdraft_used as u64,
            "overdraft used of {}",
            state.item.id
        );
        prop_assert_eq!(state.overage(), idle.overage as u64, "overage of {}", state.item.id);
        prop_assert_eq!(state.reserved_idle(), idle.of_entries(|_| true) as u64, "idle of {}", state.item.id);
        let mut allocated: BTreeMap<Owner, u64> = BTreeMap::new();
        for owner in &item.units {
            *allocated.entry(*owner).or_default() += 1;
        }
        let found = state.cells.iter().filter(|(_, cell)| cell.allocated > 0);
        let found: BTreeMap<Owner, u64> =
            found.map(|(source, cell)| (owner(source), cell.allocated)).collect();
        prop_assert_eq!(found, allocated, "allocation of {}", state.item.id);
    }
    Ok(())
}

/// Never more out than owned or left over; one grant for each holder and feature; parts and counters agree.
pub(crate) fn sound(estate: &Estate, model: &Model, ceilings: &mut [u64]) -> Result<(), TestCaseError> {
    for (index, item) in model.items.iter().enumerate() {
        let Some(count) = item.plan.count else { continue };
        let state = estate.item(&item_id(index)).expect("every line item is loaded");
        let capacity = u64::from(count) + item.plan.overdraft() as u64;
        let ceiling = capacity.max(ceilings[index]);
        let (out, idle) = (state.out(), state.reserved_idle());
        prop_assert!(out + idle <= ceiling, "{}: {out} out, {idle} idle, {ceiling} at most", state.item.id);
        let available = u64::from(count).saturating_sub(out + idle);
        prop_assert_eq!(state.plain_free(&Source::Default), available, "available of {}", state.item.id);
        ceilings[index] = ceilings[index].min(out);
    }
    let mut seen = BTreeSet::new();
    let mut by_cell: BTreeMap<(&LineItemId, &Source), u64> = BTreeMap::new();
    for grant in estate.grants() {
        prop_assert!(seen.insert((&grant.holder, &grant.feature)), "two grants of one holder and feature");
        prop_assert!(!grant.parts.is_empty() && grant.parts.iter().all(|part| part.count > 0));
        prop_assert_eq!(estate.grant_of(&grant.holder, &grant.feature).map(|found| found.id), Some(grant.id));
        prop_assert!(grant.lease_token.is_some());
        prop_assert_eq!(grant.lease_ttl.is_some(), grant.mode == Mode::Online);
        for part in &grant.parts {
            *by_cell.entry((&part.line_item, &part.source)).or_default() += part.count;
        }
    }
    for state in estate.items().values() {
        let used = state.cells.iter().filter(|(_, cell)| cell.used > 0);
        for (source, Cell { used, .. }) in used {
            prop_assert_eq!(by_cell.remove(&(&state.item.id, source)), Some(*used), "{:?}", source);
        }
    }
    prop_assert!(by_cell.is_empty(), "charged to no cell: {by_cell:?}");
    Ok(())
}

/// What each entry could give its owner now, by line item.
pub(crate) fn kept_for_owners(estate: &Estate, entries: &[Entry]) -> Vec<(Entry, LineItemId, u64)> {
    let free = |entry: &Entry, state: &LineItemState| state.plain_free(&Source::Reservation(entry.id));
    entries
        .iter()
        .flat_map(|entry| {
            let of_entry =
                estate.items_of(&entry.feature).map(move |state| (state.item.id.clone(), free(entry, state)));
            of_entry.map(|(item, free)| (entry.clone(), item, free)).collect::<Vec<_>>()
        })
        .filter(|(_, _, free)| *free > 0)
        .collect()
}

/// Whoever asked took nothing of what is kept for others, unless it drew on its own reservations.
pub(crate) fn nothing_taken_from_others(
    before: &[(Entry, LineItemId, u64)],
    drawn_before: &BTreeMap<LineItemId, u64>,
    estate: &Estate,
    asking: &[HostId],
) -> Result<(), TestCaseError> {
    let drawn = own_drawn(estate, asking);
    for (entry, item, free) in before.iter().filter(|(entry, ..)| !asking.contains(&entry.hostid)) {
        let state = estate.item(item).expect("line items stay");
        let left = state.plain_free(&Source::Reservation(entry.id));
        let own = drawn.get(item) > drawn_before.get(item);
        prop_assert!(own || left >= *free, "{item}: {left} of {free} left of the entry for {}", entry.hostid);
    }
    Ok(())
}

/// Counts out on the reservations of these hostids, by line item.
pub(crate) fn own_drawn(estate: &Estate, asking: &[HostId]) -> BTreeMap<LineItemId, u64> {
    let own: BTreeSet<EntryId> =
        asking.iter().flat_map(|hostid| estate.entries_of(hostid)).map(|entry| entry.id).collect();
    let drawn = |state: &LineItemState| {
        let of_own = |source: &Source| matches!(source, Source::Reservation(id) if own.contains(id));
        state.cells.iter().filter(|(source, _)| of_own(source)).map(|(_, cell)| cell.used).sum()
    };
    estate.items().values().map(|state| (state.item.id.clone(), drawn(state))).collect()
}
