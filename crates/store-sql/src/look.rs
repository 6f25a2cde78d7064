//! Looking at a database without changing it: where its tables stand, and reading from it.

use std::path::Path;

use leasehold_store::SchemaVersion;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::timeout;

use crate::database::{Database, OpenError, PATIENCE, Place, address, cannot, options, prepare};
use crate::schema::{self, Step};

/// What a connection that only looks at a file begins with.
const PATIENT: &str = "PRAGMA busy_timeout = 5000";

impl Database {
    /// Opens the database of a service as it is, to read from it: makes nothing, and brings nothing up to date.
    pub(crate) async fn open_to_read(place: &Place, service: &'static str) -> Result<Self, OpenError> {
        let mut url = address(place)?;
        if let Place::File(path) = place {
            url.set_query(Some(only_look(path)));
        }
        let postgres = matches!(place, Place::Postgres { .. });
        let pool = AnyPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| Box::pin(only_read(connection, postgres, service)))
            .connect_with(options(&url)?)
            .await
            .map_err(|error| cannot(service, error))?;
        Ok(Self { pool, keeper: None })
    }

    /// Where the tables of a service stand; changes nothing. A file that is not there has none.
    pub(crate) async fn look(
        place: &Place,
        service: &'static str,
        steps: &'static [Step],
    ) -> Result<SchemaVersion, OpenError> {
        let mut url = address(place)?;
        match place {
            Place::File(path) if path.exists() => url.set_query(Some(only_look(path))),
            Place::File(_) | Place::Memory => {
                return Ok(SchemaVersion { found: 0, known: schema::known(steps) });
            }
            Place::Postgres { .. } => {}
        }
        let said = |error| cannot(service, error);
        let late = |_| Err(sqlx::Error::PoolTimedOut);
        let options = options(&url)?;
        let mut connection = timeout(PATIENCE, options.connect()).await.unwrap_or_else(late).map_err(said)?;
        let postgres = matches!(place, Place::Postgres { .. });
        only_read(&mut connection, postgres, service).await.map_err(said)?;
        let found = schema::look(&mut connection, service, postgres, steps).await;
        // Nothing is left open either way.
        let _ = timeout(PATIENCE, connection.close()).await;
        found
    }
}

/// Makes a connection ready to look with, and for nothing else.
async fn only_read(
    connection: &mut AnyConnection,
    postgres: bool,
    service: &'static str,
) -> Result<(), sqlx::Error> {
    if !postgres {
        return connection.execute(PATIENT).await.map(drop);
    }
    prepare(connection, postgres, service).await?;
    connection.execute("SET default_transaction_read_only = on").await.map(drop)
}

/// How a file is opened that is only looked at, so that nothing is left beside it.
fn only_look(path: &Path) -> &'static str {
    // Whoever works on it has its write-ahead log there. Without one the file is all there is, and needs no lock.
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if Path::new(&log).exists() { "mode=ro" } else { "mode=ro&immutable=true" }
}
