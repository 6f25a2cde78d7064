//! The server's clock and the record of its steps, as a batch finds them when it has its turn.

use leasehold_domain::steps::{Step, Steps};
use leasehold_store::StoreError;
use leasehold_store::licensing::StoreTime;
use sqlx::Row;
use sqlx::postgres::{PgArguments, PgRow};

use crate::batch::add;
use crate::decode::{Columns, corrupt};
use crate::encode::{length, micros};
use crate::error::store_error;

pub(crate) const RECORD: &str =
    "UPDATE licensing.instances SET correction = $2, step_times = $3, steps = $4 WHERE no = $1";

/// The time from the first row that the beginning of a batch answers with.
pub(crate) fn of_turn(rows: &[PgRow]) -> Result<Option<StoreTime>, StoreError> {
    let row = rows.first().ok_or_else(|| corrupt("instances", "correction", "the instance is gone"))?;
    // A simple statement answers in text, of which bytes can only be copied.
    let content: Vec<u8> = row.try_get(0).map_err(store_error)?;
    read(&content).map(Some)
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

/// Reads the time.
pub(crate) fn read(row: &[u8]) -> Result<StoreTime, StoreError> {
    let columns = &mut Columns::of("instances", "now, correction, step_times, steps", row)?;
    let (now, correction) = (columns.time()?, columns.length()?);
    let (times, steps) = (columns.times()?, columns.lengths()?);
    let recent = times.into_iter().zip(steps).map(|(at, by)| Step { at, by }).collect();
    Ok(StoreTime { now, steps: Steps { correction, recent } })
}
