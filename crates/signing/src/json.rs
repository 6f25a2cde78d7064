//! JSON whose parts are looked at one by one: what is not wanted is skipped where it stands, and takes no memory.
//!
//! Responsible for telling which part is missing or of another kind. Not responsible for what the parts mean.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Error, from_slice};

/// The object, with the fields that are known; a field that stands twice is an error, one that is not known none.
///
/// `None` is something else than an object.
pub(crate) fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<Option<T>, Error> {
    // Otherwise serde would also take a list of the fields' values.
    if json.trim_ascii_start().starts_with(b"{") {
        return from_slice(json).map(Some);
    }
    from_slice::<IgnoredAny>(json).map(|_| None)
}

/// The text; `None` is something else.
pub(crate) fn string(part: &RawValue) -> Option<String> {
    serde_json::from_str(part.get()).ok()
}

/// The whole number that is not below zero; `None` is something else.
pub(crate) fn number(part: &RawValue) -> Option<u64> {
    serde_json::from_str(part.get()).ok()
}

/// The entries of a list, of which one more than `MAX` is kept; `None` is something else than a list.
pub(crate) fn list<const MAX: usize>(part: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str::<Entries<'_, MAX>>(part.get()).ok().map(|entries| entries.0)
}

struct Entries<'a, const MAX: usize>(Vec<&'a RawValue>);

impl<'de: 'a, 'a, const MAX: usize> Deserialize<'de> for Entries<'a, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<'a, const MAX: usize>(PhantomData<&'a ()>);

impl<'de: 'a, 'a, const MAX: usize> Visitor<'de> for EntriesVisitor<'a, MAX> {
    type Value = Entries<'a, MAX>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() <= MAX
            && let Some(entry) = entries.next_element()?
        {
            kept.push(entry);
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entries(kept))
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
