//! The known keys, which are those of the built-in defaults, and which of them somebody may have meant.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{self, Content};
use super::error::Origin;
use super::source::{Entry, Value};

/// The built-in defaults: TOML with a comment for every key.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// Every known key, `section.key`, with its default.
pub(super) struct Schema(BTreeMap<String, Value>);

impl Schema {
    pub(super) fn built_in() -> Self {
        let items = document::items(DEFAULTS).expect("the built-in defaults are TOML");
        let value = |item: document::Item| match item.content {
            Content::Value(value) => Some((item.name, value)),
            Content::Section | Content::Other(_) => None,
        };
        Self(items.into_iter().filter_map(value).collect())
    }

    pub(super) fn defaults(&self) -> Vec<Entry> {
        let entry = |(key, value): (&String, &Value)| Entry {
            key: key.clone(),
            value: value.clone(),
            origin: Origin::Default,
        };
        self.0.iter().map(entry).collect()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(super) fn has_section(&self, section: &str) -> bool {
        self.sections().contains(section)
    }

    pub(super) fn nearest_section(&self, section: &str) -> Option<String> {
        nearest(section, self.sections().into_iter())
    }

    /// The key that somebody who wrote an unknown one may have meant.
    pub(super) fn nearest_key(&self, key: &str) -> Option<String> {
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let elsewhere = || self.0.keys().find(|known| known.rsplit('.').next() == Some(name)).cloned();
        if self.has_section(section) {
            let siblings = self.0.keys().filter_map(|known| known.strip_prefix(section)?.strip_prefix('.'));
            nearest(name, siblings).map(|name| format!("{section}.{name}")).or_else(elsewhere)
        } else {
            elsewhere().or_else(|| nearest(key, self.0.keys().map(String::as_str)))
        }
    }

    fn sections(&self) -> BTreeSet<&str> {
        self.0.keys().filter_map(|key| key.split('.').next()).collect()
    }
}

/// The candidate with the fewest typing errors away, if they are few for its length.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .map(|(_, candidate)| candidate.to_owned())
}
