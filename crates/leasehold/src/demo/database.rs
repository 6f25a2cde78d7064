//! The Postgres database of a demonstration: marked as one's own, and emptied for each start.
//!
//! One that holds a Leasehold without the mark is somebody's, and is left as it is.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};

use super::Error;

/// The schemas of our services.
const SCHEMAS: [&str; 5] = ["licensing", "sync", "updates", "gateway", "backoffice"];
/// The schema that says that the database is a demonstration's.
const MARK: &str = "leasehold_demo";
/// What one demonstration at a time holds: "demo" as a number.
const LOCK: i64 = 0x6465_6d6f;

/// A database that this demonstration alone uses, as long as this value lives.
#[derive(Debug)]
pub(super) struct Database {
    connection: PgConnection,
}

impl Database {
    /// Takes the database at this address, and removes what an earlier demonstration left in it.
    pub(super) async fn take(url: &str) -> Result<Self, Error> {
        let options: PgConnectOptions = url.parse().map_err(Error::Database)?;
        let database = options.get_database().unwrap_or("of this user").to_owned();
        let mut connection = options.disable_statement_logging().connect().await.map_err(Error::Database)?;
        let found = look(&mut connection).await.map_err(Error::Database)?;
        if !found.alone {
            return Err(Error::DatabaseInUse { database });
        }
        if !found.marked
            && let Some(schema) = found.schemas.first().cloned()
        {
            return Err(Error::NotOurDatabase { database, schema });
        }
        empty(&mut connection, &found).await.map_err(Error::Database)?;
        Ok(Self { connection })
    }

    /// Lets go of it; the data stays for whoever wants to look at it.
    pub(super) async fn leave(self) {
        // The lock ends with the connection, however that ends.
        let _ = self.connection.close().await;
    }
}

/// What is in a database.
struct Found {
    alone: bool,
    marked: bool,
    schemas: Vec<String>,
}

async fn look(connection: &mut PgConnection) -> Result<Found, sqlx::Error> {
    let alone = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK);
    let alone: bool = alone.fetch_one(&mut *connection).await?;
    let mut found = Found { alone, marked: false, schemas: Vec::new() };
    let schemas = sqlx::query("SELECT nspname::text FROM pg_namespace ORDER BY nspname");
    for row in schemas.fetch_all(connection).await? {
        let schema: String = row.try_get(0)?;
        found.marked |= schema == MARK;
        if SCHEMAS.contains(&schema.as_str()) {
            found.schemas.push(schema);
        }
    }
    Ok(found)
}

/// Marks the database first, so that what is made in it later is known as a demonstration's.
async fn empty(connection: &mut PgConnection, found: &Found) -> Result<(), sqlx::Error> {
    let mut work = connection.begin().await?;
    if !found.marked {
        let mark = format!(
            "CREATE SCHEMA {MARK}; COMMENT ON SCHEMA {MARK} IS \
             'This database belongs to `leasehold demo`, which empties it at each start.'"
        );
        sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *work).await?;
    }
    for schema in &found.schemas {
        let drop = format!("DROP SCHEMA {schema} CASCADE");
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *work).await?;
    }
    work.commit().await
}
