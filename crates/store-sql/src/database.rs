//! One service's database: where it is, how it is opened, and how long its calls may take.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use leasehold_store::{SchemaVersion, StoreError};
use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions as _, Executor as _, Transaction};
use tokio::time::timeout;
use url::Url;

use crate::error::{may_pass, store_error};
use crate::schema::{self, Step};

/// Longest wait for a connection, and for a lock that somebody else holds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// Longest run of a call, of which the server has 10 s.
const DEADLINE: Duration = Duration::from_secs(15);
/// What every connection to `PostgreSQL` begins with, behind its `search_path`.
const LIMITS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET client_min_messages = warning";
/// What every connection to `SQLite` begins with.
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; \
     PRAGMA checkpoint_fullfsync = ON; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000";

/// Databases in memory that this process has made.
static IN_MEMORY: AtomicU64 = AtomicU64::new(0);

/// Where a service's database is.
#[derive(Clone)]
pub enum Place {
    /// In `PostgreSQL`, in a schema of the service's own.
    Postgres {
        /// `postgres://user@host:port/database`, with what else belongs behind a `?`.
        url: String,
        /// The password, where it does not stand in the address.
        password: Option<String>,
        /// Most connections at a time.
        max_connections: u32,
    },
    /// In an `SQLite` file, made where it is missing.
    File(PathBuf),
    /// In memory, gone with the last handle: for tests.
    Memory,
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The address may hold a password.
            Self::Postgres { max_connections, .. } => formatter
                .debug_struct("Postgres")
                .field("max_connections", max_connections)
                .finish_non_exhaustive(),
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Memory => formatter.write_str("Memory"),
        }
    }
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its address is none.
    #[error("the address of the database cannot be used: {reason}; correct it")]
    Address {
        /// What is wrong with it; never repeats it.
        reason: String,
    },
    /// It cannot be reached or opened.
    #[error("the database of {service} cannot be opened: {reason}")]
    Cannot {
        /// The service.
        service: &'static str,
        /// What the database said.
        reason: String,
        /// Whether it may be usable a little later.
        may_pass: bool,
        /// What the back end said.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// A newer release has changed its tables.
    #[error(
        "the database of {service} was written by a newer release: its schema is version {found}, this release \
         knows versions up to {known}; nothing was changed; upgrade Leasehold"
    )]
    Newer {
        /// The service.
        service: &'static str,
        /// The database's version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// A step of its schema is not the one that this release has.
    #[error(
        "the database of {service} was made by another build: version {version} of its schema differs from this \
         release's; nothing was changed; use the release that made it, or restore a backup"
    )]
    Changed {
        /// The service.
        service: &'static str,
        /// The step's version.
        version: i64,
    },
}

impl OpenError {
    /// Whether the database may be usable a little later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Cannot { may_pass: true, .. })
    }
}

/// One service's database, open. Cloning it gives another handle to the same.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) pool: AnyPool,
    /// A connection that nobody uses: a database in memory is gone with its last one, and a call that is cut off may
    /// take the pool's along.
    pub(crate) keeper: Option<AnyPool>,
}

impl Database {
    /// Opens the database of a service and brings its tables up to date. `service` names the schema.
    pub(crate) async fn open(
        place: &Place,
        service: &'static str,
        steps: &'static [Step],
    ) -> Result<Self, OpenError> {
        let (opened, _) = Self::open_from(place, service, steps).await?;
        Ok(opened)
    }

