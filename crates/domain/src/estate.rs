//! The estate: what a batch of decisions reads, and the changes that they make to it.
//!
//! Responsible for keeping counters, grants and activity records in step: counts move only through
//! [`Estate::charge`] and its reverse. Not responsible for deciding; that is `decision` and `release`.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};

use crate::activity::{Activity, ActivityKind};
use crate::cell::{Cell, LineItemState, Source};
use crate::grant::{Grant, Lost, Part};
use crate::holder::{Device, Holder};
use crate::hostid::HostId;
use crate::ids::{GrantId, IdSource, LineItemId, RequestId};
use crate::leave::{Leave, Unsynchronized};
use crate::policy::Policies;
use crate::reservation::Entry;
use crate::text::FeatureName;

/// What a batch reads: the line items of every feature that it touches, whole; the reservations of every
/// hostid that asks; every grant of every holder that asks.
///
/// Its maps hash fast rather than safely: they hold what one batch touches, which is bounded, so that hostids chosen to
/// collide cost a batch some time and nothing grows by them.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    /// The instance's settings.
    pub policies: Policies,
    /// How far the clock that decides has stepped ahead lately. Periods end so much later, so that a step alone
    /// ends none.
    pub clock_ahead: SignedDuration,
    /// Started from a backup and not confirmed since: what the backup does not know of may be out.
    pub restored: bool,
    /// An administrator suspended the instance, with this text for clients.
    pub suspended: Option<String>,
    /// The vendor's leave to grant; `None` where there has never been one.
    pub leave: Option<Leave>,
    /// Whether there is a certified key to sign answers of this time with.
    pub certified: bool,
    items: BTreeMap<LineItemId, LineItemState>,
    by_feature: HashMap<FeatureName, Vec<LineItemId>>,
    entries: HashMap<HostId, Vec<Entry>>,
    grants: HashMap<GrantId, Grant>,
    by_holder: HashMap<Holder, BTreeMap<FeatureName, GrantId>>,
    devices: HashMap<HostId, Device>,
    touched: Touched,
}

#[derive(Clone, Debug, Default)]
struct Touched {
    cells: BTreeSet<(LineItemId, Source)>,
    grants: BTreeSet<GrantId>,
    devices: BTreeSet<HostId>,
    ended: BTreeMap<GrantId, Lost>,
    activity: Vec<Activity>,
}

/// What a batch of decisions changed; written in one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Devices seen for the first time or again, as they stand now.
    pub devices: Vec<Device>,
    /// Grants that ended, with the reason for their holders. Written before `grants`.
    pub ended: Vec<(GrantId, Lost)>,
    /// Grants made or changed, as they stand now.
    pub grants: Vec<Grant>,
    /// Cells changed, with their new values.
    pub cells: Vec<(LineItemId, Source, Cell)>,
    /// One record for every change, in order.
    pub activity: Vec<Activity>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Who made a change and why, for its activity record.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// The request, where there is one.
    pub request: Option<RequestId>,
    /// `client`, `server`, or an administrator's name.
    pub actor: String,
    /// Why, or the refusal's reason.
    pub detail: String,
}

impl Cause {
    /// A change by this actor, without more to say of it.
    pub fn by(actor: &str) -> Self {
        Self { actor: actor.to_owned(), ..Self::default() }
    }
}

