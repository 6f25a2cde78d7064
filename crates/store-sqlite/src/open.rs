//! Opening a database: what may be wrong with the file, and how its schema is brought up to date.
//!
//! Migrations only go forward. A file that a newer release has written is refused before anything in it changes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use leasehold_store::SchemaVersion;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{ConnectOptions, Connection, SqlStr, SqliteConnection};

use crate::connect::{Location, looker};
use crate::error::{code, primary_code};

/// Every step of the schema, oldest first. A step that was released is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "licensing", include_str!("../migrations/0001_licensing.sql")),
    (2, "lease protocol", include_str!("../migrations/0002_lease_protocol.sql")),
    (3, "vendor", include_str!("../migrations/0003_vendor.sql")),
    (4, "notices and tallies", include_str!("../migrations/0004_notices_and_tallies.sql")),
];

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is missing, may not be read or written, or another program keeps it locked.
    #[error(
        "cannot open the database {path}: {reason}; check that it may be read and written and that no other \
         program holds it"
    )]
    Cannot {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
        /// What the back end said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is something else than a database of this product.
    #[error("{path} is not a Leasehold database; nothing was changed; check the path, or move the file away")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer release has changed its schema.
    #[error(
        "the database {path} was written by a newer release: its schema is version {found}, this release knows \
         versions up to {known}; nothing was changed; upgrade Leasehold"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// A step of its schema is not the one that this release has.
    #[error(
        "the database {path} was made by another build: version {version} of its schema differs from this \
         release's; nothing was changed; use the release that made it, or restore a backup"
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The step's version.
        version: i64,
    },
    /// Its content contradicts itself.
    #[error("the database {path} is damaged: {reason}; restore a backup")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the back end found.
        reason: String,
    },
    /// Its file system cannot keep a write-ahead log, without which a commit is not safe enough.
    #[error("{path} cannot be kept safely where it is; move it to a local disk, not a network share")]
    NoWriteAheadLog {
        /// The file.
        path: PathBuf,
    },
}

/// Where the tables of licensing in this file stand; changes nothing. A file that is not there has none.
pub async fn look(file: &Path) -> Result<SchemaVersion, OpenError> {
    let location = Location::File(file.to_owned());
    let found = if has_content(file)? { look_into(&location, file).await? } else { 0 };
    Ok(SchemaVersion { found, known: known() })
}

/// Brings the tables of licensing in this file up to date, and says where they stood before. Nobody else may work on it.
pub async fn migrate(file: &Path) -> Result<SchemaVersion, OpenError> {
    let before = look(file).await?;
    let location = Location::File(file.to_owned());
    let connection = open(&location).await?;
    connection.close().await.map_err(|error| open_error(&location, error))?;
    Ok(before)
}

/// The version in this file, which has something in it.
async fn look_into(location: &Location, file: &Path) -> Result<i64, OpenError> {
    let said = |error| open_error(location, error);
    let mut reader = looker(file).connect().await.map_err(said)?;
    let checked = check(location, &mut reader).await;
    reader.close().await.map_err(said)?;
    checked
}

/// Opens the writer's connection: looks at the file without changing it, then brings its schema up to date.
pub(crate) async fn open(location: &Location) -> Result<SqliteConnection, OpenError> {
    let said = |error| open_error(location, error);
    if let Location::File(file) = location
        && has_content(file)?
    {
        look_into(location, file).await?;
    }
    // A pool of one, because the migrator takes pools more readily than connections.
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(location.writer());
    let pool = pool.await.map_err(said)?;
    if let Location::File(path) = location {
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&pool).await.map_err(said)?;
        if mode != "wal" {
            return Err(OpenError::NoWriteAheadLog { path: path.clone() });
        }
    }
    migrator().run(&pool).await.map_err(|error| migrate_error(location, error))?;
    let connection = pool.acquire().await.map_err(said)?.detach();
    pool.close().await;
    Ok(connection)
}

