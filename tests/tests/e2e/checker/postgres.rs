//! Snapshots out of a Postgres database.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, Row};
use uuid::Uuid;

use super::snapshot::{Activity, Cell, Grant, Item, Part, Snapshot, StoredAnswer, capacity};

/// Reads the whole state in one transaction. At rest only is it what the checker judges: nothing may be under way.
pub(crate) async fn read(url: &str) -> Snapshot {
    let mut database = PgConnection::connect(url).await.unwrap();
    let mut snapshot = Snapshot { damage: damage(&mut database).await, ..Snapshot::default() };
    execute(&mut database, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await;
    snapshot.items = rows(&mut database, ITEMS, item).await.into_iter().collect();
    snapshot.cells = rows(&mut database, CELLS, cell).await;
    let grants = rows(&mut database, GRANTS, grant).await;
    let parts = rows(&mut database, PARTS, part).await;
    snapshot.answers =
        rows(&mut database, "SELECT id::text, answer FROM licensing.answers ORDER BY at", answer).await;
    snapshot.activity = rows(&mut database, ACTIVITY, activity).await;
    snapshot.damage.extend(disagreements(&mut database).await);
    execute(&mut database, "COMMIT").await;
    database.close().await.unwrap();

    let mut grants: BTreeMap<Uuid, Grant> = grants.into_iter().map(|grant| (grant.id, grant)).collect();
    for (id, part) in parts {
        grants.get_mut(&id).expect("a grant's parts are in its row").parts.push(part);
    }
    snapshot.grants = grants.into_values().collect();
    snapshot
}

/// The answer that is kept for a request.
pub(crate) async fn stored_answer(url: &str, request: &str) -> Option<Vec<u8>> {
    let mut database = PgConnection::connect(url).await.unwrap();
    let query = sqlx::query("SELECT answer FROM licensing.answers WHERE id = $1::uuid").bind(request);
    let row = query.fetch_optional(&mut database).await.unwrap();
    database.close().await.unwrap();
    row.map(|row| row.get(0))
}

const ITEMS: &str = "SELECT id, count, overdraft, overdraft_amount, advisory FROM licensing.line_items";
const CELLS: &str = "SELECT line_item, source, allocated, used FROM licensing.cells";
const GRANTS: &str = "SELECT id::text, device, place, feature, mode, fencing_token, lease_token::text \
                      FROM licensing.grants ORDER BY granted_at";
const PARTS: &str = "SELECT grants.id::text, part.line_item, part.source, part.count \
                     FROM licensing.grants AS grants, unnest(grants.parts) AS part";
const ACTIVITY: &str = "SELECT a.at, r.kind, r.feature, r.grant_id::text, r.deltas, r.request::text \
                        FROM licensing.activity AS a, unnest(a.records) AS r ORDER BY a.at, r.id";
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

async fn execute(database: &mut PgConnection, sql: &'static str) {
    sqlx::raw_sql(sql).execute(database).await.unwrap();
}

async fn rows<T>(database: &mut PgConnection, sql: &'static str, read: impl Fn(&PgRow) -> T) -> Vec<T> {
    sqlx::query(sql).fetch_all(database).await.unwrap().iter().map(read).collect()
}

/// What the server's own check of its indexes complains of.
async fn damage(database: &mut PgConnection) -> Vec<String> {
    execute(database, "CREATE EXTENSION IF NOT EXISTS amcheck").await;
    let check = "SELECT bt_index_check(index.oid, true) FROM pg_class AS index \
                 JOIN pg_am ON pg_am.oid = index.relam \
                 WHERE index.relnamespace = 'licensing'::regnamespace AND index.relkind = 'i' AND pg_am.amname = 'btree'";
    let checked = sqlx::query(check).fetch_all(database).await;
    checked.err().map(|error| error.to_string()).into_iter().collect()
}

async fn disagreements(database: &mut PgConnection) -> Vec<String> {
    let mut found = Vec::new();
    for (what, sql) in DISAGREEMENTS {
        let wrong = rows(database, sql, |row| row.get::<String, _>(0)).await;
        found.extend(wrong.into_iter().map(|row| format!("{what}: {row}")));
    }
    found
}

fn item(row: &PgRow) -> (String, Item) {
    let capacity = capacity(
        row.get("count"),
        row.get("advisory"),
        row.get("overdraft"),
        row.get::<Option<i64>, _>("overdraft_amount").unwrap_or_default(),
    );
    (row.get("id"), Item { capacity })
}

fn cell(row: &PgRow) -> Cell {
    Cell {
        item: row.get("line_item"),
        source: row.get("source"),
        allocated: row.get("allocated"),
        used: row.get("used"),
    }
}

fn grant(row: &PgRow) -> Grant {
    Grant {
        id: uuid(row.get(0)),
        device: row.get("device"),
        place: row.get("place"),
        feature: row.get("feature"),
        borrowed: row.get::<i16, _>("mode") == 1,
        fencing_token: u64::try_from(row.get::<i64, _>("fencing_token")).unwrap(),
        lease_token: row
            .get::<Option<&str>, _>(6)
            .map(|text| uuid(text).as_bytes().to_vec())
            .unwrap_or_default(),
        parts: Vec::new(),
    }
}

fn part(row: &PgRow) -> (Uuid, Part) {
    (uuid(row.get(0)), Part { item: row.get(1), source: row.get(2), count: row.get(3) })
}

fn answer(row: &PgRow) -> StoredAnswer {
    StoredAnswer { id: uuid(row.get(0)), answer: row.get(1) }
}

fn activity(row: &PgRow) -> Activity {
    Activity {
        at: Timestamp::from_microsecond(row.get("at")).unwrap(),
        kind: row.get("kind"),
        feature: row.get("feature"),
        grant: row.get::<Option<&str>, _>(3).map(uuid),
        deltas: serde_json::from_str(row.get(4)).unwrap(),
        request: row.get::<Option<&str>, _>(5).map(uuid),
    }
}

fn uuid(text: &str) -> Uuid {
    text.parse().unwrap()
}
