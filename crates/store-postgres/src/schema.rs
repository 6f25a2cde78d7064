//! The schema: checked when a store is opened, and brought up to date; the same without a store.
//!
//! Migrations only go forward. A schema that a newer release has written is refused before anything in it
//! changes. All of it is one transaction under an advisory lock, so that replicas that start together follow
//! each other.

use leasehold_store::SchemaVersion;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use uuid::Uuid;

use crate::connections::within;
use crate::error::may_pass;
use crate::open::OpenError;
use crate::settings::Settings;
use crate::tls;

/// The oldest major version of the server that has all that is used.
pub(crate) const OLDEST_SERVER: u32 = 15;

/// Every step of the schema, oldest first. A step that was released is never edited.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "licensing", include_str!("../migrations/0001_licensing.sql")),
    (2, "batches", include_str!("../migrations/0002_batches.sql")),
    (3, "rights", include_str!("../migrations/0003_rights.sql")),
    (4, "vendor", include_str!("../migrations/0004_vendor.sql")),
    (5, "notices and tallies", include_str!("../migrations/0005_notices_and_tallies.sql")),
];

/// Begins, and waits until no other replica is at it. The numbers keep it apart from other programs' locks; 0 is
/// no instance.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL search_path = pg_catalog; \
     SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0; SET LOCAL client_min_messages = warning; \
     SELECT pg_advisory_xact_lock(1279607116, 0)";

/// Whether there is a schema, whether it has versions, and whether anything else is in it.
const LOOK: &str = "SELECT to_regnamespace('licensing') IS NOT NULL, \
       to_regclass('licensing.schema_versions') IS NOT NULL, \
       EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace('licensing')) \
    OR EXISTS (SELECT FROM pg_proc WHERE pronamespace = to_regnamespace('licensing'))";

const CREATE: &str = "CREATE SCHEMA IF NOT EXISTS licensing; \
     CREATE TABLE licensing.schema_versions ( \
         version    bigint      NOT NULL PRIMARY KEY, \
         name       text        NOT NULL, \
         checksum   bytea       NOT NULL, \
         applied_at timestamptz NOT NULL DEFAULT now())";

/// Where licensing's schema of this database stands. Changes nothing, makes nothing, and needs no right but to read.
pub async fn look(settings: &Settings) -> Result<SchemaVersion, OpenError> {
    let options = settings.connect_options()?;
    let database = Database::of(&options);
    let mut connection = database.connect(&options, settings).await?;
    let found = database.found(&mut connection).await;
    let _ = within(settings.acquire_timeout, connection.close()).await;
    Ok(SchemaVersion { found: found?.unwrap_or(0), known: known() })
}

/// Brings licensing's schema of this database up to date, and says where it stood before. Several at once follow each
/// other.
pub async fn migrate(settings: &Settings) -> Result<SchemaVersion, OpenError> {
    let options = settings.connect_options()?;
    let database = Database::of(&options);
    let mut connection = database.connect(&options, settings).await?;
    let before = database.migrate(&mut connection).await;
    // Nothing is left open: after an error the server rolls back.
    let _ = within(settings.acquire_timeout, connection.close()).await;
    Ok(SchemaVersion { found: before?, known: known() })
}

/// Brings the schema of this database up to date. The answer is an id that nothing else has.
pub(crate) async fn set_up(options: &PgConnectOptions, settings: &Settings) -> Result<Uuid, OpenError> {
    let database = Database::of(options);
    let mut connection = database.connect(options, settings).await?;
    let migrated = database.migrate(&mut connection).await;
    let id = sqlx::query_scalar("SELECT gen_random_uuid()").fetch_one(&mut connection).await;
    // As above.
    let _ = within(settings.acquire_timeout, connection.close()).await;
    migrated?;
    id.map_err(|error| database.cannot(error))
}

/// The newest version that this release has.
fn known() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

pub(crate) struct Database {
    pub(crate) name: String,
    user: String,
    pub(crate) server: String,
}

