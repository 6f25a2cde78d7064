//! Drawing counts: which line items serve a feature, in which order, out of which sources.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::Deciding;
use crate::capability::ExplainStep;
use crate::cell::{LineItemState, Source};
use crate::grant::{Mode, Part};
use crate::holder::DeviceType;
use crate::hostid::HostId;
use crate::ids::LineItemId;
use crate::interval::{BorrowLimits, clamped, rounded_end};
use crate::line_item::{Kind, LineItem, Serving};
use crate::reservation::Entry;
use crate::text::FeatureName;
use crate::version::Version;

/// A line item that serves the request, with the end that a part of it gets.
pub(super) struct Candidate {
    pub(super) id: LineItemId,
    ends_at: Timestamp,
}

/// Why a line item is passed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Passed {
    Version,
    NotStarted,
    Expired,
    Virtual,
    Selectors,
}

impl Passed {
    fn note(self) -> &'static str {
        match self {
            Self::Version => "passed over: its version is too low",
            Self::NotStarted => "passed over: it has not started",
            Self::Expired => "passed over: it has expired",
            Self::Virtual => "passed over: it forbids virtual devices",
            Self::Selectors => "passed over: its selectors differ",
        }
    }
}

impl<'a> Deciding<'a> {
    /// Takes up to `wanted` counts of a feature and charges them: the device's reservations, then the
    /// user's, then the default pool; within one source plain counts before overdraft.
    pub(super) fn draw(&mut self, feature: &FeatureName, version: &Version, wanted: u64) -> Vec<Part> {
        let candidates = self.candidates(feature, version);
        let mut parts = Vec::new();
        let mut missing = wanted;
        for hostid in self.reserving_hostids() {
            for entry in self.entries(hostid, feature) {
                missing -= self.draw_entry(&entry, &candidates, missing, &mut parts);
            }
        }
        for candidate in &candidates {
            let free = self.estate.item(&candidate.id).map_or(0, |state| state.plain_free(&Source::Default));
            missing -= self.take(candidate, &Source::Default, free, missing, &mut parts);
        }
        for candidate in &candidates {
            let free = self.estate.item(&candidate.id).map_or(0, LineItemState::overdraft_free);
            missing -= self.take(candidate, &Source::Default, free, missing, &mut parts);
        }
        parts
    }

    /// Takes up to `missing` counts of one entry, never more than the entry keeps in all.
    pub(super) fn draw_entry(
        &mut self,
        entry: &Entry,
        candidates: &[Candidate],
        missing: u64,
        parts: &mut Vec<Part>,
    ) -> u64 {
        let source = Source::Reservation(entry.id);
        let used: u64 = self.estate.items_of(&entry.feature).map(|state| state.cell(&source).used).sum();
        let wanted = missing.min(entry.count.saturating_sub(used));
        let mut taken = 0;
        for candidate in candidates {
            let free = self.estate.item(&candidate.id).map_or(0, |state| state.plain_free(&source));
            taken += self.take(candidate, &source, free, wanted - taken, parts);
        }
        taken
    }

    fn take(
        &mut self,
        candidate: &Candidate,
        source: &Source,
        free: u64,
        missing: u64,
        parts: &mut Vec<Part>,
    ) -> u64 {
        let count = free.min(missing);
        if self.request.explain
            && let Some(state) = self.estate.item(&candidate.id)
            && (free > 0 || state.cells.contains_key(source))
        {
            let note = if count == 0 { "nothing taken" } else { "taken" };
            let feature = state.item.feature.clone();
            self.explain(&feature, Some(source.clone()), Some(candidate.id.clone()), count, free, note);
        }
        if count > 0 {
            let line_item = candidate.id.clone();
            let part = Part { line_item, source: source.clone(), count, ends_at: candidate.ends_at };
            self.estate.charge(std::slice::from_ref(&part));
            parts.push(part);
        }
        count
    }

