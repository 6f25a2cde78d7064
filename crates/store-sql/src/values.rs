//! Values as columns, both ways. What cannot be read back is a [`sqlx::Error::Decode`], which services hear of as
//! stored data that is not understood.

use std::fmt::Display;

use jiff::Timestamp;
use sqlx::Row as _;
use sqlx::any::AnyRow;

/// A number of the contract as a column has it.
pub(crate) fn number(value: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(value).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// The number in a column.
pub(crate) fn read_number(row: &AnyRow, column: &'static str) -> Result<u64, sqlx::Error> {
    let value: i64 = row.try_get(column)?;
    value.try_into().map_err(|error| unreadable(column, error))
}

/// A point in time as a column has it.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The point in time in a column.
pub(crate) fn read_time(row: &AnyRow, column: &'static str) -> Result<Timestamp, sqlx::Error> {
    time(column, row.try_get(column)?)
}

/// The point in time in a column that may be empty.
pub(crate) fn read_optional_time(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<Timestamp>, sqlx::Error> {
    let value: Option<i64> = row.try_get(column)?;
    value.map(|micros| time(column, micros)).transpose()
}

fn time(column: &'static str, micros: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_microsecond(micros).map_err(|error| unreadable(column, error))
}

/// The 32 bytes in a column.
pub(crate) fn read_32(row: &AnyRow, column: &'static str) -> Result<[u8; 32], sqlx::Error> {
    bytes_32(column, row.try_get(column)?)
}

/// The 32 bytes in a column that may be empty.
pub(crate) fn read_optional_32(row: &AnyRow, column: &'static str) -> Result<Option<[u8; 32]>, sqlx::Error> {
    let value: Option<Vec<u8>> = row.try_get(column)?;
    value.map(|bytes| bytes_32(column, bytes)).transpose()
}

fn bytes_32(column: &'static str, bytes: Vec<u8>) -> Result<[u8; 32], sqlx::Error> {
    bytes
        .try_into()
        .map_err(|bytes: Vec<u8>| unreadable(column, format_args!("{} bytes, not 32", bytes.len())))
}

/// Texts without control characters, one a line.
pub(crate) fn lines<T: Display>(values: &[T]) -> String {
    let lines: Vec<String> = values.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The values of a column with one a line.
pub(crate) fn read_lines<T, E: Display>(
    row: &AnyRow,
    column: &'static str,
    read: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, sqlx::Error> {
    let text: String = row.try_get(column)?;
    text.lines().map(|line| read(line).map_err(|error| unreadable(column, error))).collect()
}

/// The value in a column that has its name.
pub(crate) fn read_named<T: Copy>(
    row: &AnyRow,
    column: &'static str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    let found = all.iter().copied().find(|one| name(*one) == text);
    found.ok_or_else(|| unreadable(column, format_args!("{text:?} is not known")))
}

/// A value of a column that is not what it should be.
pub(crate) fn unreadable(column: &'static str, problem: impl Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column}: {problem}").into())
}