/// Whether there is a database in the file, and not nothing or something else.
fn has_content(file: &Path) -> Result<bool, OpenError> {
    let mut start = Vec::new();
    match File::open(file).and_then(|file| file.take(16).read_to_end(&mut start)) {
        Ok(0) => Ok(false),
        // The database itself takes a short file for an empty one.
        Ok(_) if start != b"SQLite format 3\0" => Err(OpenError::Foreign { path: file.to_owned() }),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(OpenError::Cannot {
            path: file.to_owned(),
            reason: error.to_string(),
            source: Box::new(error),
        }),
    }
}

/// The newest version that this release has.
pub fn known() -> i64 {
    MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
}

fn migrator() -> Migrator {
    let step = |(version, name, sql): &(i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(step).collect())
}

/// The newest version that is there, after a look whether the file is ours and not too new, with statements that only
/// read.
async fn check(location: &Location, reader: &mut SqliteConnection) -> Result<i64, OpenError> {
    let said = |error| open_error(location, error);
    let (tables, has_versions): (i64, bool) = sqlx::query_as(
        "SELECT count(*), coalesce(max(name = '_sqlx_migrations'), 0) FROM sqlite_master WHERE type = 'table'",
    )
    .fetch_one(&mut *reader)
    .await
    .map_err(said)?;
    if !has_versions {
        let path = location.path();
        return if tables == 0 { Ok(0) } else { Err(OpenError::Foreign { path }) };
    }
    let applied: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(reader)
            .await
            .map_err(said)?;
    let newest = applied.last().map_or(0, |(version, _)| *version);
    if newest > known() {
        return Err(OpenError::Newer { path: location.path(), found: newest, known: known() });
    }
    let migrator = migrator();
    let same = |(version, checksum): &&(i64, Vec<u8>)| {
        migrator.iter().any(|step| step.version == *version && *step.checksum == **checksum)
    };
    match applied.iter().find(|step| !same(step)) {
        Some((version, _)) => Err(OpenError::Changed { path: location.path(), version: *version }),
        None => Ok(newest),
    }
}

pub(crate) fn open_error(location: &Location, error: sqlx::Error) -> OpenError {
    let path = location.path();
    let said = match &error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    };
    match primary_code(&error) {
        Some(code::NOTADB) => OpenError::Foreign { path },
        Some(code::CORRUPT) => OpenError::Damaged { path, reason: said },
        _ => OpenError::Cannot { path, reason: said, source: Box::new(error) },
    }
}

fn migrate_error(location: &Location, error: MigrateError) -> OpenError {
    let path = location.path();
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            open_error(location, error)
        }
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
            OpenError::Changed { path, version }
        }
        MigrateError::Dirty(version) => {
            OpenError::Damaged { path, reason: format!("version {version} of its schema is half applied") }
        }
        other => OpenError::Cannot { path, reason: other.to_string(), source: Box::new(other) },
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;

    #[tokio::test]
    async fn each_step_takes_what_the_steps_before_have_kept() {
        for step in 1..MIGRATIONS.len() {
            let pool = SqlitePoolOptions::new().max_connections(1);
            let pool = pool.connect_with(Location::Memory.writer()).await.unwrap();
            let all = migrator();
            let before = all.iter().take(step).cloned().collect();
            Migrator::with_migrations(before).run(&pool).await.unwrap();
            let instance =
                "INSERT INTO instances (id, name, is_default) VALUES (zeroblob(16), 'main', 1) RETURNING no";
            let number: i64 = sqlx::query_scalar(instance).fetch_one(&pool).await.unwrap();
            all.run(&pool).await.unwrap();
            let kept: Vec<i64> =
                sqlx::query_scalar("SELECT no FROM instances").fetch_all(&pool).await.unwrap();
            assert_eq!(kept, [number], "after step {step}");
            pool.execute("UPDATE instances SET restored = 1").await.unwrap();
        }
    }
}