    /// The line items that serve, best first: lowest sufficient version; the earliest end that still
    /// covers the wanted interval, else the latest; line item id.
    pub(super) fn candidates(&mut self, feature: &FeatureName, version: &Version) -> Vec<Candidate> {
        let mut serving = Vec::new();
        let mut passed = Vec::new();
        for state in self.estate.items_of(feature).filter(|state| state.item.kind == Kind::Concurrent) {
            let LineItem { id, version: owned, .. } = &state.item;
            match self.passes_over(&state.item, version) {
                Some(why) => passed.push((id, why)),
                None => {
                    let wanted = self.wanted_end(&state.item);
                    let until = state.item.serves_until();
                    let covers = until.is_none_or(|until| until >= wanted);
                    let last = until.unwrap_or(Timestamp::MAX);
                    let by_end =
                        if covers { (0, last, Reverse(last)) } else { (1, Timestamp::MIN, Reverse(last)) };
                    serving.push(((owned, by_end, id), clamped(wanted, until)));
                }
            }
        }
        serving.sort_unstable();
        let candidate =
            |((_, _, id), ends_at): ((_, _, &LineItemId), _)| Candidate { id: id.clone(), ends_at };
        let candidates = serving.into_iter().map(candidate).collect();
        if self.request.explain {
            let passed: Vec<_> = passed.into_iter().map(|(id, why)| (id.clone(), why)).collect();
            for (id, why) in passed {
                self.explain(feature, None, Some(id), 0, 0, why.note());
            }
        }
        candidates
    }

    /// Why a concurrent line item cannot serve the request; the checks are in the order of the reasons.
    pub(super) fn passes_over(&self, item: &LineItem, version: &Version) -> Option<Passed> {
        if item.version < *version {
            return Some(Passed::Version);
        }
        match item.serving(self.now) {
            Serving::NotStarted => return Some(Passed::NotStarted),
            Serving::Expired => return Some(Passed::Expired),
            Serving::Yes | Serving::InGrace => {}
        }
        let virtual_device = self.request.device_type == DeviceType::Virtual;
        if virtual_device && !(item.allow_virtual && self.estate.policies.allow_virtual_clients) {
            return Some(Passed::Virtual);
        }
        let selected =
            self.request.selectors.iter().all(|(key, value)| item.selectors.get(key) == Some(value));
        (!selected).then_some(Passed::Selectors)
    }

    /// The end that the request wants of a line item, before its expiry is considered.
    fn wanted_end(&self, item: &LineItem) -> Timestamp {
        let policies = &self.estate.policies;
        if self.request.mode == Mode::Online {
            return self.now.checked_add(policies.response_lifetime).unwrap_or(Timestamp::MAX);
        }
        let limits = BorrowLimits {
            line_item: item.borrow_interval,
            instance: Some(policies.borrow_interval),
            request: self.request.borrow_interval,
            admin_max: policies.borrow_interval_max,
        };
        let interval = limits.effective().unwrap_or(policies.borrow_interval);
        let granularity = self.request.borrow_granularity.unwrap_or(policies.borrow_granularity);
        rounded_end(self.now, interval, granularity, &policies.time_zone)
    }

    /// Whose reservations the request may draw on: its device's hostids in order, then the user.
    pub(super) fn reserving_hostids(&self) -> impl Iterator<Item = &'a HostId> + use<'a> {
        self.request.hostids.iter().chain(&self.request.user)
    }

    pub(super) fn has_reservation(&self, feature: &FeatureName) -> bool {
        self.reserving_hostids().any(|hostid| !self.entries(hostid, feature).is_empty())
    }

    fn entries(&self, hostid: &HostId, feature: &FeatureName) -> Vec<Entry> {
        self.estate.entries_of(hostid).iter().filter(|entry| entry.feature == *feature).cloned().collect()
    }

    pub(super) fn explain(
        &mut self,
        feature: &FeatureName,
        source: Option<Source>,
        line_item: Option<LineItemId>,
        taken: u64,
        free: u64,
        note: &str,
    ) {
        let (feature, note) = (feature.clone(), note.to_owned());
        self.trail.push(ExplainStep { feature, source, line_item, taken, free, note });
    }
}
