//! Where the database is, and how long to wait for it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;

use crate::open::OpenError;
use crate::tls;

/// Where the database is, and how long to wait for it. [`Settings::new`] has sensible values for all but the
/// address.
#[derive(Clone)]
pub struct Settings {
    /// `postgres://user@host:port/database`, with what else Postgres's own tools take behind a `?`.
    pub url: String,
    /// The password, where it does not stand in the address.
    pub password: Option<String>,
    /// Most connections at a time, at least 2; one more listens for other processes.
    pub max_connections: u32,
    /// Longest wait for a connection: for one that is in use, and for one that is being made.
    pub acquire_timeout: Duration,
    /// Longest run of a statement, the server's time.
    pub statement_timeout: Duration,
    /// Longest wait for a lock, and so for the turn of a batch.
    pub lock_timeout: Duration,
    /// Longest silence of a batch before the server takes it back.
    pub idle_in_transaction_timeout: Duration,
    /// A disk that takes less, the way to the server and back included, is waited for by the commits themselves, any
    /// other one beside the next batch.
    pub quick_disk: Duration,
}

impl Settings {
    /// The database at this address, with the usual limits.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            max_connections: 8,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(10),
            quick_disk: Duration::from_millis(1),
        }
    }

    /// How to connect.
    pub(crate) fn connect_options(&self) -> Result<PgConnectOptions, OpenError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| self.url.starts_with(scheme)) {
            let reason = "it begins with neither postgres:// nor postgresql://".to_owned();
            return Err(OpenError::Address { reason });
        }
        let options = PgConnectOptions::from_str(&self.url)
            // The reason names what is wrong with the address and never repeats it.
            .map_err(|error| OpenError::Address { reason: error.to_string() })?;
        tls::check(&options).map_err(|problem| OpenError::Tls {
            server: format!("{}:{}", options.get_host(), options.get_port()),
            problem,
        })?;
        // Whoever handles a failure reports it; statements are not for the log.
        let options = options.application_name("leasehold").disable_statement_logging();
        Ok(match &self.password {
            Some(password) => options.password(password),
            None => options,
        })
    }

    /// How long a call may take before its connection counts as broken. The server keeps its own limits; this
    /// one is for a server that has gone without a word.
    pub(crate) fn patience(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(5)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        formatter
            .debug_struct("Settings")
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("idle_in_transaction_timeout", &self.idle_in_transaction_timeout)
            .field("quick_disk", &self.quick_disk)
            .finish_non_exhaustive()
    }
}
