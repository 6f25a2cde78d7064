//! The one connection that writes, and whose turn it is.
//!
//! Responsible for turns being fair, for a transaction that is given up leaving nothing, and for the next one
//! finding a connection that works. Not responsible for what is written.

use std::sync::Arc;

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, Either, Executor, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::error::{code, primary_code};

/// Arguments of a statement.
pub(crate) type Query<'q> = sqlx::query::Query<'q, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>;

/// Hands out transactions, one at a time, in the order in which they were asked for.
pub(crate) struct Writer {
    slot: Arc<Mutex<Slot>>,
}

/// The connection, between transactions and in one.
pub(crate) struct Slot {
    /// `None` after a failure that leaves its state in doubt; the next transaction connects anew.
    connection: Option<SqliteConnection>,
    /// How to connect anew. `None` in memory, where the connection is the database, and once it is closed.
    again: Option<SqliteConnectOptions>,
    /// A transaction may be open: it was begun, and neither its commit nor its rollback was seen to succeed.
    open: bool,
}

/// An open transaction. Dropped, it is rolled back.
pub(crate) struct Transaction {
    /// `None` once it has ended.
    slot: Option<OwnedMutexGuard<Slot>>,
}

impl Writer {
    /// A writer that uses this connection first and makes others with the options, if any.
    pub(crate) fn new(connection: SqliteConnection, again: Option<SqliteConnectOptions>) -> Self {
        let slot = Slot { connection: Some(connection), again, open: false };
        Self { slot: Arc::new(Mutex::new(slot)) }
    }

    /// Waits for its turn and opens a transaction that no other writer shares.
    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        let mut slot = self.turn().await;
        if let (None, Some(again)) = (&slot.connection, &slot.again) {
            slot.connection = Some(again.connect().await?);
        }
        slot.open = true;
        let mut transaction = Transaction { slot: Some(slot) };
        let begun = transaction.connection()?.execute(sqlx::query("BEGIN IMMEDIATE")).await;
        if let Err(error) = begun {
            if let Some(slot) = &mut transaction.slot {
                slot.open = false;
                // Busy passes by itself; after anything else only a new connection is above suspicion.
                if slot.again.is_some() && primary_code(&error) != Some(code::BUSY) {
                    slot.connection = None;
                }
            }
            return Err(error);
        }
        Ok(transaction)
    }

    /// Waits for its turn. No transaction is open then.
    pub(crate) async fn turn(&self) -> OwnedMutexGuard<Slot> {
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        slot.roll_back().await;
        slot
    }

    /// Waits for its turn and closes the connection for good.
    pub(crate) async fn close(&self) -> Result<(), sqlx::Error> {
        let mut slot = self.turn().await;
        slot.again = None;
        match slot.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

impl Slot {
    /// The connection, unless the store is closed.
    pub(crate) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Ends the transaction that was given up, if there is one.
    async fn roll_back(&mut self) {
        if self.open
            && let Some(connection) = &mut self.connection
        {
            // It fails where the database has rolled back by itself, or had committed before the answer was
            // given up. Whatever else is wrong with the connection, the next BEGIN finds out.
            let _ = connection.execute(sqlx::query("ROLLBACK")).await;
            self.open = false;
        }
    }
}

impl Transaction {
    /// Runs statements that answer nothing; says how many rows they changed. After an error nothing of the
    /// transaction is left.
    pub(crate) async fn execute(&mut self, query: Query<'_>) -> Result<u64, sqlx::Error> {
        let result = self.connection()?.execute(query).await;
        Ok(self.or_give_up(result)?.rows_affected())
    }

    /// Runs statements and returns the rows of each. After an error nothing of the transaction is left.
    pub(crate) async fn fetch_each(&mut self, query: Query<'_>) -> Result<Vec<Vec<SqliteRow>>, sqlx::Error> {
        let mut steps = self.connection()?.fetch_many(query);
        let (mut results, mut rows) = (Vec::new(), Vec::new());
        let outcome = loop {
            match steps.try_next().await {
                Ok(Some(Either::Right(row))) => rows.push(row),
                Ok(Some(Either::Left(_))) => results.push(std::mem::take(&mut rows)),
                Ok(None) => break Ok(results),
                Err(error) => break Err(error),
            }
        };
        drop(steps);
        self.or_give_up(outcome)
    }

    /// Runs one statement and returns its rows. After an error nothing of the transaction is left.
    pub(crate) async fn fetch_all(&mut self, query: Query<'_>) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let result = self.connection()?.fetch_all(query).await;
        self.or_give_up(result)
    }

    /// Runs statements of which the last is `COMMIT`. After an error nothing of the transaction is left.
    pub(crate) async fn execute_last(mut self, query: Query<'_>) -> Result<(), sqlx::Error> {
        self.execute(query).await?;
        if let Some(slot) = &mut self.slot {
            slot.open = false;
        }
        Ok(())
    }

    fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let slot = self.slot.as_mut().ok_or_else(|| {
            sqlx::Error::Protocol("a statement came after the one that ended the transaction".to_owned())
        })?;
        slot.connection()
    }

    fn or_give_up<T>(&mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if result.is_err() {
            self.give_up();
        }
        result
    }

    fn give_up(&mut self) {
        let Some(mut slot) = self.slot.take() else { return };
        if !slot.open {
            return;
        }
        // Rolled back at once, so that no lock outlives it. Without a runtime the next transaction does it.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { slot.roll_back().await });
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.give_up();
    }
}
