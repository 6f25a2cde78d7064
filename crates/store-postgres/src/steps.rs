//! What a batch finds of its instance when it has its turn: the server's clock and the record of its steps, the mark of a
//! restored instance, its vendor's leave, and that it is suspended.

use leasehold_domain::Leave;
use leasehold_domain::steps::{Step, Steps};
use leasehold_store::StoreError;
use leasehold_store::licensing::StoreTime;
use sqlx::Row;
use sqlx::postgres::{PgArguments, PgRow};

use crate::arguments::add;
use crate::decode::{Columns, corrupt};
use crate::encode::{length, micros};
use crate::error::store_error;

pub(crate) const RECORD: &str =
    "UPDATE licensing.instances SET correction = $2, step_times = $3, steps = $4 WHERE no = $1";

pub(crate) const SET_RESTORED: &str =
    "UPDATE licensing.instances SET restored = $2 WHERE no = $1 AND restored <> $2 RETURNING no";

const FOUND: &str =
    "now, correction, step_times, steps, restored, bundle_sequence, synchronize_before, suspension";

/// What a batch finds of the instance.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The time.
    pub(crate) time: StoreTime,
    /// Whether the instance is marked as restored.
    pub(crate) restored: bool,
    /// Its vendor's leave.
    pub(crate) leave: Option<Leave>,
    /// That it is suspended, with the text for clients.
    pub(crate) suspended: Option<String>,
}

/// The first row that the beginning of a batch answers with.
pub(crate) fn of_turn(rows: &[PgRow]) -> Result<Found, StoreError> {
    let row = rows.first().ok_or_else(|| corrupt("instances", "correction", "the instance is gone"))?;
    // A simple statement answers in text, of which bytes can only be copied.
    let content: Vec<u8> = row.try_get(0).map_err(store_error)?;
    read(&content)
}

/// The arguments of [`RECORD`].
pub(crate) fn write(instance: i32, steps: &Steps) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, length(steps.correction))?;
    add(&mut arguments, steps.recent.iter().map(|step| micros(step.at)).collect::<Vec<i64>>())?;
    add(&mut arguments, steps.recent.iter().map(|step| length(step.by)).collect::<Vec<i64>>())?;
    Ok(arguments)
}

/// Reads the row.
pub(crate) fn read(row: &[u8]) -> Result<Found, StoreError> {
    let columns = &mut Columns::of("instances", FOUND, row)?;
    let (now, correction) = (columns.time()?, columns.length()?);
    let (times, steps) = (columns.times()?, columns.lengths()?);
    let recent = times.into_iter().zip(steps).map(|(at, by)| Step { at, by }).collect();
    let time = StoreTime { now, steps: Steps { correction, recent } };
    let (restored, sequence) = (columns.plain()?, columns.optional_number()?);
    let before = columns.optional_time()?;
    let leave = sequence.zip(before).map(|(sequence, before)| Leave { sequence, synchronize_before: before });
    let suspended = columns.plain::<Option<&str>>()?.map(str::to_owned);
    Ok(Found { time, restored, leave, suspended })
}
