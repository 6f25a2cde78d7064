//! A request that names no feature: it gets what is reserved for the device and the user.

use std::collections::BTreeMap;

use super::Deciding;
use crate::capability::{FeatureOutcome, Outcome};
use crate::grant::{Lost, Part};
use crate::release;
use crate::text::FeatureName;

impl Deciding<'_> {
    /// One outcome for each reserved feature of which something can be had, in the order of the entries.
    pub(super) fn decide_unasked(&mut self) -> Vec<FeatureOutcome> {
        let entries: Vec<_> =
            self.reserving_hostids().flat_map(|hostid| self.estate.entries_of(hostid).to_vec()).collect();
        let mut order: Vec<FeatureName> = Vec::new();
        let mut drawn: BTreeMap<FeatureName, Vec<Part>> = BTreeMap::new();
        for entry in entries {
            if !order.contains(&entry.feature) {
                order.push(entry.feature.clone());
                self.set_old_aside(&entry.feature);
            }
            let candidates = self.candidates(&entry.feature, &entry.version);
            let parts = drawn.entry(entry.feature.clone()).or_default();
            self.draw_entry(&entry, &candidates, entry.count, parts);
        }
        order
            .into_iter()
            .filter_map(|feature| {
                let parts = drawn.remove(&feature).unwrap_or_default();
                self.settle_unasked(&feature, parts)
            })
            .collect()
    }

    fn set_old_aside(&mut self, feature: &FeatureName) {
        if !self.request.incremental
            && let Some(old) = self.estate.grant_of(&self.holder, feature).cloned()
        {
            self.estate.discharge(&old.parts);
        }
    }

    fn settle_unasked(&mut self, feature: &FeatureName, parts: Vec<Part>) -> Option<FeatureOutcome> {
        let old = self.estate.grant_of(&self.holder, feature).cloned();
        if !parts.is_empty() {
            return Some(self.grant(feature, old, parts, Outcome::Granted, None));
        }
        if let Some(old) = old.filter(|_| !self.request.incremental) {
            self.estate.charge(&old.parts);
            release::end(self.estate, old.id, Lost::Returned, &self.cause(""), self.now, self.ids);
        }
        None
    }
}
