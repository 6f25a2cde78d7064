//! Rows and arrays of them in the server's binary form. Not responsible for what a row holds; each table's module
//! knows its own.

use std::fmt::Display;
use std::io::Write;

use leasehold_domain::HostId;
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
    pub(super) const UUID: u32 = 2950;
}

/// Where the number of elements stands in an array of one dimension.
const COUNT_AT: usize = 12;

/// An array of rows.
pub(crate) struct Rows {
    row_type: RowType,
    /// Ends with the array. What comes before it belongs to the row that it is a column of.
    bytes: Vec<u8>,
    begin: usize,
    count: i32,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(row_type: RowType) -> Self {
        Self::with_room(row_type, 0)
    }

    /// No rows yet, with room for so many bytes of them.
    pub(crate) fn with_room(row_type: RowType, bytes: usize) -> Self {
        Self::behind(Vec::with_capacity(COUNT_AT + 8 + bytes), row_type)
    }

    /// An array without rows behind these bytes.
    fn behind(mut bytes: Vec<u8>, row_type: RowType) -> Self {
        let begin = bytes.len();
        for word in [1, 0, row_type.row.cast_signed(), 0, 1] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        Self { row_type, bytes, begin, count: 0 }
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
        let count_at = self.begin + COUNT_AT;
        self.bytes[count_at..count_at + 4].copy_from_slice(&self.count.to_be_bytes());
        Ok(())
    }

    /// The bytes, when all rows are written: an array without elements has no dimension.
    fn finished(mut self) -> Vec<u8> {
        if self.count == 0 {
            self.bytes.truncate(self.begin + COUNT_AT);
            self.bytes[self.begin..self.begin + 4].fill(0);
        }
        self.bytes
    }
}

impl Type<Postgres> for Rows {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("record[]")
    }
}

impl Encode<'_, Postgres> for Rows {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let array = &self.bytes[self.begin..];
        if self.count == 0 {
            buffer.extend_from_slice(&[0; 4]);
            buffer.extend_from_slice(&array[4..COUNT_AT]);
        } else {
            buffer.extend_from_slice(array);
        }
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

    /// A hostid in its text form.
    pub(crate) fn hostid(&mut self, hostid: &HostId) -> Result<&mut Self, StoreError> {
        self.column(oid::TEXT, |bytes| {
            for piece in [hostid.value(), "/", hostid.kind().name()] {
                bytes.extend_from_slice(piece.as_bytes());
            }
        })
    }

    /// A hostid in its text form, or none.
    pub(crate) fn optional_hostid(&mut self, hostid: Option<&HostId>) -> Result<&mut Self, StoreError> {
        match hostid {
            Some(hostid) => self.hostid(hostid),
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
        let begin = self.open(oid::TEXT);
        serde_json::to_writer(&mut *self.bytes, value).map_err(internal)?;
        put_length(self.bytes, begin)?;
        Ok(self)
    }

    /// An array of rows, which `write` fills in.
    pub(crate) fn rows(
        &mut self,
        row_type: RowType,
        write: impl FnOnce(&mut Rows) -> Result<(), StoreError>,
    ) -> Result<&mut Self, StoreError> {
        let begin = self.open(row_type.array);
        let mut rows = Rows::behind(std::mem::take(self.bytes), row_type);
        write(&mut rows)?;
        *self.bytes = rows.finished();
        put_length(self.bytes, begin)?;
        Ok(self)
    }

    fn null(&mut self, oid: u32) -> &mut Self {
        self.written += 1;
        self.bytes.extend_from_slice(&oid.to_be_bytes());
        self.bytes.extend_from_slice(&(-1_i32).to_be_bytes());
        self
    }

    fn column(&mut self, oid: u32, write: impl FnOnce(&mut Vec<u8>)) -> Result<&mut Self, StoreError> {
        let begin = self.open(oid);
        write(self.bytes);
        put_length(self.bytes, begin)?;
        Ok(self)
    }

    /// Begins a column; where its length stands.
    fn open(&mut self, oid: u32) -> usize {
        self.written += 1;
        self.bytes.extend_from_slice(&oid.to_be_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.len() - 4
    }
}

/// Writes the length of what follows the four bytes at `begin` into them.
fn put_length(bytes: &mut [u8], begin: usize) -> Result<(), StoreError> {
    let length = i32::try_from(bytes.len() - begin - 4).map_err(internal)?;
    bytes[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
