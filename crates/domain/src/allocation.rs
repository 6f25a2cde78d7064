//! Allocation: how the counts of line items are divided into cells.
//!
//! Recomputed when line items, reservations or pools change and when a line item starts or ends.
//! Counts that are out stay charged to their cell; a cell whose reservation is gone and which has
//! counts out is folded into the default pool. Reference: licensing, "Reservations".

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cell::{LineItemState, Source};
use crate::ids::{EntryId, LineItemId};
use crate::line_item::{LineItem, Serving};
use crate::reservation::Entry;

/// Divides every line item anew: reservations first, oldest entry first, by version then line item id;
/// the rest is the default pool. Counts out are not moved, except those of entries that are gone.
///
/// Line items that have not started or have expired keep everything in the default pool.
pub fn allocate(items: &mut BTreeMap<LineItemId, LineItemState>, entries: &[Entry], now: Timestamp) {
    let standing: BTreeSet<EntryId> = entries.iter().map(|entry| entry.id).collect();
    for state in items.values_mut() {
        fold_gone_reservations(state, &standing);
        for cell in state.cells.values_mut() {
            cell.allocated = 0;
        }
        state.cells.entry(Source::Default).or_default().allocated = state.item.count.unwrap_or(0);
    }
    let mut oldest_first: Vec<&Entry> = entries.iter().collect();
    oldest_first.sort_by_key(|entry| (entry.order, entry.id));
    for entry in oldest_first {
        fill(entry, items, now);
    }
    for state in items.values_mut() {
        state.cells.retain(|source, cell| *source == Source::Default || cell.allocated > 0 || cell.used > 0);
    }
}

fn fill(entry: &Entry, items: &mut BTreeMap<LineItemId, LineItemState>, now: Timestamp) {
    let mut fitting: Vec<&mut LineItemState> =
        items.values_mut().filter(|state| can_fill(&state.item, entry, now)).collect();
    fitting.sort_by(|a, b| (&a.item.version, &a.item.id).cmp(&(&b.item.version, &b.item.id)));
    let mut missing = entry.count;
    for state in fitting {
        let rest = &mut state.cells.entry(Source::Default).or_default().allocated;
        let taken = missing.min(*rest);
        if taken > 0 {
            *rest -= taken;
            missing -= taken;
            state.cells.entry(Source::Reservation(entry.id)).or_default().allocated += taken;
        }
    }
}

fn can_fill(item: &LineItem, entry: &Entry, now: Timestamp) -> bool {
    item.fills_cells()
        && item.feature == entry.feature
        && item.version >= entry.version
        && matches!(item.serving(now), Serving::Yes | Serving::InGrace)
}

fn fold_gone_reservations(state: &mut LineItemState, standing: &BTreeSet<EntryId>) {
    let gone: Vec<Source> = state.cells.keys().filter(|source| is_gone(source, standing)).cloned().collect();
    for source in gone {
        let used = state.cells.remove(&source).map_or(0, |cell| cell.used);
        state.cells.entry(Source::Default).or_default().used += used;
    }
}

fn is_gone(source: &Source, standing: &BTreeSet<EntryId>) -> bool {
    matches!(source, Source::Reservation(id) if !standing.contains(id))
}

/// The next moment after `now` at which a line item starts, expires or ends its grace.
pub fn next_boundary<'a>(items: impl IntoIterator<Item = &'a LineItem>, now: Timestamp) -> Option<Timestamp> {
    items
        .into_iter()
        .flat_map(|item| [item.starts_at, item.expires_at, item.serves_until()])
        .flatten()
        .filter(|at| *at > now)
        .min()
}
