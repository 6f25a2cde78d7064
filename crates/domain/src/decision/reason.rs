//! Why a feature was not granted in full: the first reason that applies, with its numbers.

use std::collections::BTreeSet;

use super::Deciding;
use super::draw::Passed;
use crate::capability::{DesiredFeature, Reason, Refusal};
use crate::cell::LineItemState;
use crate::ids::EntryId;
use crate::line_item::Kind;

impl Deciding<'_> {
    /// The refusal of a feature of which `given` counts were drawn and are still charged.
    pub(super) fn refusal(&mut self, desired: &DesiredFeature, given: u64) -> Refusal {
        let own: BTreeSet<EntryId> = self
            .reserving_hostids()
            .flat_map(|hostid| self.estate.entries_of(hostid))
            .map(|entry| entry.id)
            .collect();
        let (mut left, mut idle_of_others, mut owned, mut serving) = (0, 0, 0, 0);
        for state in self.serving(desired) {
            left += state.free();
            owned += state.capacity();
            serving += 1;
            idle_of_others += state.idle_of(|entry| !own.contains(&entry));
        }
        let reason = self.unserved(desired).unwrap_or(if given + idle_of_others >= desired.count {
            Reason::ReservedForOthers
        } else {
            Reason::InsufficientCount
        });
        let free = given + left;
        let message = match reason {
            Reason::InsufficientCount if serving == 0 => selectors_message(desired),
            Reason::InsufficientCount if desired.count > owned => too_many_message(desired, owned),
            reason => message(reason, desired, free, given),
        };
        if self.request.explain {
            self.explain(&desired.name, None, None, given, free, &format!("{}: {message}", reason.name()));
        }
        Refusal { reason, asked: desired.count, free, free_for_you: given, message }
    }

    /// The reason why no line item serves at all, if none does.
    fn unserved(&self, desired: &DesiredFeature) -> Option<Reason> {
        let items: Vec<_> =
            self.estate.items_of(&desired.name).filter(|state| state.item.kind == Kind::Concurrent).collect();
        if items.is_empty() {
            return Some(Reason::UnknownFeature);
        }
        let mut remaining: Vec<_> =
            items.iter().map(|state| self.passes_over(&state.item, &desired.version)).collect();
        for (passed, reason) in [
            (Passed::Version, Reason::VersionTooLow),
            (Passed::NotStarted, Reason::NotStarted),
            (Passed::Expired, Reason::Expired),
            (Passed::Virtual, Reason::VirtualNotAllowed),
        ] {
            remaining.retain(|why| *why != Some(passed));
            if remaining.is_empty() {
                return Some(reason);
            }
        }
        None
    }

    fn serving(&self, desired: &DesiredFeature) -> impl Iterator<Item = &LineItemState> {
        self.estate.items_of(&desired.name).filter(|state| {
            state.item.kind == Kind::Concurrent && self.passes_over(&state.item, &desired.version).is_none()
        })
    }
}

fn message(reason: Reason, desired: &DesiredFeature, free: u64, free_for_you: u64) -> String {
    let DesiredFeature { name, count, .. } = desired;
    let what = what(desired);
    match reason {
        Reason::UnknownFeature => format!("no line item has the feature {name}; check the name, or buy it"),
        Reason::VersionTooLow => {
            format!("{name} is owned in lower versions than {} only; ask for an older one", desired.version)
        }
        Reason::NotStarted => format!("{what} is owned, and starts later"),
        Reason::Expired => format!("{what} has expired; renew it with the vendor"),
        Reason::VirtualNotAllowed => format!("{what} may not be used on virtual devices"),
        Reason::ReservedForOthers => format!(
            "{count} of {what} asked, {free} free, {free_for_you} free for you: the rest is reserved for others"
        ),
        Reason::InsufficientCount => {
            format!("{count} of {what} asked, {free_for_you} free for you: try again when some are returned")
        }
    }
}

fn selectors_message(desired: &DesiredFeature) -> String {
    format!("no line item of {} has the selectors asked for; ask for others, or for none", what(desired))
}

fn too_many_message(desired: &DesiredFeature, owned: u64) -> String {
    format!("{} of {} asked, {owned} owned: ask for fewer, or buy more", desired.count, what(desired))
}

/// The feature with its version, unless it is 0: that is asked by those who take any.
fn what(desired: &DesiredFeature) -> String {
    match desired.version.components() {
        [0, 0, 0, 0] => desired.name.to_string(),
        _ => format!("{} {}", desired.name, desired.version),
    }
}