impl Database {
    pub(crate) fn of(options: &PgConnectOptions) -> Self {
        let server = match options.get_socket() {
            Some(socket) => format!("{}, port {}", socket.display(), options.get_port()),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let name = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
        Self { name, user: options.get_username().to_owned(), server }
    }

    pub(crate) async fn connect(
        &self,
        options: &PgConnectOptions,
        settings: &Settings,
    ) -> Result<PgConnection, OpenError> {
        let connecting = within(settings.acquire_timeout, options.connect());
        let connection = connecting.await.map_err(|error| self.cannot(error))?;
        let version = connection.server_version_num().unwrap_or(0) / 10_000;
        if version != 0 && version < OLDEST_SERVER {
            return Err(OpenError::ServerTooOld { server: self.server.clone(), found: version });
        }
        Ok(connection)
    }

    /// Brings the schema up to date, and says which version it had.
    async fn migrate(&self, connection: &mut PgConnection) -> Result<i64, OpenError> {
        let said = |error| self.cannot(error);
        connection.execute(BEGIN).await.map_err(said)?;
        let found = self.found(connection).await?;
        if found == Some(known()) {
            connection.execute("ROLLBACK").await.map_err(said)?;
            return Ok(known());
        }
        if found.is_none() {
            connection.execute(CREATE).await.map_err(said)?;
        }
        let newest = found.unwrap_or(0);
        for (version, name, sql) in MIGRATIONS.iter().filter(|(version, ..)| *version > newest) {
            connection.execute(*sql).await.map_err(said)?;
            let note = "INSERT INTO licensing.schema_versions (version, name, checksum) \
                        VALUES ($1, $2, sha256(convert_to($3, 'UTF8')))";
            let note = sqlx::query(note).bind(version).bind(name).bind(sql);
            note.execute(&mut *connection).await.map_err(said)?;
        }
        connection.execute("COMMIT").await.map_err(said)?;
        Ok(newest)
    }

    /// The schema's version, after a look whether it is ours and not too new; `None` where there is nothing.
    async fn found(&self, connection: &mut PgConnection) -> Result<Option<i64>, OpenError> {
        let said = |error| self.cannot(error);
        let (exists, has_versions, has_anything): (bool, bool, bool) =
            sqlx::query_as(LOOK).fetch_one(&mut *connection).await.map_err(said)?;
        if !has_versions {
            if exists && has_anything {
                return Err(OpenError::Foreign { database: self.name.clone() });
            }
            return Ok(None);
        }
        let sources: Vec<&str> = MIGRATIONS.iter().map(|(_, _, sql)| *sql).collect();
        let versions: Vec<i64> = MIGRATIONS.iter().map(|(version, ..)| *version).collect();
        let applied: Vec<(i64, bool)> = sqlx::query_as(
            "SELECT a.version, coalesce(a.checksum = sha256(convert_to(k.sql, 'UTF8')), false) \
               FROM licensing.schema_versions AS a \
               LEFT JOIN unnest($1::bigint[], $2::text[]) AS k (version, sql) ON k.version = a.version \
              ORDER BY a.version",
        )
        .bind(versions)
        .bind(sources)
        .fetch_all(&mut *connection)
        .await
        .map_err(said)?;
        let known = known();
        let newest = applied.last().map_or(0, |(version, _)| *version);
        if newest > known {
            return Err(OpenError::Newer { database: self.name.clone(), found: newest, known });
        }
        match applied.iter().find(|(_, same)| !same) {
            Some((version, _)) => Err(OpenError::Changed { database: self.name.clone(), version: *version }),
            None => Ok(Some(newest)),
        }
    }

    pub(crate) fn cannot(&self, error: sqlx::Error) -> OpenError {
        let (database, server) = (self.name.clone(), self.server.clone());
        if let Some(problem) = tls::problem(&error) {
            return OpenError::Tls { server, problem };
        }
        let said = error.as_database_error();
        let reason = said.map_or_else(|| error.to_string(), |said| said.message().to_owned());
        if may_pass(&error) {
            return OpenError::Cannot { database, server, reason, source: Box::new(error) };
        }
        let code = said.and_then(DatabaseError::code).unwrap_or_default().into_owned();
        // Insufficient privilege.
        if code == "42501" {
            return OpenError::NotAllowed { database, reason };
        }
        OpenError::Refused { database, server, reason, remedy: self.remedy(&code), source: Box::new(error) }
    }

    /// What to do where the server has refused with this code.
    fn remedy(&self, code: &str) -> String {
        let Self { name, user, .. } = self;
        match code {
            "3D000" => {
                format!(
                    "make it there with `createdb --owner {user} {name}`, or correct its name in postgres.url"
                )
            }
            "28P01" => format!(
                "check that there is a user {user} (`createuser --pwprompt {user}` makes one), and correct the password \
                 in postgres.password_file or postgres.password"
            ),
            "28000" => format!(
                "check that there is a user {user} that may log in (`createuser {user}` makes one), and that \
                 pg_hba.conf lets it in from here, or correct postgres.url"
            ),
            _ => "the log of PostgreSQL may say more".to_owned(),
        }
    }
}
