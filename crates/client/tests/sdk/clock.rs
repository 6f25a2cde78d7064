//! A time of day that goes on as Tokio's clock does, and that a test can set.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use leasehold_client::WallClock;
use tokio::time::Instant;

/// The clock of one machine. Clones are one.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<(Timestamp, Instant)>>);

impl Clock {
    /// It is noon of a day in 2026.
    pub(crate) fn new() -> Self {
        let noon = "2026-05-04T12:00:00Z".parse().unwrap();
        Self(Arc::new(Mutex::new((noon, Instant::now()))))
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        let (set, at) = *self.0.lock().unwrap();
        set + SignedDuration::try_from(at.elapsed()).unwrap()
    }

    /// Sets it so much ahead, or back.
    pub(crate) fn step(&self, length: SignedDuration) {
        let now = self.now() + length;
        *self.0.lock().unwrap() = (now, Instant::now());
    }

    /// As the client's.
    pub(crate) fn wall(&self) -> WallClock {
        let clock = self.clone();
        WallClock::new(move || clock.now())
    }
}
