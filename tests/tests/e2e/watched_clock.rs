//! A clock that moves only when a test lets it, and tells when the server's background loops have seen it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use leasehold::{Clock, ManualClock};
use tokio::time::timeout;

/// The longest time between two looks at the clock that is not a gap.
pub(crate) const STEP: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that says how often somebody looked at its monotonic hand, which the reaper does in each tick.
#[derive(Clone)]
pub(crate) struct Watched {
    clock: ManualClock,
    looks: Arc<AtomicU64>,
}

impl Clock for Watched {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn monotonic(&self) -> Duration {
        let now = self.clock.monotonic();
        self.looks.fetch_add(1, Ordering::SeqCst);
        now
    }
}

impl Watched {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { clock: ManualClock::new(now), looks: Arc::default() }
    }

    /// Sets the wall clock, as an administrator would.
    pub(crate) fn set_now(&self, now: Timestamp) {
        self.clock.set_now(now);
    }

    /// Lets time pass without anybody looking, as when the whole process stands still.
    pub(crate) fn stand_still(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Lets time pass in steps, each of which the reaper sees.
    pub(crate) async fn pass(&self, by: Duration) {
        let mut left = by;
        while !left.is_zero() {
            let step = left.min(STEP);
            self.clock.advance(step);
            self.look().await;
            left -= step;
        }
    }

    /// Waits until the reaper has begun to look at the time as it is now.
    pub(crate) async fn look(&self) {
        let before = self.looks.load(Ordering::SeqCst);
        let seen = async {
            while self.looks.load(Ordering::SeqCst) == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, seen).await.expect("the reaper ticks");
        // What the reaper found it does at once; its next tick is a second away.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// Waits until the reaper has had all the time it needs.
    pub(crate) async fn settle(&self) {
        self.look().await;
        self.look().await;
    }
}
