//! Snapshots out of the embedded store's file.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{Connection, Row, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::snapshot::{Activity, Cell, Grant, Item, Part, Snapshot, StoredAnswer, capacity};
use crate::server::database;

/// Copies the database, its write-ahead log included, out of a data directory that no server has open, and
/// reads the copy. The original stays as the server left it.
pub(crate) async fn read_copy(data: &Path) -> Snapshot {
    let folder = copy(data);
    read(&database(folder.path())).await
}

/// A copy of the database and its write-ahead log, in a folder of its own.
pub(crate) fn copy(data: &Path) -> TempDir {
    let original = database(data);
    let folder = tempfile::tempdir().unwrap();
    for suffix in ["", "-wal"] {
        let mut name = original.file_name().expect("a database is a file").to_owned();
        name.push(suffix);
        let from = original.with_file_name(&name);
        if from.exists() {
            std::fs::copy(from, folder.path().join(name)).unwrap();
        }
    }
    folder
}

/// Reads a database. It is opened for writing too, because a log that was left by a killed server can only
/// be read so.
pub(crate) async fn read(file: &Path) -> Snapshot {
    let options = SqliteConnectOptions::new().filename(file);
    let mut database = SqliteConnection::connect_with(&options).await.unwrap();
    let mut snapshot = Snapshot { damage: damage(&mut database).await, ..Snapshot::default() };
    snapshot.items = rows(&mut database, ITEMS, item).await.into_iter().collect();
    snapshot.cells = rows(&mut database, "SELECT line_item, source, allocated, used FROM cells", cell).await;
    let grants = rows(&mut database, GRANTS, grant).await;
    let parts = rows(&mut database, "SELECT grant_id, line_item, source, count FROM parts", part).await;
    snapshot.answers = rows(&mut database, "SELECT id, answer FROM answers ORDER BY at", answer).await;
    snapshot.activity = rows(&mut database, ACTIVITY, activity).await;
    database.close().await.unwrap();

    let mut grants: BTreeMap<Uuid, Grant> = grants.into_iter().map(|grant| (grant.id, grant)).collect();
    for (id, part) in parts {
        match grants.get_mut(&id) {
            Some(grant) => grant.parts.push(part),
            None => snapshot.strays.push((id, part)),
        }
    }
    snapshot.grants = grants.into_values().collect();
    snapshot
}

const ITEMS: &str = "SELECT id, count, overdraft, overdraft_amount, advisory FROM line_items";
const GRANTS: &str =
    "SELECT id, device, place, feature, mode, fencing_token, lease_token FROM grants ORDER BY granted_at";
const ACTIVITY: &str = "SELECT at, kind, feature, grant_id, deltas, request FROM activity ORDER BY at, id";

async fn rows<T>(
    database: &mut SqliteConnection,
    sql: &'static str,
    read: impl Fn(&SqliteRow) -> T,
) -> Vec<T> {
    sqlx::query(sql).fetch_all(database).await.unwrap().iter().map(read).collect()
}

async fn damage(database: &mut SqliteConnection) -> Vec<String> {
    let said = rows(database, "PRAGMA integrity_check", |row| row.get::<String, _>(0)).await;
    let broken = rows(database, "PRAGMA foreign_key_check", |row| {
        format!("a row of {} refers to nothing", row.get::<String, _>(0))
    });
    let broken = broken.await;
    said.into_iter().filter(|line| line != "ok").chain(broken).collect()
}

fn item(row: &SqliteRow) -> (String, Item) {
    let capacity = capacity(
        row.get("count"),
        row.get("advisory"),
        row.get("overdraft"),
        row.get::<Option<i64>, _>("overdraft_amount").unwrap_or_default(),
    );
    (row.get("id"), Item { capacity })
}

fn cell(row: &SqliteRow) -> Cell {
    Cell {
        item: row.get("line_item"),
        source: row.get("source"),
        allocated: row.get("allocated"),
        used: row.get("used"),
    }
}

fn grant(row: &SqliteRow) -> Grant {
    Grant {
        id: uuid(row.get("id")),
        device: row.get("device"),
        place: row.get("place"),
        feature: row.get("feature"),
        borrowed: row.get("mode"),
        fencing_token: u64::try_from(row.get::<i64, _>("fencing_token")).unwrap(),
        lease_token: row.get::<Option<Vec<u8>>, _>("lease_token").unwrap_or_default(),
        parts: Vec::new(),
    }
}

fn part(row: &SqliteRow) -> (Uuid, Part) {
    let part = Part { item: row.get("line_item"), source: row.get("source"), count: row.get("count") };
    (uuid(row.get("grant_id")), part)
}

fn answer(row: &SqliteRow) -> StoredAnswer {
    StoredAnswer { id: uuid(row.get("id")), answer: row.get("answer") }
}

fn activity(row: &SqliteRow) -> Activity {
    let deltas: BTreeMap<String, i64> = serde_json::from_str(row.get("deltas")).unwrap();
    Activity {
        at: Timestamp::from_microsecond(row.get("at")).unwrap(),
        kind: row.get("kind"),
        feature: row.get("feature"),
        grant: row.get::<Option<&[u8]>, _>("grant_id").map(uuid),
        deltas,
        request: row.get::<Option<&[u8]>, _>("request").map(uuid),
    }
}

fn uuid(bytes: &[u8]) -> Uuid {
    Uuid::from_slice(bytes).unwrap()
}
