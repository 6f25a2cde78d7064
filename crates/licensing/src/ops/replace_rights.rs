//! Puts a whole set of line items and reservations in force, as development's plain file gives them.
//!
//! Doing it again with the same set changes nothing. A line item that the set no longer has is lowered to
//! 0, and goes once nothing of it is out; nobody is cut off.

use std::collections::BTreeMap;

use leasehold_domain::cell::LineItemState;
use leasehold_domain::reservation::{check_satisfied, check_unique};
use leasehold_domain::{
    ActivityKind, Entry, EntryId, FeatureName, Group, GroupId, HostId, IdSource, LineItem, LineItemId,
    Reservation, Version,
};
use leasehold_runtime::ApiError;

use super::rights_edit::RightsEdit;
use crate::Error;
use crate::state::{Licensing, State};

/// Line items and reservations as they should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedRights {
    /// The line items, ids unique.
    pub items: Vec<LineItem>,
    /// The reservation groups, names unique.
    pub groups: Vec<WantedGroup>,
}

/// A reservation group as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedGroup {
    /// Unique.
    pub name: String,
    /// One a hostid.
    pub reservations: Vec<WantedReservation>,
}

/// A reservation as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedReservation {
    /// Device or user.
    pub hostid: HostId,
    /// What is kept, oldest first.
    pub entries: Vec<WantedEntry>,
}

/// A reservation entry as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedEntry {
    /// The feature.
    pub feature: FeatureName,
    /// The lowest version that it is filled from.
    pub version: Version,
    /// Counts.
    pub count: u64,
}

impl Licensing {
    /// Puts line items and reservations in force and says what changed, one line each; nothing where
    /// they are in force already. `instance` as in a request: empty means the default one.
    pub async fn replace_rights(
        &self,
        instance: &str,
        wanted: WantedRights,
    ) -> Result<Vec<String>, ApiError> {
        replace(&self.0, instance, wanted).await.map_err(ApiError::from)
    }
}

async fn replace(licensing: &State, instance: &str, wanted: WantedRights) -> Result<Vec<String>, Error> {
    let instance = licensing.instance(instance)?.id;
    let mut edit = RightsEdit::begin(licensing, instance).await?;
    let mut changes = replace_items(&mut edit.items, wanted.items);
    let order = edit.next_order();
    let groups = {
        let mut ids = licensing.ids();
        let mut merge = Merge { old: &edit.groups, ids: &mut *ids, order };
        wanted.groups.into_iter().map(|group| merge.group(group)).collect::<Vec<_>>()
    };
    changes.extend(group_changes(&edit.groups, &groups));
    edit.groups = groups;
    edit.groups.sort_by(|a, b| a.name.cmp(&b.name));
    for group in &edit.groups {
        check_unique(group, &edit.groups)?;
    }
    edit.allocate();
    for group in &edit.groups {
        check_satisfied(group, &edit.items)?;
    }
    if edit.is_changed() {
        edit.save(licensing, ActivityKind::RightsChanged, &summary(&changes), "server").await?;
    }
    Ok(changes)
}

fn replace_items(items: &mut BTreeMap<LineItemId, LineItemState>, wanted: Vec<LineItem>) -> Vec<String> {
    let mut changes = Vec::new();
    let mut wanted: BTreeMap<LineItemId, LineItem> =
        wanted.into_iter().map(|item| (item.id.clone(), item)).collect();
    items.retain(|id, state| match wanted.remove(id) {
        Some(item) => {
            if state.item != item {
                changes.push(format!("line item {id} changed"));
                state.item = item;
            }
            true
        }
        None if state.out() == 0 => {
            changes.push(format!("line item {id} removed"));
            false
        }
        None => {
            if state.item.count != Some(0) {
                changes.push(format!("line item {id} lowered to 0, {} still out", state.out()));
                state.item.count = Some(0);
                state.item.overdraft = leasehold_domain::Overdraft::None;
            }
            true
        }
    });
    for (id, item) in wanted {
        changes.push(format!("line item {id} added"));
        items.insert(id, LineItemState::new(item));
    }
    changes
}

fn group_changes(old: &[Group], new: &[Group]) -> Vec<String> {
    let removed = old.iter().filter(|group| !new.iter().any(|other| other.id == group.id));
    let removed = removed.map(|group| format!("reservation group {:?} removed", group.name));
    let put = new.iter().filter_map(|group| match old.iter().find(|other| other.id == group.id) {
        None => Some(format!("reservation group {:?} added", group.name)),
        Some(before) if before.reservations != group.reservations => {
            Some(format!("reservation group {:?} changed", group.name))
        }
        Some(_) => None,
    });
    removed.chain(put).collect()
}

fn summary(changes: &[String]) -> String {
    match changes {
        [] => "counts divided anew".to_owned(),
        changes => changes.join("; ").chars().take(1_000).collect(),
    }
}

/// Gives wanted groups the ids of those that stand, so that counts out stay charged to their entries.
struct Merge<'a> {
    old: &'a [Group],
    ids: &'a mut dyn IdSource,
    order: u64,
}

impl Merge<'_> {
    fn group(&mut self, wanted: WantedGroup) -> Group {
        let old = self.old.iter().find(|group| group.name == wanted.name);
        let reservations: Vec<Reservation> =
            wanted.reservations.into_iter().map(|reservation| self.reservation(old, reservation)).collect();
        match old {
            Some(old) => {
                let changed = old.reservations != reservations;
                Group {
                    id: old.id,
                    name: wanted.name,
                    revision: old.revision + u64::from(changed),
                    reservations,
                }
            }
            None => Group { id: GroupId(self.ids.uuid()), name: wanted.name, revision: 1, reservations },
        }
    }

    fn reservation(&mut self, old: Option<&Group>, wanted: WantedReservation) -> Reservation {
        let standing = old.and_then(|group| group.reservations.iter().find(|r| r.hostid == wanted.hostid));
        let mut standing: Vec<&Entry> = standing.into_iter().flat_map(|r| &r.entries).collect();
        let hostid = wanted.hostid;
        let entries = wanted
            .entries
            .into_iter()
            .map(|entry| {
                let same = |old: &&Entry| old.feature == entry.feature && old.version == entry.version;
                let kept = standing.iter().position(same).map(|index| standing.remove(index));
                let (id, order) = kept.map_or_else(|| self.fresh(), |old| (old.id, old.order));
                let WantedEntry { feature, version, count } = entry;
                Entry { id, hostid: hostid.clone(), feature, version, count, order }
            })
            .collect();
        Reservation { hostid, entries }
    }

    fn fresh(&mut self) -> (EntryId, u64) {
        self.order += 1;
        (EntryId(self.ids.uuid()), self.order - 1)
    }
}
