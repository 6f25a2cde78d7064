//! Snapshots out of a Postgres database.

use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use super::{Placed, ReadError, deltas, item, join, time, token};
use crate::snapshot::{Activity, Cell, Grant, Item, Part, Snapshot, StoredAnswer};

const ITEMS: &str = "SELECT id, count, advisory, overdraft, overdraft_amount FROM licensing.line_items";
const CELLS: &str = "SELECT line_item, source, allocated, used FROM licensing.cells";
const GRANTS: &str = "SELECT id::text, device, place, feature, mode, fencing_token, lease_token::text \
                      FROM licensing.grants ORDER BY granted_at";
const PARTS: &str = "SELECT grants.id::text, part.line_item, part.source, part.count \
                     FROM licensing.grants AS grants, unnest(grants.parts) AS part";
const ANSWERS: &str = "SELECT id::text, answer FROM licensing.answers ORDER BY at";
const ACTIVITY: &str = "SELECT r.id::text, a.at, r.kind, r.feature, r.grant_id::text, r.deltas, r.request::text, r.hostid \
                        FROM licensing.activity AS a, unnest(a.records) AS r ORDER BY a.at, r.id";
/// Every statement of a snapshot sees the same.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Sums that are kept beside what they are the sums of: each row is one that is wrong.
const DISAGREEMENTS: &[(&str, &str)] = &[
    (
        "the tally of a line item is not what is out of it",
        "SELECT tallies.line_item || ' has ' || used FROM licensing.tallies WHERE used <> (\
           SELECT coalesce(sum(part.count), 0) FROM licensing.grants, unnest(grants.parts) AS part \
           WHERE part.line_item = tallies.line_item)",
    ),
    (
        "the count of a grant is not that of its parts",
        "SELECT id::text FROM licensing.grants \
         WHERE count <> (SELECT sum(part.count) FROM unnest(grants.parts) AS part)",
    ),
    (
        "the number of records is not the one that is kept",
        "SELECT activity_rows::text FROM licensing.totals \
         WHERE activity_rows <> (SELECT count(*) FROM licensing.activity, unnest(records))",
    ),
    (
        "the time of an answer is kept nowhere, or the answer of a time is gone",
        "WITH here AS (SELECT id FROM licensing.answers), \
              kept AS (SELECT unnest(ids) AS id FROM licensing.answer_times) \
         SELECT id::text FROM (SELECT id FROM here EXCEPT SELECT id FROM kept) AS unkept \
          UNION ALL SELECT id::text FROM (SELECT id FROM kept EXCEPT SELECT id FROM here) AS gone",
    ),
    (
        "a grant has ended and is there",
        "SELECT grant_id::text FROM licensing.endings WHERE grant_id IN (SELECT id FROM licensing.grants)",
    ),
];

/// Reads the whole state in one transaction, and compares what is kept twice. Only at rest is it what [`crate::replay`]
/// judges: nothing may be under way.
pub async fn read(database: &mut PgConnection) -> Result<Snapshot, ReadError> {
    let mut reading = database.begin_with(BEGIN).await?;
    let mut snapshot = held(&mut reading).await?;
    snapshot.answers = rows(&mut reading, ANSWERS, answer).await?;
    snapshot.activity = rows(&mut reading, ACTIVITY, activity).await?;
    snapshot.damage = disagreements(&mut reading).await?;
    reading.rollback().await?;
    Ok(snapshot)
}

/// Reads line items, counters and grants in one transaction, for [`crate::state::check_counts`].
pub async fn counts(database: &mut PgConnection) -> Result<Snapshot, ReadError> {
    let mut reading = database.begin_with(BEGIN).await?;
    let snapshot = held(&mut reading).await?;
    reading.rollback().await?;
    Ok(snapshot)
}

