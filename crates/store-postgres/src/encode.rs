//! Values on their way into statements: numbers, times, and rows in the server's binary form. Not responsible
//! for what a row holds; each table's module knows its own.

use std::fmt::{self, Display};
use std::io::Write;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::Source;
use leasehold_store::StoreError;
use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};
use uuid::Uuid;

use crate::error::internal;

/// What the server calls a row type and an array of it. Numbers differ from database to database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowType {
    /// The row's.
    pub(crate) row: u32,
    /// The array's.
    pub(crate) array: u32,
}

/// Numbers of types that are the same everywhere.
mod oid {
    pub(super) const BOOL: u32 = 16;
    pub(super) const BYTEA: u32 = 17;
    pub(super) const INT8: u32 = 20;
    pub(super) const INT2: u32 = 21;
    pub(super) const TEXT: u32 = 25;
    pub(super) const JSON: u32 = 114;
    pub(super) const UUID: u32 = 2950;
}

/// Where the number of elements stands in an array of one dimension.
const COUNT_AT: usize = 12;

/// An array of rows.
pub(crate) struct Rows {
    row_type: RowType,
    bytes: Vec<u8>,
    count: i32,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(row_type: RowType) -> Self {
        let mut bytes = Vec::new();
        for word in [1, 0, row_type.row.cast_signed(), 0, 1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        Self { row_type, bytes, count: 0 }
    }

    /// Adds a row of so many columns, which `write` fills in.
    pub(crate) fn row(
        &mut self,
        columns: i32,
        write: impl FnOnce(&mut Row<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&columns.to_be_bytes());
        let mut row = Row { bytes: &mut self.bytes, written: 0 };
        write(&mut row)?;
        debug_assert_eq!(row.written, columns, "a row has as many columns as its type");
        put_length(&mut self.bytes, begin)?;
        self.count += 1;
        self.bytes[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_be_bytes());
        Ok(())
    }

    /// The array's bytes: one without elements has no dimension.
    fn finished(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if self.count == 0 {
            bytes.truncate(COUNT_AT);
            bytes[..4].fill(0);
        }
        bytes
    }
}

impl Type<Postgres> for Rows {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("record[]")
    }
}

impl Encode<'_, Postgres> for Rows {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(&self.finished());
        Ok(IsNull::No)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_oid(Oid(self.row_type.array)))
    }
}

/// A row that is being written, column by column.
pub(crate) struct Row<'a> {
    bytes: &'a mut Vec<u8>,
    written: i32,
}

impl Row<'_> {
    /// A text.
    pub(crate) fn text(&mut self, text: &str) -> Result<&mut Self, StoreError> {
        self.column(oid::TEXT, |bytes| bytes.extend_from_slice(text.as_bytes()))
    }

    /// A value in its text form.
    pub(crate) fn shown(&mut self, value: impl Display) -> Result<&mut Self, StoreError> {
        self.column(oid::TEXT, |bytes| write!(bytes, "{value}").expect("memory takes all bytes"))
    }

    /// A value in its text form, or none.
    pub(crate) fn optional_shown(&mut self, value: Option<impl Display>) -> Result<&mut Self, StoreError> {
        match value {
            Some(value) => self.shown(value),
            None => Ok(self.null(oid::TEXT)),
        }
    }

    /// A whole number or a time.
    pub(crate) fn int8(&mut self, number: i64) -> Result<&mut Self, StoreError> {
        self.column(oid::INT8, |bytes| bytes.extend_from_slice(&number.to_be_bytes()))
    }

    /// A whole number or a time, or none.
    pub(crate) fn optional_int8(&mut self, number: Option<i64>) -> Result<&mut Self, StoreError> {
        match number {
            Some(number) => self.int8(number),
            None => Ok(self.null(oid::INT8)),
        }
    }

    /// A small number.
    pub(crate) fn int2(&mut self, number: i16) -> Result<&mut Self, StoreError> {
        self.column(oid::INT2, |bytes| bytes.extend_from_slice(&number.to_be_bytes()))
    }

    /// Yes or no.
    pub(crate) fn bool(&mut self, value: bool) -> Result<&mut Self, StoreError> {
        self.column(oid::BOOL, |bytes| bytes.push(u8::from(value)))
    }

    /// An id.
    pub(crate) fn uuid(&mut self, id: &Uuid) -> Result<&mut Self, StoreError> {
        self.column(oid::UUID, |bytes| bytes.extend_from_slice(id.as_bytes()))
    }

    /// An id, or none.
    pub(crate) fn optional_uuid(&mut self, id: Option<&Uuid>) -> Result<&mut Self, StoreError> {
        match id {
            Some(id) => self.uuid(id),
            None => Ok(self.null(oid::UUID)),
        }
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self, value: &[u8]) -> Result<&mut Self, StoreError> {
        self.column(oid::BYTEA, |bytes| bytes.extend_from_slice(value))
    }

    /// A value as a text of JSON.
    pub(crate) fn json_text(&mut self, value: &impl Serialize) -> Result<&mut Self, StoreError> {
        let json = serde_json::to_vec(value).map_err(internal)?;
        self.column(oid::TEXT, |bytes| bytes.extend_from_slice(&json))
    }

    /// An array of rows.
    pub(crate) fn rows(&mut self, rows: &Rows) -> Result<&mut Self, StoreError> {
        self.column(rows.row_type.array, |bytes| bytes.extend_from_slice(&rows.finished()))
    }

    fn null(&mut self, oid: u32) -> &mut Self {
        self.written += 1;
        self.bytes.extend_from_slice(&oid.to_be_bytes());
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        self
    }

    fn column(&mut self, oid: u32, write: impl FnOnce(&mut Vec<u8>)) -> Result<&mut Self, StoreError> {
        self.written += 1;
        self.bytes.extend_from_slice(&oid.to_be_bytes());
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(self.bytes);
        put_length(self.bytes, begin)?;
        Ok(self)
    }
}

/// Writes the length of what follows the four bytes at `begin` into them.
fn put_length(bytes: &mut [u8], begin: usize) -> Result<(), StoreError> {
    let length = i32::try_from(bytes.len() - begin - 4).map_err(internal)?;
    bytes[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// A source in the form that `source` columns hold.
pub(crate) struct SourceText<'a>(pub(crate) &'a Source);

impl Display for SourceText<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::Default => Ok(()),
            Source::Reservation(entry) => write!(formatter, "reservation:{entry}"),
            Source::Pool(name) => write!(formatter, "pool:{name}"),
        }
    }
}

/// Values in their text forms.
pub(crate) fn texts(values: impl IntoIterator<Item = impl Display>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// Rows as a JSON array.
pub(crate) fn json(rows: &impl Serialize) -> Result<Json, StoreError> {
    serde_json::to_string(rows).map(Json).map_err(internal)
}

/// A JSON text, as an argument.
#[derive(Clone)]
pub(crate) struct Json(String);

impl Type<Postgres> for Json {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(oid::JSON))
    }
}

impl Encode<'_, Postgres> for Json {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buffer.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}

/// Microseconds since 1970.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// Whole microseconds. A length beyond 292,000 years is kept as that.
pub(crate) fn length(duration: SignedDuration) -> i64 {
    let micros = duration.as_micros();
    i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX })
}

/// A whole number that the database can hold.
pub(crate) fn whole(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|source| StoreError::Constraint {
        constraint: format!("{number} is more than the largest number that can be kept"),
        source: Box::new(source),
    })
}
