//! Typed access to a JSON object: unknown keys, missing keys and wrong types become problems with a path.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use super::error::Problem;
use super::lines::key_path;

/// A JSON object with a closed set of keys. `null` counts as absent.
pub(super) struct Object<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

/// What a value's reader says: the value, or what is wrong with it.
type Read<T> = Result<T, String>;

impl<'a> Object<'a> {
    /// Checks that `value` is an object and has no other keys than `known`.
    pub(super) fn new(path: &str, value: &'a Value, known: &[&str]) -> Result<Self, Problem> {
        let Value::Object(map) = value else {
            return Err(Problem::new(
                path,
                format_args!("must be an object in braces; found {}", kind(value)),
            ));
        };
        if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(Problem::new(key_path(path, key), unknown(key, known)));
        }
        Ok(Self { path: path.to_owned(), map })
    }

    /// The path of one of its values.
    pub(super) fn at(&self, key: &str) -> String {
        key_path(&self.path, key)
    }

    /// The value of `key` as it is.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// The value of `key`, where there is one.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl Fn(&Value) -> Read<T>,
    ) -> Result<Option<T>, Problem> {
        let value = self.get(key).map(read);
        value.transpose().map_err(|text| Problem::new(self.at(key), text))
    }

    /// The value of `key`, which must be there.
    pub(super) fn required<T>(&self, key: &str, read: impl Fn(&Value) -> Read<T>) -> Result<T, Problem> {
        self.optional(key, read)?.ok_or_else(|| Problem::new(self.at(key), "is missing; add it"))
    }

    /// The members of the list `key`, each with its path; an absent list is empty.
    pub(super) fn list(&self, key: &str) -> Result<Vec<(String, &'a Value)>, Problem> {
        let path = self.at(key);
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => {
                Ok(values.iter().enumerate().map(|(i, value)| (format!("{path}[{i}]"), value)).collect())
            }
            Some(other) => {
                Err(Problem::new(path, format_args!("must be a list in brackets; found {}", kind(other))))
            }
        }
    }
}

/// A text.
pub(super) fn text(value: &Value) -> Read<String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| format!("must be a text in quotes; found {}", kind(value)))
}

/// A text that `T` can be read from.
pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(value: &Value) -> Read<T> {
    text(value)?.parse().map_err(|error: T::Err| error.to_string())
}

/// `true` or `false`.
pub(super) fn truth(value: &Value) -> Read<bool> {
    value.as_bool().ok_or_else(|| format!("must be true or false; found {}", kind(value)))
}

/// A whole number of a range.
pub(super) fn number(value: &Value, least: u64, most: u64) -> Read<u64> {
    let number = value.as_u64().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {least} to {most}; found {}", kind(value)))
}

/// A point in time.
pub(super) fn time(value: &Value) -> Read<Timestamp> {
    let text = text(value)?;
    text.parse()
        .map_err(|_| format!("must be a time with its zone, like \"2027-03-31T23:59:59Z\"; found {text:?}"))
}

/// A length of time: a text like `14d`, or a number of seconds.
pub(super) fn duration(value: &Value) -> Read<SignedDuration> {
    let read = match value {
        Value::String(text) => units(text),
        other => other.as_i64().filter(|seconds| *seconds >= 0).map(SignedDuration::from_secs),
    };
    let most = SignedDuration::from_hours(24 * 36_600);
    read.filter(|length| *length <= most).ok_or_else(|| {
        let found = kind(value);
        format!("must be a length of time like \"14d\", \"12h\", \"10min\" or \"90s\", at most 36600d; found {found}")
    })
}

/// Numbers with units, largest unit first or not, summed.
fn units(text: &str) -> Option<SignedDuration> {
    let mut rest = text.trim();
    let mut sum = SignedDuration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: i64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let seconds = match &after[..letters] {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        sum = sum.checked_add(SignedDuration::from_secs(amount.checked_mul(seconds)?))?;
        rest = after[letters..].trim_start();
    }
    (!text.trim().is_empty()).then_some(sum)
}

/// What a value is, for "found …".
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.chars().count() > 64 => "a longer text".to_owned(),
        plain => plain.to_string(),
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(key, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 2.max(candidate.len() / 3))
        .min();
    match near {
        Some((_, candidate)) => format!("unknown key (did you mean `{candidate}`?)"),
        None => format!("unknown key; known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lengths_of_time_are_read_with_their_units() {
        for (value, seconds) in [
            (json!("14d"), 14 * 86_400),
            (json!("1d12h"), 36 * 3_600),
            (json!("10min"), 600),
            (json!("5m 30s"), 330),
            (json!("0s"), 0),
            (json!(90), 90),
        ] {
            assert_eq!(duration(&value), Ok(SignedDuration::from_secs(seconds)), "{value}");
        }
        for value in [
            json!(""),
            json!("14"),
            json!("d"),
            json!("-1d"),
            json!("1y"),
            json!(-5),
            json!(true),
            json!("99999999999999999999d"),
            json!("36601d"),
        ] {
            assert!(duration(&value).unwrap_err().contains("14d"), "{value}");
        }
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest() {
        let known = ["count", "lease_ttl", "version"];
        assert_eq!(unknown("cuont", &known), "unknown key (did you mean `count`?)");
        assert_eq!(unknown("lease_tll", &known), "unknown key (did you mean `lease_ttl`?)");
        assert_eq!(unknown("colour", &known), "unknown key; known are count, lease_ttl, version");
    }
}
