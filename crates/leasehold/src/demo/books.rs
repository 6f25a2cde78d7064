//! What the server has kept, read from its database past the server.

use std::path::PathBuf;

use leasehold_promises::read::{ReadError, postgres, sqlite};
use leasehold_promises::snapshot::Snapshot;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

/// Where the server keeps licence state.
#[derive(Clone, Debug)]
pub(super) enum Books {
    /// In this file.
    Sqlite(PathBuf),
    /// In the database at this address.
    Postgres(String),
}

/// A connection of the judge's own.
#[derive(Debug)]
pub(super) enum Reader {
    /// To the file.
    Sqlite(SqliteConnection),
    /// To the database.
    Postgres(PgConnection),
}

impl Books {
    /// Opens them for reading.
    pub(super) async fn open(&self) -> Result<Reader, ReadError> {
        Ok(match self {
            Self::Sqlite(file) => {
                // A write-ahead log can only be read with the right to write.
                let options = SqliteConnectOptions::new().filename(file);
                Reader::Sqlite(SqliteConnection::connect_with(&options).await?)
            }
            Self::Postgres(url) => Reader::Postgres(PgConnection::connect(url).await?),
        })
    }

    /// Everything, of a server at rest, with what the embedded back end says of its own file.
    pub(super) async fn read(&self) -> Result<Snapshot, ReadError> {
        let mut reader = self.open().await?;
        let snapshot = match &mut reader {
            Reader::Sqlite(database) => {
                let mut snapshot = sqlite::read(database).await?;
                snapshot.damage.extend(sqlite::damage(database).await?);
                snapshot
            }
            Reader::Postgres(database) => postgres::read(database).await?,
        };
        reader.close().await;
        Ok(snapshot)
    }
}

impl Reader {
    /// Line items, counters and grants, while the server works.
    pub(super) async fn counts(&mut self) -> Result<Snapshot, ReadError> {
        match self {
            Self::Sqlite(database) => sqlite::counts(database).await,
            Self::Postgres(database) => postgres::counts(database).await,
        }
    }

    /// Ends the connection; nothing was written that could be lost.
    pub(super) async fn close(self) {
        let _ = match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        };
    }
}
