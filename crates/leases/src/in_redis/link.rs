//! The one connection to Redis: made when it is needed, thrown away at the first trouble, and left alone for a while
//! after that, so that a server that is away delays nobody.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisResult, Value};
use tokio::net::TcpStream;

use super::settings::{ConnectError, Server, Settings};
use super::tls;
use super::trouble::Trouble;

/// Which connection it is. Another one may lead to another server, or to the same one started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// A connection that stood a moment ago.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) epoch: Epoch,
    redis: MultiplexedConnection,
}

pub(super) struct Link {
    server: Server,
    config: AsyncConnectionConfig,
    connect_timeout: Duration,
    retry_after: Duration,
    epochs: AtomicU64,
    state: Mutex<State>,
    connecting: tokio::sync::Mutex<()>,
}

enum State {
    /// Nobody has tried, or the connection broke and nobody has tried since.
    Unknown,
    Up(Connection),
    Away {
        until: Instant,
        because: Arc<str>,
    },
}

impl Link {
    pub(super) fn new(settings: &Settings) -> Result<Self, ConnectError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.response_timeout));
        Ok(Self {
            server: settings.server()?,
            config,
            connect_timeout: settings.connect_timeout,
            retry_after: settings.retry_after,
            epochs: AtomicU64::new(0),
            state: Mutex::new(State::Unknown),
            connecting: tokio::sync::Mutex::new(()),
        })
    }

    /// The connection, made anew if there is none. Where Redis has just failed, or somebody else is finding out
    /// whether it still does, this fails at once.
    pub(super) async fn connection(&self) -> Result<Connection, Trouble> {
        let _connecting = match self.standing() {
            Some(known) => return known,
            None if self.has_failed() => {
                self.connecting.try_lock().map_err(|_| Trouble::Away("it is being tried".into()))?
            }
            None => self.connecting.lock().await,
        };
        // Whoever had the lock before may have found out.
        if let Some(known) = self.standing() {
            return known;
        }
        let made = tokio::time::timeout(self.connect_timeout, self.connect()).await;
        match made.unwrap_or(Err(Trouble::TooSlow(self.connect_timeout))) {
            Ok(connection) => {
                *self.state() = State::Up(connection.clone());
                Ok(connection)
            }
            Err(trouble) => {
                self.leave_alone(&trouble);
                Err(trouble)
            }
        }
    }

    /// Sends a command. One that fails ends the connection.
    pub(super) async fn ask(&self, connection: &Connection, command: &Cmd) -> RedisResult<Value> {
        let answer = command.query_async(&mut connection.redis.clone()).await;
        answer.inspect_err(|error| {
            if error.kind() != redis::ErrorKind::Server(redis::ServerErrorKind::NoScript) {
                self.drop_connection(connection.epoch, error);
            }
        })
    }

    /// Where it leads, `host:port`.
    pub(super) fn address(&self) -> String {
        self.server.address()
    }

    fn standing(&self) -> Option<Result<Connection, Trouble>> {
        match &*self.state() {
            State::Up(connection) => Some(Ok(connection.clone())),
            State::Away { until, because } if Instant::now() < *until => {
                Some(Err(Trouble::Away(because.clone())))
            }
            State::Away { .. } | State::Unknown => None,
        }
    }

    fn has_failed(&self) -> bool {
        matches!(&*self.state(), State::Away { .. })
    }

    async fn connect(&self) -> Result<Connection, Trouble> {
        let mut redis = self.speak().await?;
        // A server that stands still takes connections, too; only an answer shows that it runs.
        let info: RedisResult<String> = redis::cmd("INFO").arg("server").query_async(&mut redis).await;
        let info = info.map_err(trouble)?;
        let version = info_line(&info, "redis_version").unwrap_or_default();
        if !is_new_enough(version) {
            return Err(Trouble::TooOld(version.to_owned()));
        }
        self.choose_database(&mut redis).await?;
        let epoch = Epoch(self.epochs.fetch_add(1, Ordering::Relaxed));
        Ok(Connection { epoch, redis })
    }

    /// Chooses the database of the settings. After a first answer an error without a code of its own is about the
    /// number.
    async fn choose_database(&self, redis: &mut MultiplexedConnection) -> Result<(), Trouble> {
        let number = self.server.database;
        if number == 0 {
            return Ok(());
        }
        let chosen: RedisResult<()> = redis::cmd("SELECT").arg(number).query_async(redis).await;
        chosen.map_err(|error| match error.code() {
            Some("ERR") => Trouble::NoDatabase { number, said: error.detail().unwrap_or_default().into() },
            _ => trouble(error),
        })
    }

    /// A connection that is secured, where that is wanted, and over which it was said who we are.
    async fn speak(&self) -> Result<MultiplexedConnection, Trouble> {
        let Server { client, host, port, tls, .. } = &self.server;
        let Some(tls) = tls else {
            return Ok(client.get_multiplexed_async_connection_with_config(&self.config).await?);
        };
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(redis::RedisError::from)?;
        stream.set_nodelay(true).map_err(redis::RedisError::from)?;
        let stream = tls.secure(stream).await.map_err(|error| match tls::problem(&error) {
            Some(problem) => Trouble::Tls(problem.into()),
            None => Trouble::Redis(error.into()),
        })?;
        let who = client.get_connection_info().redis_settings();
        let made = MultiplexedConnection::new_with_config(who, stream, self.config.clone()).await;
        let (connection, driver) = made.map_err(trouble)?;
        // It ends with the last copy of the connection.
        tokio::spawn(driver);
        Ok(connection)
    }

    /// The trouble with a first connection, or what is behind it: one side may speak TLS and the other not, which
    /// only shows as silence.
    pub(super) async fn explain(&self, trouble: Trouble) -> Trouble {
        let silent = match &trouble {
            Trouble::Redis(error) => error.is_io_error(),
            other => matches!(other, Trouble::TooSlow(_)),
        };
        if !silent {
            return trouble;
        }
        let Server { host, port, tls, .. } = &self.server;
        let found = tls::misunderstanding(host, *port, tls.is_some());
        match tokio::time::timeout(self.connect_timeout, found).await {
            Ok(Some(problem)) => Trouble::Tls(problem.into()),
            _ => trouble,
        }
    }

    fn drop_connection(&self, epoch: Epoch, error: &redis::RedisError) {
        let mut state = self.state();
        if !matches!(&*state, State::Up(connection) if connection.epoch == epoch) {
            return;
        }
        // A broken connection says nothing about the server, which may only have been started again.
        if error.is_connection_dropped() && !error.is_timeout() {
            *state = State::Unknown;
            return;
        }
        drop(state);
        self.leave_alone(error);
    }

    fn leave_alone(&self, because: &dyn std::error::Error) {
        let because = because.to_string().into();
        *self.state() = State::Away { until: Instant::now() + self.retry_after, because };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is one assignment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trouble that a client of Redis has.
fn trouble(error: redis::RedisError) -> Trouble {
    match tls::problem_behind(&error) {
        Some(problem) => Trouble::Tls(problem.into()),
        None => Trouble::Redis(error),
    }
}

/// The value of a line of `INFO`.
pub(super) fn info_line<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let major: u32 = numbers.next().unwrap_or(0);
    (major, numbers.next().unwrap_or(0)) >= (6, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(["6.2.0", "7.0.15", "10.0.0"].iter().all(|version| is_new_enough(version)));
        assert!(["6.0.16", "5.0.7", "", "x.y"].iter().all(|version| !is_new_enough(version)));
    }

    #[test]
    fn lines_of_info_are_found_by_their_whole_name() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n";
        assert_eq!((info_line(info, "run_id"), info_line(info, "redis")), (Some("abc"), None));
    }
}
