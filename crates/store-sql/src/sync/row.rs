//! Rows of synchronisation as values. What cannot be read back is a [`StoreError::Corrupt`] that names table, column
//! and problem.

use std::fmt::Display;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::StoreError;
use leasehold_store::sync::{
    Bundle, Contact, Enrolment, Exchange, ExchangeState, Failure, Identity, Keys, Step, Way,
};
use sqlx::any::AnyRow;
use sqlx::{Any, Column as _, Decode, Row as _, Type};
use uuid::Uuid;

/// The columns of a row, one after another.
struct Columns<'r> {
    table: &'static str,
    row: &'r AnyRow,
    next: usize,
}

impl<'r> Columns<'r> {
    fn of(table: &'static str, row: &'r AnyRow) -> Self {
        Self { table, row, next: 0 }
    }

    fn plain<T: Decode<'r, Any> + Type<Any>>(&mut self) -> Result<T, StoreError> {
        let value = self.row.try_get(self.next).map_err(|error| self.corrupt(error));
        self.next += 1;
        value
    }

    /// The next column, read by `read`.
    fn read<T, V, E: Display>(&mut self, read: impl FnOnce(V) -> Result<T, E>) -> Result<T, StoreError>
    where
        V: Decode<'r, Any> + Type<Any>,
    {
        let value = self.plain()?;
        self.next -= 1;
        let value = read(value).map_err(|error| self.corrupt(error));
        self.next += 1;
        value
    }

    fn corrupt(&self, problem: impl Display) -> StoreError {
        let column = self.row.columns().get(self.next).map_or("?", |column| column.name());
        StoreError::Corrupt { what: format!("{}.{column}: {problem}", self.table) }
    }

    fn number(&mut self) -> Result<u64, StoreError> {
        self.read(|number: i64| u64::try_from(number))
    }

    fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.read(Timestamp::from_microsecond)
    }

    fn optional_time(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|at: Option<i64>| at.map(Timestamp::from_microsecond).transpose())
    }

    fn uuid(&mut self) -> Result<Uuid, StoreError> {
        self.read(|text: String| Uuid::parse_str(&text))
    }

    fn fixed(&mut self) -> Result<[u8; 32], StoreError> {
        self.read(|bytes: Vec<u8>| {
            <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| format!("{} bytes, not 32", bytes.len()))
        })
    }

    /// The next column, where the row has one more.
    fn last_bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        if self.next < self.row.len() { self.plain() } else { Ok(Vec::new()) }
    }

    fn texts(&mut self) -> Result<Vec<String>, StoreError> {
        self.read(|json: String| serde_json::from_str(&json))
    }

    /// The next column as one of these, by its name.
    fn named<T: Copy>(&mut self, all: &[T], name: fn(T) -> &'static str) -> Result<T, StoreError> {
        self.read(|text: String| one_of(&text, all, name))
    }
}

fn one_of<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| format!("{text:?} is not known"))
}

pub(super) fn instance(row: &AnyRow) -> Result<InstanceId, StoreError> {
    Columns::of("identities", row).uuid().map(InstanceId)
}

/// The first column of a row about exchanges.
pub(super) fn number(row: &AnyRow) -> Result<u64, StoreError> {
    Columns::of("exchanges", row).number()
}

/// How some exchanges stand, by which way, the first one's number, and how many they are.
pub(super) fn pending(row: &AnyRow) -> Result<(ExchangeState, Way, u64, u64), StoreError> {
    let mut columns = Columns::of("exchanges", row);
    let state = columns.named(&ExchangeState::ALL, ExchangeState::name)?;
    Ok((state, columns.named(&Way::ALL, Way::name)?, columns.number()?, columns.number()?))
}

pub(super) fn identity(row: &AnyRow) -> Result<Identity, StoreError> {
    let mut columns = Columns::of("identities", row);
    Ok(Identity {
        revision: columns.number()?,
        enrolment: Enrolment {
            license_server_id: columns.uuid()?,
            vendor_id: columns.plain()?,
            vendor_name: columns.plain()?,
            vendor_root: columns.fixed()?,
            address: columns.plain()?,
            vendor_recipient: columns.plain()?,
            contact: Contact { mail: columns.plain()?, web: columns.plain()?, phone: columns.plain()? },
        },
        keys: Keys {
            signing_key: columns.plain()?,
            public_key: columns.fixed()?,
            identity: columns.plain()?,
            recipient: columns.plain()?,
        },
        next_number: columns.number()?,
        warned: columns.read(|days: Option<i64>| days.map(u16::try_from).transpose())?,
        next_at: columns.optional_time()?,
        failures: columns.read(|number: i64| u32::try_from(number))?,
        bundle: bundle(&mut columns)?,
    })
}

fn bundle(columns: &mut Columns<'_>) -> Result<Option<Bundle>, StoreError> {
    let sequence: Option<i64> = columns.plain()?;
    if sequence.is_none() {
        return Ok(None);
    }
    columns.next -= 1;
    Ok(Some(Bundle {
        sequence: columns.number()?,
        digest: columns.fixed()?,
        synchronized_at: columns.time()?,
        synchronize_before: columns.time()?,
        online_certificate: columns.plain()?,
        instance_certificate: columns.plain()?,
        notices: columns.texts()?,
        // A bundle from before these columns has neither.
        updates_address: columns.plain::<Option<String>>()?.unwrap_or_default(),
        updates_root: columns.plain::<Option<Vec<u8>>>()?.unwrap_or_default(),
    }))
}

pub(super) fn exchange(row: &AnyRow) -> Result<Exchange, StoreError> {
    let mut columns = Columns::of("exchanges", row);
    Ok(Exchange {
        number: columns.number()?,
        way: columns.named(&Way::ALL, Way::name)?,
        state: columns.named(&ExchangeState::ALL, ExchangeState::name)?,
        nonce: columns.fixed()?,
        started_at: columns.time()?,
        ended_at: columns.optional_time()?,
        sent_bytes: columns.number()?,
        received_bytes: columns.number()?,
        bundle_sequence: columns.number()?,
        changes: columns.texts()?,
        synchronize_before: columns.optional_time()?,
        failure: failure(&mut columns)?,
        actor: columns.plain()?,
        request: columns.last_bytes()?,
        response: columns.last_bytes()?,
    })
}

fn failure(columns: &mut Columns<'_>) -> Result<Option<Failure>, StoreError> {
    let read = |text: Option<String>| text.map(|text| one_of(&text, &Step::ALL, Step::name)).transpose();
    let step = columns.read(read)?;
    let (reason, message) = (columns.plain()?, columns.plain()?);
    Ok(step.map(|step| Failure { step, reason, message }))
}

/// A text to be searched for with `LIKE … ESCAPE '\'`.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
