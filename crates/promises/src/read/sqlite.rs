//! Snapshots out of the embedded store's file.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use uuid::Uuid;

use super::{Placed, ReadError, deltas, item, join, time, token};
use crate::snapshot::{Activity, Cell, Grant, Item, Part, Snapshot, StoredAnswer};

const ITEMS: &str = "SELECT id, count, advisory, overdraft, overdraft_amount FROM line_items";
const CELLS: &str = "SELECT line_item, source, allocated, used FROM cells";
const GRANTS: &str =
    "SELECT id, device, place, feature, mode, fencing_token, lease_token FROM grants ORDER BY granted_at";
const PARTS: &str = "SELECT grant_id, line_item, source, count FROM parts";
const ANSWERS: &str = "SELECT id, answer FROM answers ORDER BY at";
const ACTIVITY: &str =
    "SELECT id, at, kind, hostid, feature, grant_id, deltas, request FROM activity ORDER BY at, id";

/// Reads the whole state in one transaction. Only at rest is it what [`crate::replay`] judges: nothing may be under way.
pub async fn read(database: &mut SqliteConnection) -> Result<Snapshot, ReadError> {
    let mut reading = database.begin().await?;
    let mut snapshot = held(&mut reading).await?;
    snapshot.answers = rows(&mut reading, ANSWERS, answer).await?;
    snapshot.activity = rows(&mut reading, ACTIVITY, activity).await?;
    reading.rollback().await?;
    Ok(snapshot)
}

/// Reads line items, counters and grants in one transaction, for [`crate::state::check_counts`].
pub async fn counts(database: &mut SqliteConnection) -> Result<Snapshot, ReadError> {
    let mut reading = database.begin().await?;
    let snapshot = held(&mut reading).await?;
    reading.rollback().await?;
    Ok(snapshot)
}

/// What the back end's own check of the file and of its references complains of.
pub async fn damage(database: &mut SqliteConnection) -> Result<Vec<String>, ReadError> {
    let said = rows(database, "PRAGMA integrity_check", |row| Ok(row.try_get::<String, _>(0)?)).await?;
    let broken = rows(database, "PRAGMA foreign_key_check", |row| {
        Ok(format!("a row of {} refers to nothing", row.try_get::<String, _>(0)?))
    });
    let broken = broken.await?;
    Ok(said.into_iter().filter(|line| line != "ok").chain(broken).collect())
}

async fn held(database: &mut SqliteConnection) -> Result<Snapshot, ReadError> {
    let items = rows(database, ITEMS, line_item).await?.into_iter().collect();
    let cells = rows(database, CELLS, cell).await?;
    let mut snapshot = Snapshot { items, cells, ..Snapshot::default() };
    let grants = rows(database, GRANTS, grant).await?;
    let parts = rows(database, PARTS, part).await?;
    join(&mut snapshot, grants, parts);
    Ok(snapshot)
}

async fn rows<T>(
    database: &mut SqliteConnection,
    sql: &'static str,
    read: impl Fn(&SqliteRow) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    sqlx::query(sql).fetch_all(database).await?.iter().map(read).collect()
}

fn line_item(row: &SqliteRow) -> Result<(String, Item), ReadError> {
    let (count, advisory) = (row.try_get("count")?, row.try_get("advisory")?);
    let (overdraft, amount) = (row.try_get("overdraft")?, row.try_get("overdraft_amount")?);
    Ok((row.try_get("id")?, item((count, advisory, overdraft, amount))))
}

fn cell(row: &SqliteRow) -> Result<Cell, ReadError> {
    Ok(Cell {
        item: row.try_get("line_item")?,
        source: row.try_get("source")?,
        allocated: row.try_get("allocated")?,
        used: row.try_get("used")?,
    })
}

fn grant(row: &SqliteRow) -> Result<Grant, ReadError> {
    Ok(Grant {
        id: uuid(row.try_get("id")?)?,
        device: row.try_get("device")?,
        place: row.try_get("place")?,
        feature: row.try_get("feature")?,
        borrowed: row.try_get("mode")?,
        fencing_token: token(row.try_get("fencing_token")?)?,
        lease_token: row.try_get::<Option<Vec<u8>>, _>("lease_token")?.unwrap_or_default(),
        parts: Vec::new(),
    })
}

fn part(row: &SqliteRow) -> Result<Placed, ReadError> {
    let part = Part {
        item: row.try_get("line_item")?,
        source: row.try_get("source")?,
        count: row.try_get("count")?,
    };
    Ok((uuid(row.try_get("grant_id")?)?, part))
}

fn answer(row: &SqliteRow) -> Result<StoredAnswer, ReadError> {
    Ok(StoredAnswer { id: uuid(row.try_get("id")?)?, answer: row.try_get("answer")? })
}

fn activity(row: &SqliteRow) -> Result<Activity, ReadError> {
    Ok(Activity {
        id: uuid(row.try_get("id")?)?,
        at: time(row.try_get("at")?)?,
        kind: row.try_get("kind")?,
        device: row.try_get("hostid")?,
        feature: row.try_get("feature")?,
        grant: row.try_get::<Option<&[u8]>, _>("grant_id")?.map(uuid).transpose()?,
        deltas: deltas(row.try_get("deltas")?)?,
        request: row.try_get::<Option<&[u8]>, _>("request")?.map(uuid).transpose()?,
    })
}

fn uuid(bytes: &[u8]) -> Result<Uuid, ReadError> {
    Uuid::from_slice(bytes).map_err(|_| ReadError::Content { what: "an id" })
}
