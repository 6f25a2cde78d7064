//! A transaction on a connection of its own: begun with its first statement, ended by a commit, and otherwise
//! left without a trace. Not responsible for what is written.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
use tokio::runtime::Handle;

use crate::connections::{Connections, Lease, Types, within};
use crate::error::is_broken;

/// A transaction; dropped, it is rolled back.
pub(crate) struct Transaction {
    connections: Arc<Connections>,
    state: State,
    /// Whatever has to be kept until nothing of the transaction is left on the server.
    guard: Option<Guard>,
}

/// What is dropped with the end of a transaction.
pub(crate) type Guard = Box<dyn Send + Sync>;

enum State {
    /// Nothing was sent.
    New,
    /// Its last statement succeeded.
    Open(Lease),
    /// It has ended, or its connection is in doubt and closed.
    Over,
}

impl Transaction {
    /// A transaction that sends nothing before its first statement.
    pub(crate) fn new(connections: &Arc<Connections>, guard: Option<Guard>) -> Self {
        Self { connections: Arc::clone(connections), state: State::New, guard }
    }

    /// Whether it was begun and not ended.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// Begins it with these statements, in one round trip. A connection that has broken since it was last used is
    /// replaced.
    pub(crate) async fn begin(&mut self, statements: &str) -> Result<Vec<PgRow>, sqlx::Error> {
        let State::New = std::mem::replace(&mut self.state, State::Over) else { return Err(over()) };
        // Read committed: every statement sees what was committed before it, the lock's former holder's included.
        let text = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {statements}");
        let mut lease = self.connections.lease().await?;
        let mut result = self.raw(&mut lease, text.clone()).await;
        if lease.reused()
            && let Err(error) = &result
            && is_broken(error)
        {
            lease = self.connections.replace(lease).await?;
            result = self.raw(&mut lease, text).await;
        }
        self.settle(lease, result)
    }

    /// Runs a statement and returns its rows. After an error nothing of the transaction is left.
    pub(crate) async fn fetch(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut lease = self.take()?;
        let rows = sqlx::query_with(sql, arguments).fetch_all(lease.connection());
        let result = within(self.connections.patience(), rows).await;
        self.settle(lease, result)
    }

    /// Ends it for good.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        let mut lease = self.take()?;
        within(self.connections.patience(), lease.connection().execute("COMMIT")).await?;
        self.connections.hand_back(lease);
        Ok(())
    }

    /// How this database numbers the row types.
    pub(crate) fn types(&self) -> Result<Types, sqlx::Error> {
        match &self.state {
            State::Open(lease) => Ok(lease.types()),
            State::New | State::Over => Err(over()),
        }
    }

    async fn raw(&self, lease: &mut Lease, text: String) -> Result<Vec<PgRow>, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(lease.connection());
        within(self.connections.patience(), rows).await
    }

    /// The connection. While a statement runs it is the statement's: should its caller go away, it is closed, and
    /// the server ends the transaction.
    fn take(&mut self) -> Result<Lease, sqlx::Error> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Open(lease) => Ok(lease),
            State::New | State::Over => Err(over()),
        }
    }

    fn settle<T>(&mut self, lease: Lease, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        match result {
            Ok(value) => {
                self.state = State::Open(lease);
                Ok(value)
            }
            Err(error) => {
                if !is_broken(&error) {
                    roll_back(&self.connections, lease, self.guard.take());
                }
                Err(error)
            }
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let State::Open(lease) = std::mem::replace(&mut self.state, State::Over) {
            roll_back(&self.connections, lease, self.guard.take());
        }
    }
}

/// Rolls back at once, so that no lock outlives the transaction. Without a runtime the connection is closed.
fn roll_back(connections: &Arc<Connections>, mut lease: Lease, guard: Option<Guard>) {
    let Ok(runtime) = Handle::try_current() else { return };
    let connections = Arc::clone(connections);
    runtime.spawn(async move {
        let result = within(connections.patience(), lease.connection().execute("ROLLBACK")).await;
        if result.is_ok() {
            connections.hand_back(lease);
        }
        drop(guard);
    });
}

fn over() -> sqlx::Error {
    sqlx::Error::InvalidArgument("a statement came before its transaction or after its end".to_owned())
}
