//! Values on their way into statements: numbers, times and ids, and the documents that carry many rows.
//! Not responsible for what a row holds; each table's module knows its own.

use std::fmt::{self, Display};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::Source;
use leasehold_store::StoreError;
use serde::{Serialize, Serializer};

use crate::error::internal;

/// The rows of one statement: a JSON array for `jsonb_each`, and the bytes that JSON cannot carry.
pub(crate) struct Document {
    json: Vec<u8>,
    bytes: Vec<u8>,
}

impl Document {
    /// No rows yet.
    pub(crate) fn new() -> Self {
        Self { json: vec![b'['], bytes: Vec::new() }
    }

    /// Adds bytes; the answer is where they begin, as `substr` counts.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> usize {
        let begin = self.bytes.len() + 1;
        self.bytes.extend_from_slice(bytes);
        begin
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: impl Serialize) -> Result<(), StoreError> {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
        serde_json::to_writer(&mut self.json, &row).map_err(internal)
    }

    /// The array and the bytes.
    pub(crate) fn finish(mut self) -> Result<(String, Vec<u8>), StoreError> {
        self.json.push(b']');
        Ok((String::from_utf8(self.json).map_err(internal)?, self.bytes))
    }
}

/// A list of 16-byte ids, each a row that says where it begins.
pub(crate) fn ids<'a>(
    ids: impl IntoIterator<Item = &'a uuid::Uuid>,
) -> Result<(String, Vec<u8>), StoreError> {
    let mut document = Document::new();
    for id in ids {
        let begin = document.bytes(id.as_bytes());
        document.row(begin)?;
    }
    document.finish()
}

/// A list of texts.
pub(crate) fn texts(texts: impl IntoIterator<Item = impl Serialize>) -> Result<String, StoreError> {
    let mut document = Document::new();
    for text in texts {
        document.row(text)?;
    }
    Ok(document.finish()?.0)
}

/// A value in its text form.
pub(crate) struct Shown<T>(pub(crate) T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
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
