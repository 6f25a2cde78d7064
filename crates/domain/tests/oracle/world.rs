//! The rules' side of a case: an instance kept as a store would keep it, between batches.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::estate::Cause;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::{
    CapabilityRequest, Changes, DesiredFeature, Device, DeviceType, Entry, Estate, FencingToken, Grant,
    GrantId, GrantRef, HostId, IdSource, Leave, LineItem, LineItemId, Mode, Overdraft, Policies, RequestId,
    Source, allocation, decide, release,
};

use crate::fixture::{Ids, in_force, item, version};
use crate::names::{entry_id, feature_name, feature_number, holder, instant, item_id, owner_hostid};
use crate::plan::{
    Ask, BORROW, BORROW_MAX, EntryPlan, IN_FORCE, ItemPlan, LIFETIME, OverdraftPlan, Renew, USER,
};
use crate::verdict::Verdict;

pub(crate) struct World {
    pub(crate) items: BTreeMap<LineItemId, LineItemState>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) grants: BTreeMap<GrantId, Grant>,
    devices: BTreeMap<HostId, Device>,
    /// Counts out by line item, as the activity records add up to.
    pub(crate) by_activity: BTreeMap<LineItemId, i64>,
    pub(crate) ids: Ids,
    pub(crate) now: i64,
    pub(crate) synchronize_before: i64,
}

impl World {
    pub(crate) fn new(items: &[ItemPlan], entries: &[EntryPlan]) -> Self {
        let items = items.iter().enumerate().map(|(index, plan)| line_item(index, plan));
        let items = items.map(|item| (item.id.clone(), LineItemState::new(item))).collect();
        let mut world = Self {
            items,
            entries: entries.iter().enumerate().map(|(age, plan)| reserved(age, *plan)).collect(),
            grants: BTreeMap::new(),
            devices: BTreeMap::new(),
            by_activity: BTreeMap::new(),
            ids: Ids::default(),
            now: 0,
            synchronize_before: IN_FORCE,
        };
        world.allocate();
        world
    }

    /// Divides the counts anew; parts of entries that are gone are charged to the default pool.
    pub(crate) fn allocate(&mut self) {
        allocation::allocate(&mut self.items, &self.entries, instant(self.now));
        for grant in self.grants.values_mut() {
            for mut part in std::mem::take(&mut grant.parts) {
                let gone = |id| !self.entries.iter().any(|entry| entry.id == id);
                if matches!(part.source, Source::Reservation(id) if gone(id)) {
                    part.source = Source::Default;
                }
                grant.add(part);
            }
        }
    }

    /// What a batch reads.
    pub(crate) fn estate(&self) -> Estate {
        let policies = Policies {
            borrow_interval: SignedDuration::from_hours(BORROW),
            borrow_interval_max: Some(SignedDuration::from_hours(BORROW_MAX)),
            response_lifetime: SignedDuration::from_hours(LIFETIME),
            ..Policies::default()
        };
        let (items, grants) = (self.items.values().cloned(), self.grants.values().cloned());
        let devices = self.devices.values().cloned();
        let mut estate =
            in_force(Estate::new(policies, items, self.entries.iter().cloned(), grants, devices));
        let leave = Leave { sequence: 1, synchronize_before: instant(self.synchronize_before) };
        estate.leave = Some(leave);
        estate
    }

    /// Writes what a batch changed.
    pub(crate) fn commit(&mut self, changes: Changes) {
        for (id, _) in changes.ended {
            self.grants.remove(&id);
        }
        for grant in changes.grants {
            self.grants.insert(grant.id, grant);
        }
        for (item, source, cell) in changes.cells {
            let state = self.items.get_mut(&item).expect("only known line items change");
            state.cells.insert(source, cell);
        }
        for device in changes.devices {
            self.devices.insert(device.hostid.clone(), device);
        }
        for (item, delta) in changes.activity.into_iter().flat_map(|activity| activity.deltas) {
            *self.by_activity.entry(item).or_default() += delta;
        }
    }

    pub(crate) fn decide(
        &mut self,
        estate: &mut Estate,
        request: &CapabilityRequest,
    ) -> Result<leasehold_domain::Answer, leasehold_domain::Rejection> {
        decide(estate, request, instant(self.now), &mut self.ids)
    }

    pub(crate) fn release(&mut self, estate: &mut Estate, shown: &GrantRef) -> bool {
        release::release(estate, shown, &Cause::default(), instant(self.now), &mut self.ids).is_ok()
    }

