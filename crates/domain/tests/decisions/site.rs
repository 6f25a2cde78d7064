//! One instance under test, with methods that read like what happens to it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::capability::{FeatureOutcome, Outcome, Reason};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::estate::Cause;
use leasehold_domain::grant::Lost;
use leasehold_domain::holder::Place;
use leasehold_domain::release::FoundSilent;
use leasehold_domain::{
    Answer, CapabilityRequest, Changes, DesiredFeature, Device, Entry, Estate, FencingToken, Grant, GrantId,
    GrantRef, Holder, HostId, IdSource, LineItem, LineItemId, Policies, Rejection, RequestId, Source,
    allocation, decide, release,
};

use crate::fixture::{Ids, at, hostid, in_force, line_item_id, name, version};

/// When every test starts.
pub(crate) const START: &str = "2026-01-01T00:00:00Z";

pub(crate) struct Site {
    pub(crate) estate: Estate,
    pub(crate) now: Timestamp,
    pub(crate) ids: Ids,
    entries: Vec<Entry>,
    devices: BTreeMap<HostId, Device>,
}

impl Site {
    pub(crate) fn of(items: impl IntoIterator<Item = LineItem>) -> Self {
        Self::with(Policies::default(), items, [])
    }

    pub(crate) fn reserving(
        items: impl IntoIterator<Item = LineItem>,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Self {
        Self::with(Policies::default(), items, entries)
    }

    pub(crate) fn with(
        policies: Policies,
        items: impl IntoIterator<Item = LineItem>,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Self {
        let estate = in_force(Estate::new(policies, items.into_iter().map(LineItemState::new), [], [], []));
        let (ids, entries, devices) = (Ids::default(), entries.into_iter().collect(), BTreeMap::new());
        let mut site = Self { estate, now: at(START), ids, entries, devices };
        site.reallocate(|_, _| {});
        site
    }

    pub(crate) fn pass(&mut self, time: SignedDuration) {
        self.now += time;
    }

    /// Changes rights or reservations, then divides the counts anew, as a store would keep it. What was
    /// changed before is returned.
    pub(crate) fn reallocate(
        &mut self,
        change: impl FnOnce(&mut BTreeMap<LineItemId, LineItemState>, &mut Vec<Entry>),
    ) -> Changes {
        let mut items = self.estate.items().clone();
        change(&mut items, &mut self.entries);
        allocation::allocate(&mut items, &self.entries, self.now);
        let mut grants: Vec<Grant> = self.estate.grants().cloned().collect();
        for part in grants.iter_mut().flat_map(|grant| &mut grant.parts) {
            if matches!(part.source, Source::Reservation(id) if self.entries.iter().all(|entry| entry.id != id))
            {
                part.source = Source::Default;
            }
        }
        let before = self.estate.clone().into_changes();
        self.devices.extend(before.devices.iter().map(|device| (device.hostid.clone(), device.clone())));
        let (policies, devices) = (self.estate.policies.clone(), self.devices.values().cloned());
        let items = items.into_values();
        let estate = Estate::new(policies, items, self.entries.iter().cloned(), grants, devices);
        self.estate = in_force(estate);
        before
    }

    pub(crate) fn recount(&mut self, id: &str, count: u64) {
        self.reallocate(|items, _| {
            items.get_mut(&line_item_id(id)).expect("tests name line items they have").item.count =
                Some(count);
        });
    }

    /// A plain request of a device, to fill in from.
    pub(crate) fn request(&mut self, device: &str, wanted: &[(&str, &str, u64)]) -> CapabilityRequest {
        let desired = |&(feature, lowest, count): &(&str, &str, u64)| DesiredFeature {
            name: name(feature),
            version: version(lowest),
            count,
        };
        let id = RequestId(self.ids.uuid());
        CapabilityRequest::new(id, hostid(device), wanted.iter().map(desired).collect())
    }

    pub(crate) fn decide(&mut self, request: &CapabilityRequest) -> Result<Answer, Rejection> {
        decide(&mut self.estate, request, self.now, &mut self.ids)
    }

    /// Asks for one feature with a request filled in by `with`.
    pub(crate) fn ask_with(
        &mut self,
        device: &str,
        (feature, lowest, count): (&str, &str, u64),
        with: impl FnOnce(&mut CapabilityRequest),
    ) -> FeatureOutcome {
        let mut request = self.request(device, &[(feature, lowest, count)]);
        with(&mut request);
        let answer = self.decide(&request).expect("the request is well formed");
        answer.outcomes.into_iter().next().expect("one feature was asked for")
    }

    pub(crate) fn ask(&mut self, device: &str, feature: &str, count: u64) -> FeatureOutcome {
        self.ask_with(device, (feature, "1.0", count), |_| {})
    }

    /// Asks and expects all of it.
    pub(crate) fn grant(&mut self, device: &str, feature: &str, count: u64) -> Grant {
        let outcome = self.ask(device, feature, count);
        assert_eq!(outcome.outcome, Outcome::Granted, "{:?}", outcome.refusal);
        outcome.grant.expect("what is granted is shown")
    }

    /// What the device as a whole holds of a feature.
    pub(crate) fn held(&self, device: &str, feature: &str) -> Option<&Grant> {
        self.estate.grant_of(&Holder { device: hostid(device), place: Place::Device }, &name(feature))
    }

    pub(crate) fn item(&self, id: &str) -> &LineItemState {
        self.estate.item(&line_item_id(id)).expect("tests name line items they have")
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = &LineItemState> {
        self.estate.items().values()
    }

    pub(crate) fn release(&mut self, shown: &GrantRef) -> Result<(), Lost> {
        release::release(&mut self.estate, shown, &Cause::default(), self.now, &mut self.ids)
    }

    pub(crate) fn take_back(&mut self, id: GrantId, found: FencingToken) -> bool {
        let floor = self.estate.grant(id).and_then(|grant| grant.floor_deadline).unwrap_or(Timestamp::MIN);
        self.take_back_found(&FoundSilent { grant: id, fencing_token: found, floor })
    }

    /// Takes a grant back that was found like this.
    pub(crate) fn take_back_found(&mut self, found: &FoundSilent) -> bool {
        release::take_back(&mut self.estate, found, self.now, &mut self.ids)
    }

    pub(crate) fn end_overdue(&mut self, id: GrantId) -> bool {
        release::end_overdue(&mut self.estate, id, self.now, &mut self.ids)
    }
}

/// Line item, count and whether a reservation pays, part by part.
pub(crate) fn parts(grant: &Grant) -> Vec<(&str, u64, bool)> {
    let reserved = |source: &Source| matches!(source, Source::Reservation(_));
    grant.parts.iter().map(|part| (part.line_item.as_str(), part.count, reserved(&part.source))).collect()
}

pub(crate) fn reason(outcome: &FeatureOutcome) -> Option<Reason> {
    outcome.refusal.as_ref().map(|refusal| refusal.reason)
}

pub(crate) fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}
