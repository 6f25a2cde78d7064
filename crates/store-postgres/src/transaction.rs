//! A transaction on a connection of its own: begun with its first statement, ended by a commit, and otherwise
//! left without a trace. Not responsible for what is written.
//!
//! Most have two statements only, of which the first reads and the second writes. Those need no `BEGIN` and no
//! `COMMIT`: the first takes a lock that outlives it, and the second, a transaction by itself, lets go of it when it
//! has committed.

use std::sync::Arc;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};
use tokio::runtime::Handle;

use crate::connections::{Connections, Lease, within};
use crate::error::is_broken;
use crate::session::Types;

/// Gives back every lock that outlives a transaction.
const LET_GO: &str = "SELECT pg_advisory_unlock_all(); SELECT set_config('idle_session_timeout', '0', false)";

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
    /// A lock is held, and nothing was written.
    Held(Lease),
    /// It was begun, and its last statement succeeded.
    Open(Lease),
    /// It has ended, or its connection is in doubt and closed.
    Over,
}

impl Transaction {
    /// A transaction that sends nothing before its first statement.
    pub(crate) fn new(connections: &Arc<Connections>, guard: Option<Guard>) -> Self {
        Self { connections: Arc::clone(connections), state: State::New, guard }
    }

    /// Whether nothing was sent yet.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self.state, State::New)
    }

    /// Whether it only holds a lock.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.state, State::Held(_))
    }

    /// Starts with a statement that takes a lock and keeps it, and returns its rows. A connection that has broken
    /// since it was last used is replaced.
    pub(crate) async fn hold(
        &mut self,
        sql: &'static str,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let State::New = std::mem::replace(&mut self.state, State::Over) else { return Err(over()) };
        let mut lease = self.connections.lease().await?;
        let mut result = self.rows(&mut lease, sql, arguments.clone()).await;
        if lease.reused()
            && let Err(error) = &result
            && is_broken(error)
        {
            lease = self.connections.replace(lease).await?;
            result = self.rows(&mut lease, sql, arguments).await;
        }
        self.settle(lease, result, State::Held)
    }

    /// Writes with a statement that lets go of the lock when it has committed: the end.
    pub(crate) async fn write_held(
        mut self,
        sql: &'static str,
        arguments: PgArguments,
    ) -> Result<(), sqlx::Error> {
        let State::Held(mut lease) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(over());
        };
        match self.rows(&mut lease, sql, arguments).await {
            Ok(_) => {
                self.connections.hand_back(lease);
                Ok(())
            }
            Err(error) => {
                if !is_broken(&error) {
                    end(&self.connections, lease, LET_GO, self.guard.take());
                }
                Err(error)
            }
        }
    }

    /// Begins what only held a lock before, with statements that turn it into one of the transaction's.
    pub(crate) async fn begin_held(&mut self, statements: &str) -> Result<(), sqlx::Error> {
        let State::Held(mut lease) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(over());
        };
        let text = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {statements}");
        let result = self.raw(&mut lease, text).await;
        self.settle(lease, result, State::Open).map(drop)
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
        self.settle(lease, result, State::Open)
    }

    /// Runs a statement and returns its rows. After an error nothing of the transaction is left.
    pub(crate) async fn fetch(
        &mut self,
        sql: impl SqlSafeStr,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let (mut lease, state) = match std::mem::replace(&mut self.state, State::Over) {
            State::Open(lease) => (lease, State::Open as fn(Lease) -> State),
            State::Held(lease) => (lease, State::Held as fn(Lease) -> State),
            State::New | State::Over => return Err(over()),
        };
        let result = self.rows(&mut lease, sql, arguments).await;
        self.settle(lease, result, state)
    }

    /// Ends it for good.
    pub(crate) async fn commit(mut self) -> Result<(), sqlx::Error> {
        // While a statement runs the connection is the statement's: should its caller go away, it is closed, and
        // the server ends the transaction.
        let State::Open(mut lease) = std::mem::replace(&mut self.state, State::Over) else {
            return Err(over());
        };
        within(self.connections.patience(), lease.connection().execute("COMMIT")).await?;
        self.connections.hand_back(lease);
        Ok(())
    }

    /// How this database numbers the row types.
    pub(crate) fn types(&self) -> Result<Types, sqlx::Error> {
        match &self.state {
            State::Open(lease) | State::Held(lease) => Ok(lease.types()),
            State::New | State::Over => Err(over()),
        }
    }

    /// When the server was started on which a lock is held.
    pub(crate) fn held_on(&self) -> Option<i64> {
        match &self.state {
            State::Held(lease) => Some(lease.server()),
            State::New | State::Open(_) | State::Over => None,
        }
    }

    async fn raw(&self, lease: &mut Lease, text: String) -> Result<Vec<PgRow>, sqlx::Error> {
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(lease.connection());
        within(self.connections.patience(), rows).await
    }

    async fn rows(
        &self,
        lease: &mut Lease,
        sql: impl SqlSafeStr,
        arguments: PgArguments,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let rows = sqlx::query_with(sql, arguments).fetch_all(lease.connection());
        within(self.connections.patience(), rows).await
    }

    fn settle<T>(
        &mut self,
        lease: Lease,
        result: Result<T, sqlx::Error>,
        state: fn(Lease) -> State,
    ) -> Result<T, sqlx::Error> {
        self.state = state(lease);
        if let Err(error) = &result {
            match std::mem::replace(&mut self.state, State::Over) {
                _ if is_broken(error) => {}
                state => self.give_up(state),
            }
        }
        result
    }

    /// Ends it without a trace.
    fn give_up(&mut self, state: State) {
        match state {
            State::Open(lease) => end(&self.connections, lease, "ROLLBACK", self.guard.take()),
            State::Held(lease) => end(&self.connections, lease, LET_GO, self.guard.take()),
            State::New | State::Over => {}
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Over);
        self.give_up(state);
    }
}

/// Ends it at once with this statement, so that no lock outlives it. Without a runtime the connection is closed.
fn end(connections: &Arc<Connections>, mut lease: Lease, statement: &'static str, guard: Option<Guard>) {
    let Ok(runtime) = Handle::try_current() else { return };
    let connections = Arc::clone(connections);
    runtime.spawn(async move {
        let result =
            within(connections.patience(), sqlx::raw_sql(statement).execute(lease.connection())).await;
        if result.is_ok() {
            connections.hand_back(lease);
        }
        drop(guard);
    });
}

fn over() -> sqlx::Error {
    sqlx::Error::InvalidArgument("a statement came before its transaction or after its end".to_owned())
}
