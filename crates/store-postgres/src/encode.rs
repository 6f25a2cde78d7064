//! Values on their way into statements: numbers, times and texts. Rows are in [`crate::rows`].

use std::fmt::{self, Display};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::HostId;
use leasehold_domain::cell::Source;
use leasehold_store::StoreError;
use serde::Serialize;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo};
use sqlx::{Encode, Postgres, Type};

use crate::error::internal;

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

/// Hostids in their text forms.
pub(crate) fn hostids<'a>(hostids: impl IntoIterator<Item = &'a HostId>) -> Vec<String> {
    let text = |hostid: &HostId| [hostid.value(), "/", hostid.kind().name()].concat();
    hostids.into_iter().map(text).collect()
}

/// Values in their text forms.
pub(crate) fn texts(values: impl IntoIterator<Item = impl Display>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// Rows as a JSON array.
pub(crate) fn json(rows: &impl Serialize) -> Result<Json, StoreError> {
    serde_json::to_string(rows).map(Json).map_err(internal)
}

/// The number of its type, which is the same everywhere.
const JSON: u32 = 114;

/// A JSON text, as an argument.
#[derive(Clone)]
pub(crate) struct Json(String);

impl Type<Postgres> for Json {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(JSON))
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
