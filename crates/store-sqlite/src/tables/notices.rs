//! Notices for clients.

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::licensing::{Notice, Notices};
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::{micros, whole};
use crate::writer::Query;

/// All of an instance, by number, beside the last number; a row without a notice where there is none.
pub(crate) const ALL: &str = "SELECT i.notices_number, n.key, n.number, n.until, n.content \
       FROM instances AS i LEFT JOIN notices AS n ON n.instance = i.no \
      WHERE i.no = $1 ORDER BY n.number";

const PUT: &str = "INSERT INTO notices (instance, key, number, until, content) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (instance, key) DO UPDATE \
        SET number = excluded.number, until = excluded.until, content = excluded.content; \
     UPDATE instances SET notices_number = max(notices_number, $3) WHERE no = $1";

const REMOVE: &str = "DELETE FROM notices WHERE instance = $1 AND key = $2";

const FORGET: &str = "DELETE FROM notices WHERE instance = $1 AND until <= $2";

/// The statements that keep a notice.
pub(crate) fn put(instance: i64, notice: &Notice) -> Result<Query<'_>, StoreError> {
    Ok(sqlx::query(PUT)
        .bind(instance)
        .bind(&notice.key)
        .bind(whole(notice.number)?)
        .bind(micros(notice.until))
        .bind(&notice.content))
}

/// The statement that takes a notice away.
pub(crate) fn remove(instance: i64, key: &str) -> Query<'_> {
    sqlx::query(REMOVE).bind(instance).bind(key)
}

/// The statement that forgets those that were over by then.
pub(crate) fn forget(instance: Option<i64>, before: Timestamp) -> Query<'static> {
    sqlx::query(FORGET).bind(instance).bind(micros(before))
}

/// A row of [`ALL`].
pub(crate) fn read(row: &SqliteRow) -> Result<(u64, Option<Notice>), StoreError> {
    let columns = &mut Columns::of("notices", row);
    let last_number = columns.number()?;
    let Some(key) = columns.plain::<Option<String>>()? else { return Ok((last_number, None)) };
    let (number, until) = (columns.number()?, columns.time()?);
    Ok((last_number, Some(Notice { key, number, until, content: columns.plain()? })))
}

/// The rows of [`ALL`] together.
pub(crate) fn gather(rows: Vec<(u64, Option<Notice>)>) -> Notices {
    let last_number = rows.first().map_or(0, |(number, _)| *number);
    Notices { last_number, kept: rows.into_iter().filter_map(|(_, notice)| notice).collect() }
}
