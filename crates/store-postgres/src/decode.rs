//! Values on their way out of rows, checked. Rows come in the server's binary form, which `record_send` makes.
//! What cannot be read back is a [`StoreError::Corrupt`] that names table, column and problem.

use std::fmt::Display;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::Source;
use leasehold_domain::text::FeatureName;
use leasehold_domain::{EntryId, HostId, LineItemId};
use leasehold_store::StoreError;
use uuid::Uuid;

/// Reads the columns of a row one after another, from the first.
pub(crate) struct Columns<'r> {
    table: &'static str,
    /// The columns' names, with commas between: for errors.
    names: &'static str,
    bytes: &'r [u8],
    next: usize,
}

impl<'r> Columns<'r> {
    /// The columns of a row.
    pub(crate) fn of(table: &'static str, names: &'static str, row: &'r [u8]) -> Result<Self, StoreError> {
        let mut columns = Self { table, names, bytes: row, next: 0 };
        let expected = names.split(',').count();
        match columns.word() {
            Some(count) if usize::try_from(count) == Ok(expected) => Ok(columns),
            count => Err(columns.corrupt(format!("{count:?} columns instead of {expected}"))),
        }
    }

    /// The next column's bytes, where it has any.
    fn raw(&mut self) -> Result<Option<&'r [u8]>, StoreError> {
        self.next += 1;
        let (_oid, length) = (self.word(), self.word());
        match length.map(usize::try_from) {
            Some(Ok(length)) if length <= self.bytes.len() => {
                let (column, rest) = self.bytes.split_at(length);
                self.bytes = rest;
                Ok(Some(column))
            }
            Some(Err(_)) => Ok(None),
            _ => Err(self.corrupt("the row ends before it")),
        }
    }

    fn word(&mut self) -> Option<i32> {
        let (word, rest) = self.bytes.split_first_chunk::<4>()?;
        self.bytes = rest;
        Some(i32::from_be_bytes(*word))
    }

    /// The next column, read by `read`.
    pub(crate) fn read<T, V: Column<'r>, E: Display>(
        &mut self,
        read: impl FnOnce(V) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        let value = self.plain()?;
        read(value).map_err(|error| self.corrupt(error))
    }

    /// The next column as it is stored.
    pub(crate) fn plain<T: Column<'r>>(&mut self) -> Result<T, StoreError> {
        let raw = self.raw()?;
        T::decode(raw).map_err(|error| self.corrupt(error))
    }

    /// The next column as text.
    pub(crate) fn text(&mut self) -> Result<String, StoreError> {
        self.plain::<&str>().map(str::to_owned)
    }

    /// The next column in its type's text form.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self) -> Result<T, StoreError> {
        self.read(|text: &str| text.parse::<T>())
    }

    /// The next column as a hostid, where there is one.
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

    /// The rows of the next column, an array of them; none for null.
    pub(crate) fn rows(&mut self) -> Result<Vec<&'r [u8]>, StoreError> {
        let Some(array) = self.raw()? else { return Ok(Vec::new()) };
        elements(array).ok_or_else(|| self.corrupt("it is no array of rows"))
    }

    /// The next column, an array of times.
    pub(crate) fn times(&mut self) -> Result<Vec<Timestamp>, StoreError> {
        self.numbers()?.into_iter().map(|micros| time(micros).map_err(|error| self.corrupt(error))).collect()
    }

    /// The next column, an array of lengths of time.
    pub(crate) fn lengths(&mut self) -> Result<Vec<SignedDuration>, StoreError> {
        Ok(self.numbers()?.into_iter().map(SignedDuration::from_micros).collect())
    }

    fn numbers(&mut self) -> Result<Vec<i64>, StoreError> {
        let elements = self.rows()?;
        elements.into_iter().map(|one| i64::decode(Some(one)).map_err(|error| self.corrupt(error))).collect()
    }

    fn corrupt(&self, problem: impl Display) -> StoreError {
        let name = self.next.checked_sub(1).and_then(|column| self.names.split(',').nth(column));
        corrupt(self.table, name.unwrap_or("*").trim(), problem)
    }
}

/// What a column can be read as.
pub(crate) trait Column<'r>: Sized {
    /// The value of these bytes, or why they are none.
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String>;
}

impl<'r> Column<'r> for &'r [u8] {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        raw.ok_or_else(|| "it is null".to_owned())
    }
}

impl<'r> Column<'r> for &'r str {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        std::str::from_utf8(Column::decode(raw)?).map_err(|error| error.to_string())
    }
}

impl<'r, const N: usize> Column<'r> for [u8; N] {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        let bytes: &[u8] = Column::decode(raw)?;
        bytes.try_into().map_err(|_| format!("{} bytes instead of {N}", bytes.len()))
    }
}

impl<'r> Column<'r> for Uuid {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        Column::decode(raw).map(Self::from_bytes)
    }
}

impl<'r> Column<'r> for i64 {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        match raw {
            Some(small) if small.len() == 2 => Ok(i16::from_be_bytes(Column::decode(raw)?).into()),
            _ => Column::decode(raw).map(Self::from_be_bytes),
        }
    }
}

impl<'r> Column<'r> for bool {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        Column::decode(raw).map(|[byte]: [u8; 1]| byte != 0)
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn decode(raw: Option<&'r [u8]>) -> Result<Self, String> {
        raw.map(|bytes| T::decode(Some(bytes))).transpose()
    }
}

/// The elements of an array of one dimension, or of none.
fn elements(array: &[u8]) -> Option<Vec<&[u8]>> {
    let word = |rest: &mut &[u8]| {
        let (word, more) = rest.split_first_chunk::<4>()?;
        *rest = more;
        Some(i32::from_be_bytes(*word))
    };
    let rest = &mut &*array;
    let (dimensions, _flags, _oid) = (word(rest)?, word(rest)?, word(rest)?);
    if dimensions == 0 {
        return Some(Vec::new());
    }
    let (count, _first) = (word(rest)?, word(rest)?);
    (0..count)
        .map(|_| {
            let length = usize::try_from(word(rest)?).ok()?;
            let (element, more) = rest.split_at_checked(length)?;
            *rest = more;
            Some(element)
        })
        .collect()
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