    pub(crate) fn take_back(&mut self, estate: &mut Estate, shown: &GrantRef) -> bool {
        let floor = estate.grant(shown.id).and_then(|grant| grant.floor_deadline).unwrap_or(Timestamp::MIN);
        let found = FoundSilent { grant: shown.id, fencing_token: shown.fencing_token, floor };
        release::take_back(estate, &found, instant(self.now), &mut self.ids)
    }

    /// Ends every part that has run its time.
    pub(crate) fn sweep(&mut self) {
        let mut estate = self.estate();
        for id in self.grants.keys() {
            release::end_overdue(&mut estate, *id, instant(self.now), &mut self.ids);
        }
        self.commit(estate.into_changes());
    }

    /// The request that a plan stands for.
    pub(crate) fn request(&mut self, ask: &Ask, estate: &Estate) -> CapabilityRequest {
        let wanted = ask.wanted.iter().map(|(feature, lowest, count)| DesiredFeature {
            name: feature_name(*feature),
            version: version(&lowest.to_string()),
            count: u64::from(*count),
        });
        let holder = holder(ask.who);
        let held = estate.grants_of(&holder).into_iter().filter_map(|id| estate.grant(id));
        let renews = match ask.renew {
            Renew::Nothing => Vec::new(),
            Renew::Current => held.map(Grant::reference).collect(),
            Renew::Stale => held.map(stale).collect(),
        };
        CapabilityRequest {
            hostids: std::iter::once(ask.who.device).chain(ask.also).map(owner_hostid).collect(),
            user: ask.user.then(|| owner_hostid(USER)),
            place: holder.place.clone(),
            device_type: if ask.is_virtual { DeviceType::Virtual } else { DeviceType::Physical },
            incremental: ask.incremental,
            partial: ask.partial,
            keep_on_refusal: ask.keep,
            mode: if ask.borrow { Mode::Borrow } else { Mode::Online },
            borrow_interval: ask.interval.map(SignedDuration::from_hours),
            preview: ask.preview,
            renews,
            ..CapabilityRequest::new(RequestId(self.ids.uuid()), holder.device, wanted.collect())
        }
    }
}

/// What a caller shows that missed the newest change.
pub(crate) fn stale(grant: &Grant) -> GrantRef {
    let older = FencingToken(grant.fencing_token.0 - 1);
    GrantRef { fencing_token: older, ..grant.reference() }
}

/// An answer in the model's words.
pub(crate) fn verdicts(answer: &leasehold_domain::Answer) -> Vec<Verdict> {
    let verdict = |outcome: &leasehold_domain::capability::FeatureOutcome| Verdict {
        feature: feature_number(&outcome.feature),
        outcome: outcome.outcome,
        count: outcome.count,
        refusal: outcome.refusal.as_ref().map(|refusal| (refusal.reason, refusal.free, refusal.free_for_you)),
    };
    answer.outcomes.iter().map(verdict).collect()
}

pub(crate) fn reserved(age: usize, plan: EntryPlan) -> Entry {
    Entry {
        id: entry_id(age),
        hostid: owner_hostid(plan.owner),
        feature: feature_name(plan.feature),
        version: version(&plan.version.to_string()),
        count: plan.count.into(),
        order: age as u64,
    }
}

fn line_item(index: usize, plan: &ItemPlan) -> LineItem {
    LineItem {
        count: plan.count.map(u64::from),
        overdraft: match plan.overdraft {
            OverdraftPlan::None | OverdraftPlan::Advisory => Overdraft::None,
            OverdraftPlan::Count(count) => Overdraft::Count(count.into()),
            OverdraftPlan::Percent(percent) => Overdraft::Percent(percent.into()),
            OverdraftPlan::Unlimited => Overdraft::Unlimited,
        },
        advisory: matches!(plan.overdraft, OverdraftPlan::Advisory),
        starts_at: plan.starts.map(instant),
        expires_at: plan.expires.map(instant),
        grace_after_expiry: SignedDuration::from_hours(plan.grace),
        borrow_interval: plan.borrow.map(SignedDuration::from_hours),
        allow_virtual: plan.allow_virtual,
        version: version(&plan.version.to_string()),
        ..item(item_id(index).as_str(), feature_name(plan.feature).as_str(), "1", 0)
    }
}
