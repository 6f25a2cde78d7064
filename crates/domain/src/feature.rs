//! Features as people list them: all line items of one name and version, summed.
//! Reference: licensing, "Administration".

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::cell::LineItemState;
use crate::line_item::{Kind, Serving};
use crate::text::FeatureName;
use crate::version::Version;

/// One row of the features list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The feature's name.
    pub name: FeatureName,
    /// Its version.
    pub version: Version,
    /// Counts owned; `None` where a line item is uncounted.
    pub total: Option<u64>,
    /// Counts out.
    pub used: u64,
    /// Counts set aside by reservations, in use and idle.
    pub reserved: u64,
    /// Of the reserved, idle.
    pub reserved_idle: u64,
    /// Owned less used less reserved and idle, never below 0; `None` where uncounted.
    pub available: Option<u64>,
    /// Counts that overdraft adds; `None` is without limit.
    pub overdraft: Option<u64>,
    /// Counts in use on overdraft.
    pub overdraft_used: u64,
    /// Counts out beyond what a later bundle left.
    pub overage: u64,
    /// First expiry; `None` where all are permanent.
    pub first_expiration: Option<Timestamp>,
    /// Last expiry; `None` where one is permanent.
    pub last_expiration: Option<Timestamp>,
    /// Its use adds up.
    pub metered: bool,
}

/// How much of a feature is in use, all its versions together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The feature's name.
    pub feature: FeatureName,
    /// Counts out, whatever serves now.
    pub used: u64,
    /// Counts owned that serve now; `None` where a line item that serves is uncounted.
    pub owned: Option<u64>,
}

/// How much of each feature is in use at `now`, by name.
pub fn in_use<'a>(items: impl IntoIterator<Item = &'a LineItemState>, now: Timestamp) -> Vec<Use> {
    let mut features: BTreeMap<&FeatureName, (u64, Option<u64>)> = BTreeMap::new();
    for state in items {
        let (used, owned) = features.entry(&state.item.feature).or_insert((0, Some(0)));
        *used += state.out();
        if matches!(state.item.serving(now), Serving::Yes | Serving::InGrace) {
            *owned = owned.zip(state.item.count).map(|(owned, count)| owned.saturating_add(count));
        }
    }
    let uses = features.into_iter();
    uses.map(|(feature, (used, owned))| Use { feature: feature.clone(), used, owned }).collect()
}

/// Sums line items by name and version, in that order.
pub fn summarize<'a>(items: impl IntoIterator<Item = &'a LineItemState>) -> Vec<Summary> {
    let mut items: Vec<_> = items.into_iter().collect();
    items.sort_by(|a, b| (&a.item.feature, &a.item.version).cmp(&(&b.item.feature, &b.item.version)));
    items
        .chunk_by(|a, b| (&a.item.feature, &a.item.version) == (&b.item.feature, &b.item.version))
        .map(sum)
        .collect()
}

fn sum(items: &[&LineItemState]) -> Summary {
    let add = |value: fn(&LineItemState) -> u64| items.iter().map(|state| value(state)).sum::<u64>();
    let total = items.iter().map(|state| state.item.count).sum::<Option<u64>>();
    let (used, reserved_idle) = (add(LineItemState::out), add(LineItemState::reserved_idle));
    let expirations = || items.iter().filter_map(|state| state.item.expires_at);
    Summary {
        name: items[0].item.feature.clone(),
        version: items[0].item.version.clone(),
        total,
        used,
        reserved: reserved_idle + add(LineItemState::reserved_used),
        reserved_idle,
        available: total.map(|total| total.saturating_sub(used).saturating_sub(reserved_idle)),
        overdraft: items.iter().map(|state| state.item.overdraft_limit()).sum(),
        overdraft_used: add(LineItemState::overdraft_used),
        overage: add(LineItemState::overage),
        first_expiration: expirations().min(),
        last_expiration: expirations().max().filter(|_| items.iter().all(|s| s.item.expires_at.is_some())),
        metered: items.iter().any(|state| matches!(state.item.kind, Kind::Metered { .. })),
    }
}