impl Estate {
    /// The time by which periods end, where it is `now` by the clock that decides.
    pub fn ending_time(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.clock_ahead).unwrap_or(now)
    }

    /// Why nothing may be granted at `now`, if that is so.
    pub fn unsynchronized(&self, now: Timestamp) -> Option<Unsynchronized> {
        Unsynchronized::of(self.leave, self.certified, now)
    }

    /// An estate of these parts, without leave. Every grant's line items must be among `items`.
    pub fn new(
        policies: Policies,
        items: impl IntoIterator<Item = LineItemState>,
        entries: impl IntoIterator<Item = Entry>,
        grants: impl IntoIterator<Item = Grant>,
        devices: impl IntoIterator<Item = Device>,
    ) -> Self {
        let mut estate = Self { policies, ..Self::default() };
        for state in items {
            estate.by_feature.entry(state.item.feature.clone()).or_default().push(state.item.id.clone());
            estate.items.insert(state.item.id.clone(), state);
        }
        for entry in entries {
            estate.entries.entry(entry.hostid.clone()).or_default().push(entry);
        }
        for owned in estate.entries.values_mut() {
            owned.sort_by_key(|entry| (entry.order, entry.id));
        }
        for grant in grants {
            estate.index(grant);
        }
        estate.devices = devices.into_iter().map(|device| (device.hostid.clone(), device)).collect();
        estate
    }

    /// Makes room for what so many requests may add, which is cheaper at once than bit by bit.
    pub fn reserve(&mut self, requests: usize) {
        self.grants.reserve(requests);
        self.by_holder.reserve(requests);
        self.devices.reserve(requests);
        self.touched.activity.reserve(requests);
    }

    /// A line item with its cells.
    pub fn item(&self, id: &LineItemId) -> Option<&LineItemState> {
        self.items.get(id)
    }

    /// Every line item, by id.
    pub fn items(&self) -> &BTreeMap<LineItemId, LineItemState> {
        &self.items
    }

    /// The line items of a feature, of all versions.
    pub fn items_of(&self, feature: &FeatureName) -> impl Iterator<Item = &LineItemState> {
        self.by_feature.get(feature).into_iter().flatten().filter_map(|id| self.items.get(id))
    }

    /// The reservation entries of a hostid, oldest first.
    pub fn entries_of(&self, hostid: &HostId) -> &[Entry] {
        self.entries.get(hostid).map_or(&[], Vec::as_slice)
    }

    /// A grant.
    pub fn grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.get(&id)
    }

    /// Every grant, in no order.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.values()
    }

    /// What a holder holds of a feature.
    pub fn grant_of(&self, holder: &Holder, feature: &FeatureName) -> Option<&Grant> {
        self.grants.get(self.by_holder.get(holder)?.get(feature)?)
    }

    /// The grants of a holder, by feature name.
    pub fn grants_of(&self, holder: &Holder) -> Vec<GrantId> {
        self.by_holder.get(holder).map(|grants| grants.values().copied().collect()).unwrap_or_default()
    }

    /// A device that has asked before.
    pub fn device(&self, hostid: &HostId) -> Option<&Device> {
        self.devices.get(hostid)
    }

    /// Puts a device as it stands now.
    pub fn put_device(&mut self, device: Device) {
        self.touched.devices.insert(device.hostid.clone());
        self.devices.insert(device.hostid.clone(), device);
    }

    /// Counts parts out.
    pub fn charge(&mut self, parts: &[Part]) {
        for part in parts {
            self.cell_mut(part).used += part.count;
        }
    }

    /// Counts parts back in.
    pub fn discharge(&mut self, parts: &[Part]) {
        for part in parts {
            let cell = self.cell_mut(part);
            cell.used = cell.used.checked_sub(part.count).expect("a part was charged to its cell before");
        }
    }

    /// Puts a grant as it stands now; its parts must have been charged already.
    pub fn put_grant(&mut self, grant: Grant) {
        self.touched.grants.insert(grant.id);
        self.index(grant);
    }

    /// Takes a grant away; its parts must have been discharged already.
    pub fn remove_grant(&mut self, id: GrantId, lost: Lost) {
        if let Some(grant) = self.grants.remove(&id) {
            if let Some(held) = self.by_holder.get_mut(&grant.holder) {
                held.remove(&grant.feature);
            }
            self.touched.grants.remove(&id);
            self.touched.ended.insert(id, lost);
        }
    }

    /// Records what happened to a grant: the counts it had and the counts it has.
    #[expect(clippy::too_many_arguments, reason = "a record has that many facts")]
    pub fn record(
        &mut self,
        kind: ActivityKind,
        grant: &Grant,
        before: &[Part],
        after: &[Part],
        cause: &Cause,
        now: Timestamp,
        ids: &mut dyn IdSource,
    ) {
        self.touched.activity.push(Activity {
            id: ids.uuid(),
            at: now,
            kind,
            hostid: Some(grant.holder.device.clone()),
            place: grant.holder.place.to_string(),
            feature: grant.feature.to_string(),
            grant: Some(grant.id),
            deltas: deltas(before, after),
            detail: cause.detail.clone(),
            request: cause.request,
            actor: cause.actor.clone(),
        });
    }

    /// Adds a record of something that changed no counts.
    pub fn record_other(&mut self, activity: Activity) {
        self.touched.activity.push(activity);
    }

    /// What was changed since the estate was made.
    pub fn into_changes(mut self) -> Changes {
        let cells = std::mem::take(&mut self.touched.cells);
        Changes {
            devices: self.touched.devices.iter().filter_map(|hostid| self.devices.remove(hostid)).collect(),
            ended: self.touched.ended.into_iter().collect(),
            grants: self.touched.grants.iter().filter_map(|id| self.grants.remove(id)).collect(),
            cells: cells
                .into_iter()
                .filter_map(|(item, source)| {
                    let cell = self.items.get(&item)?.cell(&source);
                    Some((item, source, cell))
                })
                .collect(),
            activity: self.touched.activity,
        }
    }

    fn index(&mut self, grant: Grant) {
        self.by_holder.entry(grant.holder.clone()).or_default().insert(grant.feature.clone(), grant.id);
        self.grants.insert(grant.id, grant);
    }

    fn cell_mut(&mut self, part: &Part) -> &mut Cell {
        self.touched.cells.insert((part.line_item.clone(), part.source.clone()));
        let state = self.items.get_mut(&part.line_item).expect("the line items of every part are loaded");
        state.cells.entry(part.source.clone()).or_default()
    }
}

fn deltas(before: &[Part], after: &[Part]) -> BTreeMap<LineItemId, i64> {
    let mut deltas: BTreeMap<LineItemId, i64> = BTreeMap::new();
    for (parts, sign) in [(before, -1), (after, 1)] {
        for part in parts {
            let count = i64::try_from(part.count).expect("counts are at most 10^9");
            *deltas.entry(part.line_item.clone()).or_default() += sign * count;
        }
    }
    deltas.retain(|_, delta| *delta != 0);
    deltas
}
