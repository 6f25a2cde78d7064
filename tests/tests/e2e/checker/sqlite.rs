//! Snapshots of the embedded store's file, and copies of it.

use std::path::Path;

use leasehold_promises::read::sqlite;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use super::snapshot::Snapshot;
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
    let damage = sqlite::damage(&mut database).await.unwrap();
    let mut snapshot = sqlite::read(&mut database).await.unwrap();
    snapshot.damage.extend(damage);
    database.close().await.unwrap();
    snapshot
}
