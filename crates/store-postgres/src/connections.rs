//! The connections: made when they are needed, kept when they are sound, replaced when they break.
//!
//! There is no test before use. Whoever begins with a connection that has been used before tries once more with a
//! new one where it turns out to be broken: see [`Connections::fetch`] and `transaction`.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use futures::TryStreamExt;
use leasehold_store::StoreError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor, Row};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::{is_broken, store_error};
use crate::session::{Types, found, prepare};
use crate::settings::Settings;

/// A connection with what was found out when it was made.
pub(crate) struct Session {
    pub(crate) connection: PgConnection,
    pub(crate) types: Types,
    /// When the server was started: a connection to another one has another number.
    pub(crate) server: i64,
    home: Home,
}

/// Where a connection's readiness is looked after: the thread of a runtime with one thread, or any runtime with
/// several. Elsewhere it would work too, but each answer would come by way of another thread.
type Home = Option<ThreadId>;

fn home() -> Home {
    let flavor = Handle::current().runtime_flavor();
    (flavor == RuntimeFlavor::CurrentThread).then(|| thread::current().id())
}

/// All connections of a store.
pub(crate) struct Connections {
    options: PgConnectOptions,
    settings: Settings,
    /// Sound and unused; the last one used is used next, as its caches are the warmest.
    idle: Mutex<Vec<Session>>,
    permits: Arc<Semaphore>,
    /// Connections at most, in use and idle.
    most: usize,
}

/// A connection in use. It is closed when this is dropped, unless it was handed back.
pub(crate) struct Lease {
    session: Session,
    /// It was used before, and may have broken since.
    reused: bool,
    _permit: OwnedSemaphorePermit,
}

impl Connections {
    /// No connection yet.
    pub(crate) fn new(options: PgConnectOptions, settings: Settings) -> Self {
        let most = usize::try_from(settings.max_connections.max(2)).unwrap_or(usize::MAX);
        let most = most.min(Semaphore::MAX_PERMITS);
        Self { options, settings, idle: Mutex::default(), permits: Arc::new(Semaphore::new(most)), most }
    }

    /// How long a call may take.
    pub(crate) fn patience(&self) -> Duration {
        self.settings.patience()
    }

    /// How long a batch may wait for its process.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.settings.idle_in_transaction_timeout
    }

    /// Closes what is idle, and nothing is handed out any more.
    pub(crate) async fn close(&self) {
        self.permits.close();
        for session in self.take_idle() {
            // The server notices by itself too.
            let _ = timeout(Duration::from_secs(1), session.connection.close()).await;
        }
    }

    /// Waits for a connection, and makes it where none is idle.
    pub(crate) async fn lease(&self) -> Result<Lease, sqlx::Error> {
        let permit = self.permit().await?;
        if let Some(session) = self.take_one() {
            return Ok(Lease { session, reused: true, _permit: permit });
        }
        self.make_room();
        let session = self.connect().await?;
        Ok(Lease { session, reused: false, _permit: permit })
    }

    /// Replaces a broken connection. Whatever else is idle is as old and goes too.
    pub(crate) async fn replace(&self, mut broken: Lease) -> Result<Lease, sqlx::Error> {
        drop(self.take_idle());
        broken.session = self.connect().await?;
        broken.reused = false;
        Ok(broken)
    }

    /// Keeps a connection that is sound and in no transaction.
    pub(crate) fn hand_back(&self, lease: Lease) {
        if !self.permits.is_closed() {
            self.idle().push(lease.session);
        }
    }

    /// Runs one statement in a transaction of its own and reads its rows, which have one column of bytes. The
    /// statement does no harm when it runs twice.
    pub(crate) async fn fetch<T>(
        &self,
        sql: &'static str,
        arguments: PgArguments,
        read: impl Fn(&[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let (rows, _) = self.twice(sql, arguments).await.map_err(store_error)?;
        rows.iter().map(|row| read(row.try_get(0).map_err(store_error)?)).collect()
    }

    /// Runs one statement that answers with a number, or with none, which is 0. It does no harm when it runs
    /// twice.
    pub(crate) async fn count(&self, sql: &'static str, arguments: PgArguments) -> Result<u64, StoreError> {
        let (rows, _) = self.twice(sql, arguments).await.map_err(store_error)?;
        let number: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(store_error)?;
        u64::try_from(number).map_err(|error| StoreError::Corrupt { what: error.to_string() })
    }

    /// Runs one statement; says how many rows it changed. It does no harm when it runs twice.
    pub(crate) async fn execute(&self, sql: &'static str, arguments: PgArguments) -> Result<u64, StoreError> {
        Ok(self.twice(sql, arguments).await.map_err(store_error)?.1)
    }

    /// Runs a statement, and once more on a new connection where the first turns out to be broken. The answer is
    /// its rows, and how many it changed or found.
    async fn twice(
        &self,
        sql: &'static str,
        arguments: PgArguments,
    ) -> Result<(Vec<PgRow>, u64), sqlx::Error> {
        let mut lease = self.lease().await?;
        let mut result = within(self.patience(), lease.run(sql, arguments.clone())).await;
        if lease.reused
            && let Err(error) = &result
            && is_broken(error)
        {
            lease = self.replace(lease).await?;
            result = within(self.patience(), lease.run(sql, arguments)).await;
        }
        if result.as_ref().err().is_none_or(|error| !is_broken(error)) {
            self.hand_back(lease);
        }
        result
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit, sqlx::Error> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        match timeout(self.settings.acquire_timeout, permit).await {
            Ok(permit) => permit.map_err(|_| sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// A new connection that counts for nothing here.
    pub(crate) async fn connect(&self) -> Result<Session, sqlx::Error> {
        within(self.settings.acquire_timeout, async {
            let mut connection = self.options.connect().await?;
            let prepare = AssertSqlSafe(prepare(&self.settings));
            let rows = sqlx::raw_sql(prepare).fetch_all(&mut connection).await?;
            let (types, server) = found(&rows)?;
            Ok(Session { connection, types, server, home: home() })
        })
        .await
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last, of those at home here.
    fn take_one(&self) -> Option<Session> {
        let mut idle = self.idle();
        let here = home();
        let place = idle.iter().rposition(|session| session.home == here)?;
        Some(idle.remove(place))
    }

    /// Closes connections of other homes that would be too many beside a new one.
    fn make_room(&self) {
        let mut idle = self.idle();
        let in_use = self.most.saturating_sub(self.permits.available_permits());
        let surplus = (in_use + idle.len()).saturating_sub(self.most).min(idle.len());
        idle.drain(..surplus);
    }

    fn take_idle(&self) -> Vec<Session> {
        std::mem::take(&mut *self.idle())
    }
}

impl Lease {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.session.connection
    }

    async fn run(
        &mut self,
        sql: &'static str,
        arguments: PgArguments,
    ) -> Result<(Vec<PgRow>, u64), sqlx::Error> {
        let mut steps = self.session.connection.fetch_many(sqlx::query_with(sql, arguments));
        let (mut rows, mut changed) = (Vec::new(), 0);
        while let Some(step) = steps.try_next().await? {
            match step {
                Either::Left(result) => changed += result.rows_affected(),
                Either::Right(row) => rows.push(row),
            }
        }
        Ok((rows, changed))
    }

    /// How this database numbers the row types.
    pub(crate) fn types(&self) -> Types {
        self.session.types
    }

    /// When the server was started.
    pub(crate) fn server(&self) -> i64 {
        self.session.server
    }

    /// Whether the connection was used before.
    pub(crate) fn reused(&self) -> bool {
        self.reused
    }
}

/// Fails with a broken connection where the work takes longer.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}
