//! Field errors, and the checks that fields of several messages share.

use std::fmt::Display;

use leasehold_domain::{MAX_COUNT, Rejection, text};
use uuid::Uuid;

/// Longest free text in bytes, a notice or a dictionary's value for instance.
pub const MAX_TEXT: usize = 4_096;
/// Longest short text in bytes, an alias for instance.
pub const MAX_SHORT_TEXT: usize = 255;

/// A field of a message breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// The field's path in the contract, `features[1].name` for instance.
    pub field: String,
    /// What is wrong and what to give instead.
    pub problem: String,
}

impl FieldError {
    /// The field `field` has this problem.
    pub fn new(field: impl Into<String>, problem: impl Display) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }

    /// The same error, seen from the message that holds the field's message in `parent`.
    #[must_use]
    pub fn under(self, parent: impl Display) -> Self {
        let field = match self.field.as_str() {
            "" => parent.to_string(),
            field => format!("{parent}.{field}"),
        };
        Self { field, ..self }
    }
}

impl From<FieldError> for Rejection {
    fn from(error: FieldError) -> Self {
        Self::Field { field: error.field, problem: error.problem }
    }
}

/// A field that must be present.
pub(crate) fn required<'a, T>(field: &str, value: Option<&'a T>) -> Result<&'a T, FieldError> {
    value.ok_or_else(|| FieldError::new(field, "is missing; give it"))
}

/// Every message of a list, with its index in the path of an error.
pub(crate) fn each<'a, T, U>(
    field: &str,
    messages: &'a [T],
    mut read: impl FnMut(&'a T) -> Result<U, FieldError>,
) -> Result<Vec<U>, FieldError> {
    let indexed = messages.iter().enumerate();
    indexed.map(|(index, m)| read(m).map_err(|error| error.under(format_args!("{field}[{index}]")))).collect()
}

/// The enumeration's value of this number.
pub(crate) fn enumeration<E: TryFrom<i32>>(field: &str, number: i32) -> Result<E, FieldError> {
    E::try_from(number).map_err(|_| {
        FieldError::new(
            field,
            format_args!(
                "this release does not know the value {number}; see the contract for those there are"
            ),
        )
    })
}

/// A count of 1 to [`MAX_COUNT`].
pub(crate) fn positive_count(field: &str, count: i64) -> Result<u64, FieldError> {
    in_range(count, 1).ok_or_else(|| FieldError::new(field, "give 1 to 1,000,000,000"))
}

/// A count of 0 to [`MAX_COUNT`].
pub(crate) fn count(field: &str, count: i64) -> Result<u64, FieldError> {
    in_range(count, 0).ok_or_else(|| FieldError::new(field, "give 0 to 1,000,000,000"))
}

fn in_range(count: i64, least: u64) -> Option<u64> {
    u64::try_from(count).ok().filter(|count| (least..=MAX_COUNT).contains(count))
}

/// A count as messages carry it. Sums without limit are cut to the largest number there is.
pub(crate) fn to_int64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A text of 1 to [`MAX_SHORT_TEXT`] bytes without control characters.
pub(crate) fn short_text(field: &str, value: &str) -> Result<String, FieldError> {
    text::check(value, MAX_SHORT_TEXT).map_err(|error| FieldError::new(field, error))?;
    Ok(value.to_owned())
}

/// A text of up to [`MAX_SHORT_TEXT`] bytes without control characters.
pub(crate) fn optional_short_text(field: &str, value: &str) -> Result<String, FieldError> {
    text::check_optional(value, MAX_SHORT_TEXT).map_err(|error| FieldError::new(field, error))?;
    Ok(value.to_owned())
}

/// A text of up to [`MAX_TEXT`] bytes, lines and all.
pub(crate) fn free_text(field: &str, value: &str) -> Result<String, FieldError> {
    if value.len() > MAX_TEXT {
        let problem = format_args!("has {} bytes; at most {MAX_TEXT} are allowed", value.len()).to_string();
        return Err(FieldError::new(field, problem));
    }
    Ok(value.to_owned())
}

/// A UUID in its text form.
pub(crate) fn uuid(field: &str, value: &str) -> Result<Uuid, FieldError> {
    Uuid::try_parse(value).map_err(|_| {
        FieldError::new(
            field,
            "is not a UUID; give 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12 with `-` between",
        )
    })
}
