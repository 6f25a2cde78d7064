//! Waits for commits to reach the disk that did not wait themselves.
//!
//! A commit that waits holds its instance's lock until the disk has it, and everybody behind it waits as well. One
//! that does not wait lets the next batch begin, and one more transaction, on a connection that is kept for it, waits
//! for all of them: the log is written in order. A server that crashes loses what it has not written, and with it every
//! connection. So only a connection that was there before the commit, and still is, can say that the commit is there.
//!
//! That other transaction has a cost of its own, which a quick disk does not make up for: how long the disk takes is
//! measured, and where it is quick, commits wait themselves.
//!
//! Not responsible for who hears of a commit: that is the service's.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use leasehold_store::StoreError;
use leasehold_store::licensing::Pending;
use sqlx::Connection;
use tokio::sync::OwnedMutexGuard;

use crate::connections::{Connections, Session, within};
use crate::error::store_error;

/// Writes a record that means nothing to anybody, for the sake of a commit that waits for it.
const FLUSH: &str = "SELECT pg_logical_emit_message(true, 'leasehold', '')";

/// A connection that was idle for longer may have been cut without a sound.
const FRESH: Duration = Duration::from_secs(30);
/// How often the disk is measured while nobody else waits for it.
const MEASURED: Duration = Duration::from_secs(5);
/// What one measurement counts for beside all before.
const WEIGHT: u32 = 4;

/// A connection on which somebody waits for the disk.
pub(crate) struct Flushing {
    connections: Arc<Connections>,
    /// What a commit can rely on.
    ready: Mutex<Option<Ready>>,
    /// Whoever waits for the disk has it.
    place: Arc<tokio::sync::Mutex<Place>>,
    /// A disk that takes less is not worth a transaction.
    quick: Duration,
}

/// Where the connection is while nobody uses it.
#[derive(Default)]
struct Place {
    /// Each connection has another one.
    mark: u64,
    session: Option<Session>,
}

#[derive(Clone, Copy, Debug)]
struct Ready {
    mark: u64,
    server: i64,
    used: Instant,
    /// How long the disk takes, lately, the way to the server and back with it.
    takes: Duration,
}

impl Flushing {
    /// No connection yet.
    pub(crate) fn new(connections: &Arc<Connections>, quick: Duration) -> Self {
        Self { connections: Arc::clone(connections), ready: Mutex::default(), place: Arc::default(), quick }
    }

    /// What a commit on this server, before it is sent, may rely on. Without it the commit waits itself: it has to, or
    /// that is quicker.
    pub(crate) fn mark(&self, server: i64) -> Option<u64> {
        let ready = self.ready().filter(|ready| ready.server == server && ready.used.elapsed() < FRESH)?;
        (ready.takes >= self.quick).then_some(ready.mark)
    }

    /// Waits until the disk has what was committed under a mark, and everything before it.
    pub(crate) async fn settle(self: &Arc<Self>, pending: Pending) -> Result<(), StoreError> {
        let Some(mark) = pending.mark() else {
            self.prepare();
            return Ok(());
        };
        let mut place = Arc::clone(&self.place).lock_owned().await;
        match place.session.take() {
            Some(session) if place.mark == mark => self.flush(place, session).await.map_err(store_error),
            found => {
                place.session = found;
                if place.session.is_none() {
                    self.set_ready(None);
                }
                Err(store_error(gone()))
            }
        }
    }

    /// Closes the connection.
    pub(crate) async fn close(&self) {
        self.set_ready(None);
        if let Some(session) = self.place.lock().await.session.take() {
            // The server notices by itself too.
            let _ = within(Duration::from_secs(1), session.connection.close()).await;
        }
    }

    /// Makes or tries the connection behind the scenes, where commits could not rely on it.
    fn prepare(self: &Arc<Self>) {
        if self.ready().is_some_and(|ready| ready.used.elapsed() < MEASURED) {
            return;
        }
        let Ok(mut place) = Arc::clone(&self.place).try_lock_owned() else { return };
        let flushing = Arc::clone(self);
        tokio::spawn(async move {
            let session = match place.session.take() {
                Some(session) => Ok(session),
                None => {
                    place.mark += 1;
                    flushing.connections.connect().await
                }
            };
            let flushed = match session {
                Ok(session) => flushing.flush(place, session).await,
                Err(error) => Err(error),
            };
            if let Err(error) = flushed {
                tracing::debug!(%error, "no connection to wait for the disk with; commits wait themselves");
            }
        });
    }

    /// Waits for the disk. The connection goes back to its place only if all went well.
    async fn flush(
        &self,
        mut place: OwnedMutexGuard<Place>,
        mut session: Session,
    ) -> Result<(), sqlx::Error> {
        let start = Instant::now();
        let flushed = sqlx::query(FLUSH).execute(&mut session.connection);
        if let Err(error) = within(self.connections.patience(), flushed).await {
            self.set_ready(None);
            return Err(error);
        }
        let (used, took) = (Instant::now(), start.elapsed());
        let takes = lately(self.ready().map(|before| before.takes), took);
        self.set_ready(Some(Ready { mark: place.mark, server: session.server, used, takes }));
        place.session = Some(session);
        Ok(())
    }

    fn ready(&self) -> Option<Ready> {
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_ready(&self, ready: Option<Ready>) {
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = ready;
    }
}

/// What the disk takes by one more measurement, of which each has the way to the server in it and is late where the
/// processors are busy: a single one says little.
fn lately(before: Option<Duration>, took: Duration) -> Duration {
    before.map_or(took, |before| before.saturating_sub(before / WEIGHT) + took / WEIGHT)
}

fn gone() -> sqlx::Error {
    let message =
        "the connection that a commit relied on is gone; whether the commit is on disk is not known";
    sqlx::Error::Io(io::Error::new(io::ErrorKind::ConnectionAborted, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    const QUICK: Duration = Duration::from_millis(1);

    fn flushing(ready: Ready) -> Flushing {
        let settings = Settings::new("postgres://localhost/none");
        let options = settings.connect_options().expect("the address is good");
        let flushing = Flushing::new(&Arc::new(Connections::new(options, settings)), QUICK);
        flushing.set_ready(Some(ready));
        flushing
    }

    #[test]
    fn a_commit_relies_on_a_fresh_connection_to_its_own_server_alone() {
        let now = Instant::now();
        let flushing_since = |used| flushing(Ready { mark: 7, server: 1, used, takes: QUICK });
        assert_eq!(flushing_since(now).mark(1), Some(7));
        assert_eq!(flushing_since(now).mark(2), None, "another server flushes another log");
        let Some(long_ago) = now.checked_sub(FRESH) else { return };
        assert_eq!(flushing_since(long_ago).mark(1), None);
    }

    #[test]
    fn a_commit_waits_itself_for_a_disk_that_is_quick() {
        let taking = |takes| flushing(Ready { mark: 7, server: 1, used: Instant::now(), takes }).mark(1);
        assert_eq!(taking(QUICK), Some(7));
        assert_eq!(taking(Duration::from_micros(999)), None);
    }

    #[test]
    fn each_measurement_counts_a_quarter() {
        let millis = Duration::from_millis;
        assert_eq!(lately(None, millis(8)), millis(8));
        assert_eq!(lately(Some(millis(8)), millis(0)), millis(6));
        assert_eq!(lately(Some(millis(8)), millis(40)), millis(16));
    }
}