    /// The same, and where the tables stood before.
    pub(crate) async fn open_from(
        place: &Place,
        service: &'static str,
        steps: &'static [Step],
    ) -> Result<(Self, SchemaVersion), OpenError> {
        let postgres = matches!(place, Place::Postgres { .. });
        let options = options(&address(place)?)?;
        let most = match place {
            Place::Postgres { max_connections, .. } => *max_connections,
            // One writes; more would only wait for it.
            Place::File(_) | Place::Memory => 1,
        };
        let connect = async |most| {
            AnyPoolOptions::new()
                .max_connections(most)
                .min_connections(u32::from(!postgres))
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_connect(move |connection, _| Box::pin(prepare(connection, postgres, service)))
                .connect_with(options.clone())
                .await
                .map_err(|error| cannot(service, error))
        };
        let keeper = if matches!(place, Place::Memory) { Some(connect(1).await?) } else { None };
        let opened = Self { pool: connect(most).await?, keeper };
        match schema::migrate(&opened.pool, service, postgres, steps).await {
            Ok(before) => Ok((opened, before)),
            Err(error) => {
                opened.close().await;
                Err(error)
            }
        }
    }

    /// Every connection, for a statement that stands alone.
    pub(crate) fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Begins a transaction. Its first statement should be the one that locks: an `UPDATE` of the row that others
    /// wait for, which both databases understand alike.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, StoreError> {
        within(self.pool.begin()).await
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        within(sqlx::query("SELECT 1").execute(&self.pool)).await.map(drop)
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.pool.close().await;
        if let Some(keeper) = &self.keeper {
            keeper.close().await;
        }
    }
}

/// Waits for the database as long as a call may take.
pub(crate) async fn within<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
    let late = |_| Err(sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut)));
    timeout(DEADLINE, call).await.unwrap_or_else(late).map_err(store_error)
}

pub(crate) fn cannot(service: &'static str, error: sqlx::Error) -> OpenError {
    let said = error.as_database_error();
    let reason = said.map_or_else(|| error.to_string(), |said| said.message().to_owned());
    OpenError::Cannot { service, reason, may_pass: may_pass(&error), source: Box::new(error) }
}

pub(crate) async fn prepare(
    connection: &mut AnyConnection,
    postgres: bool,
    service: &'static str,
) -> Result<(), sqlx::Error> {
    if !postgres {
        return connection.execute(PRAGMAS).await.map(drop);
    }
    // The schema may not be there yet; the path may name it all the same.
    sqlx::query("SELECT set_config('search_path', $1, false)")
        .bind(service)
        .execute(&mut *connection)
        .await?;
    connection.execute(LIMITS).await.map(drop)
}

pub(crate) fn options(url: &Url) -> Result<AnyConnectOptions, OpenError> {
    install_default_drivers();
    let options = AnyConnectOptions::from_url(url)
        .map_err(|error| OpenError::Address { reason: error.to_string() })?
        // Whoever handles a failure reports it; statements are not for the log.
        .disable_statement_logging();
    Ok(options)
}

pub(crate) fn address(place: &Place) -> Result<Url, OpenError> {
    let wrong = |reason: &str| OpenError::Address { reason: reason.to_owned() };
    match place {
        Place::Memory => {
            // Every connection to one name is to one database.
            let name =
                format!("sqlite:file:memory-{}?mode=memory", IN_MEMORY.fetch_add(1, Ordering::Relaxed));
            Url::parse(&name).map_err(|error| wrong(&error.to_string()))
        }
        Place::File(path) => file(path),
        Place::Postgres { url, password, .. } => {
            let mut url = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
            if !matches!(url.scheme(), "postgres" | "postgresql") {
                return Err(wrong("it begins with neither postgres:// nor postgresql://"));
            }
            if let Some(password) = password {
                url.set_password(Some(password)).map_err(|()| wrong("it has no place for a password"))?;
            }
            Ok(url)
        }
    }
}

fn file(path: &Path) -> Result<Url, OpenError> {
    let wrong = |reason: String| OpenError::Address { reason };
    let path = std::path::absolute(path).map_err(|error| wrong(error.to_string()))?;
    let text = path.to_str().ok_or_else(|| wrong(format!("{} is not UTF-8", path.display())))?;
    let mut url = Url::parse("sqlite:///").map_err(|error| wrong(error.to_string()))?;
    // Escapes what an address would take for its end.
    url.set_path(&text.replace('%', "%25"));
    url.set_query(Some("mode=rwc"));
    Ok(url)
}
