//! The connections that read. A database in a file has some of its own, which see what was committed when a
//! statement began, whatever the writer does. In memory there is the writer's alone, and reads wait for their turn.

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::connect::BUSY_TIMEOUT;
use crate::writer::{Slot, Writer};

/// A connection to read with, until it is dropped.
pub(crate) enum Reader {
    /// One that only reads.
    Own(PoolConnection<Sqlite>),
    /// The writer's, between two transactions.
    Writers(OwnedMutexGuard<Slot>),
}

impl Reader {
    /// Waits for a connection: one of `readers` if there are any, the writer's otherwise.
    pub(crate) async fn acquire(readers: Option<&SqlitePool>, writer: &Writer) -> Result<Self, sqlx::Error> {
        match readers {
            Some(readers) => readers.acquire().await.map(Self::Own),
            // A task that reads while its own batch is open would wait for itself: let it fail instead.
            None => match timeout(BUSY_TIMEOUT, writer.turn()).await {
                Ok(slot) => Ok(Self::Writers(slot)),
                Err(_) => Err(sqlx::Error::PoolTimedOut),
            },
        }
    }

    /// The connection.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        match self {
            Self::Own(connection) => Ok(connection),
            Self::Writers(slot) => slot.connection(),
        }
    }
}
