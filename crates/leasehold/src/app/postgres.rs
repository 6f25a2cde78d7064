//! Opening the database of the configuration, and waiting for one that is only starting.

use std::time::Duration;

use leasehold_runtime::config::Postgres;
use leasehold_store_postgres::{OpenError, PostgresLicensingStore, Settings};
use secrecy::ExposeSecret;
use tokio::time::{Instant, sleep};

/// How long a start waits for a database that is not there yet, how often it looks, and how often it says so.
const WAIT_FOR_DATABASE: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const TELL_AGAIN: Duration = Duration::from_secs(5);

/// Opens the database. One that does not answer yet is waited for, one that refuses is not.
pub(super) async fn open(settings: &Postgres) -> Result<PostgresLicensingStore, OpenError> {
    let settings = self::settings(settings);
    patiently(|| PostgresLicensingStore::open(&settings), OpenError::may_pass).await
}

/// The configuration in the store's words.
pub(crate) fn settings(settings: &Postgres) -> Settings {
    Settings {
        password: settings.password().map(|password| password.expose_secret().to_owned()),
        max_connections: settings.max_connections,
        statement_timeout: settings.statement_timeout,
        ..Settings::new(settings.url.clone())
    }
}

/// Opens something in it, again and again while it may be usable a little later, for half a minute.
pub(super) async fn patiently<T, E: std::fmt::Display, F: Future<Output = Result<T, E>>>(
    open: impl Fn() -> F,
    may_pass: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let mut wait = Wait::since(Instant::now());
    loop {
        match open().await {
            Err(error) if may_pass(&error) && !wait.is_over(Instant::now()) => {
                if wait.tells(Instant::now()) {
                    tracing::warn!(%error, at_most.seconds = WAIT_FOR_DATABASE.as_secs(), "waiting for the database");
                }
                sleep(LOOK_AGAIN).await;
            }
            outcome => return outcome,
        }
    }
}

/// A wait that has an end, and says now and then that it goes on.
struct Wait {
    until: Instant,
    told: Option<Instant>,
}

impl Wait {
    fn since(now: Instant) -> Self {
        Self { until: now + WAIT_FOR_DATABASE, told: None }
    }

    fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// Whether to say it now: at first, and again when some time has passed.
    fn tells(&mut self, now: Instant) -> bool {
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < TELL_AGAIN) {
            return false;
        }
        self.told = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_has_an_end_and_is_told_at_first_and_each_five_seconds() {
        let start = Instant::now();
        let mut wait = Wait::since(start);
        let mut told = Vec::new();
        for look in 0.. {
            let now = start + LOOK_AGAIN * look;
            if wait.is_over(now) {
                assert_eq!(now, start + WAIT_FOR_DATABASE);
                break;
            }
            if wait.tells(now) {
                told.push((now - start).as_secs());
            }
        }
        assert_eq!(told, [0, 5, 10, 15, 20, 25]);
    }
}
