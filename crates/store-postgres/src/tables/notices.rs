//! Notices for clients.

use leasehold_store::StoreError;
use leasehold_store::licensing::{Notice, Notices};
use sqlx::postgres::PgArguments;

use crate::arguments::add;
use crate::decode::Columns;
use crate::encode::{micros, whole};

/// All of an instance, by number, beside the last number; a row without a notice where there is none.
pub(crate) const ALL: &str = "SELECT record_send(ROW(i.notices_number, n.key, n.number, n.until, n.content)) \
       FROM licensing.instances AS i LEFT JOIN licensing.notices AS n ON n.instance = i.no \
      WHERE i.no = $1 ORDER BY n.number";

const COLUMNS: &str = "notices_number, key, number, until, content";

/// Keeps a notice, for [`put`].
pub(crate) const PUT: &str = "WITH kept AS ( \
         INSERT INTO licensing.notices (instance, key, number, until, content) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (instance, key) DO UPDATE \
            SET number = excluded.number, until = excluded.until, content = excluded.content) \
     UPDATE licensing.instances SET notices_number = greatest(notices_number, $3) WHERE no = $1";

/// Takes the notice of the key `$2` away.
pub(crate) const REMOVE: &str = "DELETE FROM licensing.notices WHERE instance = $1 AND key = $2";

/// Forgets those that were over at `$2`.
pub(crate) const FORGET: &str = "DELETE FROM licensing.notices WHERE instance = $1 AND until <= $2";

/// The arguments of [`PUT`].
pub(crate) fn put(instance: i32, notice: &Notice) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, notice.key.clone())?;
    add(&mut arguments, whole(notice.number)?)?;
    add(&mut arguments, micros(notice.until))?;
    add(&mut arguments, notice.content.clone())?;
    Ok(arguments)
}

/// A row of [`ALL`].
pub(crate) fn read(row: &[u8]) -> Result<(u64, Option<Notice>), StoreError> {
    let columns = &mut Columns::of("notices", COLUMNS, row)?;
    let last_number = columns.number()?;
    let Some(key) = columns.plain::<Option<&str>>()?.map(str::to_owned) else {
        return Ok((last_number, None));
    };
    let (number, until) = (columns.number()?, columns.time()?);
    let content = columns.plain::<&[u8]>()?.to_vec();
    Ok((last_number, Some(Notice { key, number, until, content })))
}

/// The rows of [`ALL`] together.
pub(crate) fn gather(rows: Vec<(u64, Option<Notice>)>) -> Notices {
    let last_number = rows.first().map_or(0, |(number, _)| *number);
    Notices { last_number, kept: rows.into_iter().filter_map(|(_, notice)| notice).collect() }
}
