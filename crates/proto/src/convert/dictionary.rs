//! Dictionaries, claims and selectors: maps from short keys to values.

use std::collections::BTreeMap;

use leasehold_domain::capability::DictionaryValue;
use leasehold_domain::text;

use super::field::{FieldError, MAX_SHORT_TEXT, each, free_text, required};
use crate::licensing::v1 as pb;
use crate::licensing::v1::dictionary_value::Value;

/// Most keys of one map.
pub const MAX_KEYS: usize = 100;
/// Most values of one list.
pub const MAX_VALUES: usize = 100;

impl TryFrom<&pb::DictionaryValue> for DictionaryValue {
    type Error = FieldError;

    fn try_from(message: &pb::DictionaryValue) -> Result<Self, FieldError> {
        match message.value.as_ref() {
            Some(Value::List(list)) => read_list(list).map_err(|error| error.under("list")),
            other => read_single(other),
        }
    }
}

impl From<&DictionaryValue> for pb::DictionaryValue {
    fn from(value: &DictionaryValue) -> Self {
        let value = match value {
            DictionaryValue::Text(text) => Value::Text(text.clone()),
            DictionaryValue::Number(number) => Value::Number(*number),
            DictionaryValue::List(values) => {
                Value::List(pb::DictionaryList { values: values.iter().map(Self::from).collect() })
            }
        };
        Self { value: Some(value) }
    }
}

fn read_list(list: &pb::DictionaryList) -> Result<DictionaryValue, FieldError> {
    if list.values.len() > MAX_VALUES {
        return Err(FieldError::new("values", "a list has at most 100 values"));
    }
    Ok(DictionaryValue::List(each("values", &list.values, |message| read_single(message.value.as_ref()))?))
}

fn read_single(value: Option<&Value>) -> Result<DictionaryValue, FieldError> {
    match required("value", value)? {
        Value::Text(text) => Ok(DictionaryValue::Text(free_text("text", text)?)),
        Value::Number(number) => Ok(DictionaryValue::Number(*number)),
        Value::List(_) => Err(FieldError::new("list", "a list cannot hold a list; give texts and numbers")),
    }
}

/// A dictionary or claims.
pub(crate) fn read_dictionary(
    field: &str,
    map: &BTreeMap<String, pb::DictionaryValue>,
) -> Result<BTreeMap<String, DictionaryValue>, FieldError> {
    read_map(field, map, DictionaryValue::try_from)
}

/// Selectors.
pub(crate) fn read_selectors(
    field: &str,
    map: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, FieldError> {
    read_map(field, map, |value| free_text("", value))
}

fn read_map<'a, T, U>(
    field: &str,
    map: &'a BTreeMap<String, T>,
    read: impl Fn(&'a T) -> Result<U, FieldError>,
) -> Result<BTreeMap<String, U>, FieldError> {
    if map.len() > MAX_KEYS {
        return Err(FieldError::new(field, "give at most 100 keys"));
    }
    map.iter()
        .map(|(key, value)| {
            text::check(key, MAX_SHORT_TEXT)
                .map_err(|error| FieldError::new(field, format_args!("a key {error}")))?;
            let value = read(value).map_err(|error| error.under(format_args!("{field}[{key:?}]")))?;
            Ok((key.clone(), value))
        })
        .collect()
}
