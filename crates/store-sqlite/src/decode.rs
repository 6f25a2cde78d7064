//! Values on their way out of rows, checked. What cannot be read back is a [`StoreError::Corrupt`] that
//! names table, column and problem.

use std::fmt::Display;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::Source;
use leasehold_domain::text::FeatureName;
use leasehold_domain::{EntryId, HostId, LineItemId};
use leasehold_store::StoreError;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Decode, Row, Sqlite, Type};
use uuid::Uuid;

/// Reads the columns of a row one after another, from the first.
pub(crate) struct Columns<'r> {
    table: &'static str,
    row: &'r SqliteRow,
    next: usize,
}

impl<'r> Columns<'r> {
    /// The columns of a row; the table's name is for errors.
    pub(crate) fn of(table: &'static str, row: &'r SqliteRow) -> Self {
        Self { table, row, next: 0 }
    }

    /// The next column as it is stored.
    pub(crate) fn plain<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get(self.next).map_err(|error| self.corrupt(self.next, error));
        self.next += 1;
        value
    }

    /// The next column, read by `read`.
    pub(crate) fn read<T, V, E: Display>(
        &mut self,
        read: impl FnOnce(V) -> Result<T, E>,
    ) -> Result<T, StoreError>
    where
        V: Decode<'r, Sqlite> + Type<Sqlite>,
    {
        let value = self.plain()?;
        read(value).map_err(|error| self.corrupt(self.next - 1, error))
    }

    /// The next column as text.
    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.plain()
    }

    /// The next column in its type's text form.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self) -> Result<T, StoreError> {
        self.read(|text: &str| text.parse::<T>())
    }

    /// The next column in its type's text form, where there is one.
    pub(crate) fn optional_hostid(&mut self) -> Result<Option<HostId>, StoreError> {
        self.read(|text: Option<&str>| text.map(str::parse).transpose())
    }

    /// The next column as a feature's name.
    pub(crate) fn feature(&mut self) -> Result<FeatureName, StoreError> {
        self.read(FeatureName::new)
    }

    /// The next column as a line item's id.
    pub(crate) fn line_item(&mut self) -> Result<LineItemId, StoreError> {
        self.read(LineItemId::new)
    }

    /// The next column as 16 bytes.
    pub(crate) fn uuid(&mut self) -> Result<Uuid, StoreError> {
        self.read(Uuid::from_slice)
    }

    /// The next column as 16 bytes, where there are any.
    pub(crate) fn optional_uuid(&mut self) -> Result<Option<Uuid>, StoreError> {
        self.read(|bytes: Option<&[u8]>| bytes.map(Uuid::from_slice).transpose())
    }

    /// The next column as exactly `N` bytes.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        self.read(|bytes: &[u8]| <[u8; N]>::try_from(bytes))
    }

    /// The next column as exactly `N` bytes, where there are any.
    pub(crate) fn optional_bytes<const N: usize>(&mut self) -> Result<Option<[u8; N]>, StoreError> {
        self.read(|bytes: Option<&[u8]>| bytes.map(<[u8; N]>::try_from).transpose())
    }

    /// The next column as a number that is not below 0 and fits.
    pub(crate) fn number<T: TryFrom<i64, Error: Display>>(&mut self) -> Result<T, StoreError> {
        self.read(|number: i64| T::try_from(number))
    }

    /// The next column as a number, where there is one.
    pub(crate) fn optional_number<T: TryFrom<i64, Error: Display>>(
        &mut self,
    ) -> Result<Option<T>, StoreError> {
        self.read(|number: Option<i64>| number.map(T::try_from).transpose())
    }

    /// The next column as a time.
    pub(crate) fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.read(time)
    }

    /// The next column as a time, where there is one.
    pub(crate) fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|micros: Option<i64>| micros.map(time).transpose())
    }

    /// The next column as a length of time.
    pub(crate) fn length(&mut self) -> Result<SignedDuration, StoreError> {
        self.plain().map(SignedDuration::from_micros)
    }

    /// The next column as a length of time, where there is one.
    pub(crate) fn optional_length(&mut self) -> Result<Option<SignedDuration>, StoreError> {
        Ok(self.plain::<Option<i64>>()?.map(SignedDuration::from_micros))
    }

    fn corrupt(&self, column: usize, error: impl Display) -> StoreError {
        let name = self.row.columns().get(column).map_or("?", Column::name);
        corrupt(self.table, name, error)
    }
}

/// A time from microseconds since 1970.
pub(crate) fn time(micros: i64) -> Result<Timestamp, jiff::Error> {
    // `Timestamp::from_microsecond` does not reach the last second of all.
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000);
    Timestamp::new(micros.div_euclid(1_000_000), nanos.expect("less than a second"))
}

/// What is stored in a table's column cannot be read back.
pub(crate) fn corrupt(table: &str, column: &str, problem: impl Display) -> StoreError {
    StoreError::Corrupt { what: format!("{table}.{column}: {problem}") }
}

/// A source from the form that `source` columns hold.
pub(crate) fn source(text: &str) -> Result<Source, String> {
    match text.split_once(':') {
        None if text.is_empty() => Ok(Source::Default),
        Some(("reservation", id)) => match Uuid::parse_str(id) {
            Ok(id) => Ok(Source::Reservation(EntryId(id))),
            Err(error) => Err(format!("{text:?}: {error}")),
        },
        Some(("pool", name)) => Ok(Source::Pool(name.to_owned())),
        _ => Err(format!("{text:?} is no source")),
    }
}
