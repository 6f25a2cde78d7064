//! One change of line items or reservations: load all, change, divide the counts anew, save.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use leasehold_domain::allocation::allocate;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::{ActivityKind, Changes, Entry, EntryId, Group, GroupId, InstanceId, LineItemId};
use leasehold_store::LicensingBatch;
use leasehold_store::licensing::{Bundle, Rights, RightsChange, Standing};

use super::record::record;
use crate::Error;
use crate::deciding_clock::Moment;
use crate::state::State;

/// A change under way, in a transaction of its own. Dropped, it leaves nothing behind.
pub(crate) struct RightsEdit {
    batch: Box<dyn LicensingBatch>,
    instance: InstanceId,
    before: Rights,
    moment: Moment,
    pub(crate) now: Timestamp,
    pub(crate) items: BTreeMap<LineItemId, LineItemState>,
    pub(crate) groups: Vec<Group>,
    /// The bundle that the change puts in force.
    pub(crate) bundle: Option<Bundle>,
}

impl RightsEdit {
    pub(crate) async fn begin(state: &State, instance: InstanceId) -> Result<Self, Error> {
        let mut batch = state.store.begin(instance).await?;
        let sent = state.own_clock.monotonic();
        let moment = state.clock(instance).of_batch(&mut *batch, sent).await?;
        let before = batch.load_rights().await?;
        let items = before.items.iter().map(|item| (item.item.id.clone(), item.clone())).collect();
        let groups = before.groups.clone();
        Ok(Self { batch, instance, before, now: moment.now, moment, items, groups, bundle: None })
    }

    /// How the instance stands, which nobody else changes meanwhile.
    pub(crate) async fn standing(&mut self) -> Result<Standing, Error> {
        Ok(self.batch.standing().await?)
    }

    /// The order of the next entry that is made.
    pub(crate) fn next_order(&self) -> u64 {
        entries(&self.groups).iter().map(|entry| entry.order + 1).max().unwrap_or(0)
    }

    /// Divides the counts anew, as line items and groups stand now.
    pub(crate) fn allocate(&mut self) {
        allocate(&mut self.items, &entries(&self.groups), self.now);
    }

    /// Whether anything differs from what was loaded.
    pub(crate) fn is_changed(&self) -> bool {
        self.before.groups != self.groups || !self.before.items.iter().eq(self.items.values())
    }

    /// Writes what differs from what was loaded, with one activity record that says what and who.
    pub(crate) async fn save(
        mut self,
        state: &State,
        kind: ActivityKind,
        detail: &str,
        actor: &str,
    ) -> Result<(), Error> {
        let mut change = self.difference();
        change.activity.push(record(state, self.now, kind, detail, actor));
        self.batch.save_rights(&change).await?;
        if let Some(bundle) = &self.bundle {
            self.batch.set_bundle(bundle).await?;
        }
        self.batch.commit(&Changes::default(), &[], self.now).await?;
        state.clock(self.instance).committed(self.moment);
        Ok(())
    }

    fn difference(&self) -> RightsChange {
        let old_items: BTreeMap<&LineItemId, &LineItemState> =
            self.before.items.iter().map(|item| (&item.item.id, item)).collect();
        let old_groups: BTreeMap<GroupId, &Group> =
            self.before.groups.iter().map(|group| (group.id, group)).collect();
        let standing: BTreeSet<EntryId> = entries(&self.groups).iter().map(|entry| entry.id).collect();
        let groups: BTreeSet<GroupId> = self.groups.iter().map(|group| group.id).collect();
        let changed_item = |item: &&LineItemState| old_items.get(&item.item.id) != Some(item);
        let changed_group = |group: &&Group| old_groups.get(&group.id) != Some(group);
        RightsChange {
            items: self.items.values().filter(changed_item).cloned().collect(),
            removed_items: old_items
                .into_keys()
                .filter(|id| !self.items.contains_key(*id))
                .cloned()
                .collect(),
            groups: self.groups.iter().filter(changed_group).cloned().collect(),
            removed_groups: old_groups.keys().filter(|id| !groups.contains(id)).copied().collect(),
            gone_entries: entries(&self.before.groups)
                .iter()
                .map(|entry| entry.id)
                .filter(|id| !standing.contains(id))
                .collect(),
            activity: Vec::new(),
        }
    }
}

/// Every entry of these groups.
pub(crate) fn entries(groups: &[Group]) -> Vec<Entry> {
    groups.iter().flat_map(|group| &group.reservations).flat_map(|r| r.entries.clone()).collect()
}
