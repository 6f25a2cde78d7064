//! A service's tables: checked when its database is opened, and brought up to date.
//!
//! Migrations only go forward. Tables that a newer release has written are refused before anything in them changes.
//! All of it is one transaction; in `PostgreSQL` under an advisory lock, so that replicas that start together follow
//! each other.

use leasehold_store::SchemaVersion;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, AnyPool, Executor as _};

use crate::database::{OpenError, cannot};

/// One step of a schema. A step that was released is never edited.
pub(crate) struct Step {
    /// From 1, without gaps.
    pub(crate) version: i64,
    /// For people.
    pub(crate) name: &'static str,
    /// The statements for `PostgreSQL`.
    pub(crate) postgres: &'static str,
    /// The statements for `SQLite`.
    pub(crate) sqlite: &'static str,
}

/// Keeps migrations apart from other programs' locks. The second number is the service's.
const LOCK: &str = "SELECT set_config('lock_timeout', '60s', true), set_config('statement_timeout', '0', true), \
     pg_advisory_xact_lock(1279607117, hashtext($1))::text";

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions ( \
     version    BIGINT NOT NULL PRIMARY KEY, \
     name       TEXT   NOT NULL, \
     checksum   TEXT   NOT NULL)";

/// Whether a database has the table of versions.
const HAS_VERSIONS: &str =
    "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'schema_versions'";
const FILE_HAS_VERSIONS: &str =
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_versions' AND $1 <> ''";

/// Brings the tables up to date, and says where they stood before.
pub(crate) async fn migrate(
    pool: &AnyPool,
    service: &'static str,
    postgres: bool,
    steps: &'static [Step],
) -> Result<SchemaVersion, OpenError> {
    let said = |error| cannot(service, error);
    let mut transaction = pool.begin().await.map_err(said)?;
    if postgres {
        sqlx::query(LOCK).bind(service).execute(&mut *transaction).await.map_err(said)?;
        // Whoever may not make anything can still use what is up to date.
        if !has_versions(&mut transaction, service, true).await? {
            let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {service}"));
            sqlx::query(create).execute(&mut *transaction).await.map_err(said)?;
            transaction.execute(VERSIONS).await.map_err(said)?;
        }
    } else {
        transaction.execute(VERSIONS).await.map_err(said)?;
    }
    let newest = check(&mut transaction, service, postgres, steps).await?;
    for step in steps.iter().filter(|step| step.version > newest) {
        sqlx::raw_sql(step.sql(postgres)).execute(&mut *transaction).await.map_err(said)?;
        sqlx::query("INSERT INTO schema_versions (version, name, checksum) VALUES ($1, $2, $3)")
            .bind(step.version)
            .bind(step.name)
            .bind(step.checksum(postgres))
            .execute(&mut *transaction)
            .await
            .map_err(said)?;
    }
    transaction.commit().await.map_err(said)?;
    Ok(SchemaVersion { found: newest, known: known(steps) })
}

/// Where the tables stand; changes nothing.
pub(crate) async fn look(
    connection: &mut AnyConnection,
    service: &'static str,
    postgres: bool,
    steps: &'static [Step],
) -> Result<SchemaVersion, OpenError> {
    let found = if has_versions(connection, service, postgres).await? {
        check(connection, service, postgres, steps).await?
    } else {
        0
    };
    Ok(SchemaVersion { found, known: known(steps) })
}

async fn has_versions(
    connection: &mut AnyConnection,
    service: &'static str,
    postgres: bool,
) -> Result<bool, OpenError> {
    let sql = if postgres { HAS_VERSIONS } else { FILE_HAS_VERSIONS };
    let count: i64 = sqlx::query_scalar(sql)
        .bind(service)
        .fetch_one(connection)
        .await
        .map_err(|error| cannot(service, error))?;
    Ok(count > 0)
}

/// The newest version that this release has.
pub(crate) fn known(steps: &[Step]) -> i64 {
    steps.last().map_or(0, |step| step.version)
}

/// The newest version that is there, after a look whether all of them are ours.
async fn check(
    connection: &mut AnyConnection,
    service: &'static str,
    postgres: bool,
    steps: &[Step],
) -> Result<i64, OpenError> {
    let applied: Vec<(i64, String)> =
        sqlx::query_as("SELECT version, checksum FROM schema_versions ORDER BY version")
            .fetch_all(connection)
            .await
            .map_err(|error| cannot(service, error))?;
    let known = known(steps);
    let newest = applied.last().map_or(0, |(version, _)| *version);
    if newest > known {
        return Err(OpenError::Newer { service, found: newest, known });
    }
    for (version, checksum) in &applied {
        let step = steps.iter().find(|step| step.version == *version);
        if step.is_none_or(|step| step.checksum(postgres) != *checksum) {
            return Err(OpenError::Changed { service, version: *version });
        }
    }
    Ok(newest)
}

impl Step {
    fn sql(&self, postgres: bool) -> &'static str {
        if postgres { self.postgres } else { self.sqlite }
    }

    fn checksum(&self, postgres: bool) -> String {
        let digest = Sha256::digest(self.sql(postgres));
        digest.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
    }
}