/// The answer that is kept for a request.
pub async fn stored_answer(database: &mut PgConnection, request: Uuid) -> Result<Option<Vec<u8>>, ReadError> {
    let query = sqlx::query("SELECT answer FROM licensing.answers WHERE id = $1::uuid");
    let row = query.bind(request.to_string()).fetch_optional(database).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// What the server's own check of its indexes complains of. The user has to be a superuser: it makes an extension.
pub async fn damage(database: &mut PgConnection) -> Result<Vec<String>, ReadError> {
    sqlx::raw_sql("CREATE EXTENSION IF NOT EXISTS amcheck").execute(&mut *database).await?;
    let check = "SELECT bt_index_check(index.oid, true) FROM pg_class AS index \
                 JOIN pg_am ON pg_am.oid = index.relam \
                 WHERE index.relnamespace = 'licensing'::regnamespace AND index.relkind = 'i' AND pg_am.amname = 'btree'";
    let checked = sqlx::query(check).fetch_all(database).await;
    Ok(checked.err().map(|error| error.to_string()).into_iter().collect())
}

async fn held(database: &mut PgConnection) -> Result<Snapshot, ReadError> {
    let items = rows(database, ITEMS, line_item).await?.into_iter().collect();
    let cells = rows(database, CELLS, cell).await?;
    let mut snapshot = Snapshot { items, cells, ..Snapshot::default() };
    let grants = rows(database, GRANTS, grant).await?;
    let parts = rows(database, PARTS, part).await?;
    join(&mut snapshot, grants, parts);
    Ok(snapshot)
}

async fn disagreements(database: &mut PgConnection) -> Result<Vec<String>, ReadError> {
    let mut found = Vec::new();
    for (what, sql) in DISAGREEMENTS {
        let wrong = rows(database, sql, |row| Ok(row.try_get::<String, _>(0)?)).await?;
        found.extend(wrong.into_iter().map(|row| format!("{what}: {row}")));
    }
    Ok(found)
}

async fn rows<T>(
    database: &mut PgConnection,
    sql: &'static str,
    read: impl Fn(&PgRow) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    sqlx::query(sql).fetch_all(database).await?.iter().map(read).collect()
}

fn line_item(row: &PgRow) -> Result<(String, Item), ReadError> {
    let (count, advisory) = (row.try_get("count")?, row.try_get("advisory")?);
    let (overdraft, amount) = (row.try_get("overdraft")?, row.try_get("overdraft_amount")?);
    Ok((row.try_get("id")?, item((count, advisory, overdraft, amount))))
}

fn cell(row: &PgRow) -> Result<Cell, ReadError> {
    Ok(Cell {
        item: row.try_get("line_item")?,
        source: row.try_get("source")?,
        allocated: row.try_get("allocated")?,
        used: row.try_get("used")?,
    })
}

fn grant(row: &PgRow) -> Result<Grant, ReadError> {
    let lease_token = row.try_get::<Option<&str>, _>(6)?.map(uuid).transpose()?;
    Ok(Grant {
        id: uuid(row.try_get(0)?)?,
        device: row.try_get("device")?,
        place: row.try_get("place")?,
        feature: row.try_get("feature")?,
        borrowed: row.try_get::<i16, _>("mode")? == 1,
        fencing_token: token(row.try_get("fencing_token")?)?,
        lease_token: lease_token.map(|token| token.as_bytes().to_vec()).unwrap_or_default(),
        parts: Vec::new(),
    })
}

fn part(row: &PgRow) -> Result<Placed, ReadError> {
    let part = Part { item: row.try_get(1)?, source: row.try_get(2)?, count: row.try_get(3)? };
    Ok((uuid(row.try_get(0)?)?, part))
}

fn answer(row: &PgRow) -> Result<StoredAnswer, ReadError> {
    Ok(StoredAnswer { id: uuid(row.try_get(0)?)?, answer: row.try_get(1)? })
}

fn activity(row: &PgRow) -> Result<Activity, ReadError> {
    Ok(Activity {
        id: uuid(row.try_get(0)?)?,
        at: time(row.try_get(1)?)?,
        kind: row.try_get(2)?,
        device: row.try_get(7)?,
        feature: row.try_get(3)?,
        grant: row.try_get::<Option<&str>, _>(4)?.map(uuid).transpose()?,
        deltas: deltas(row.try_get(5)?)?,
        request: row.try_get::<Option<&str>, _>(6)?.map(uuid).transpose()?,
    })
}

fn uuid(text: &str) -> Result<Uuid, ReadError> {
    text.parse().map_err(|_| ReadError::Content { what: "an id" })
}
