//! The time. Everything else takes a [`Clock`] as an argument; nothing else reads the machine's clocks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: may be wrong, may step.
    fn now(&self) -> Timestamp;
    /// Time since a start that is fixed for this clock: never goes back, never steps.
    fn monotonic(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that moves only when told to. Clones share the time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    time: Arc<Mutex<Time>>,
}

#[derive(Clone, Copy, Debug)]
struct Time {
    wall: Timestamp,
    monotonic: Duration,
}

impl ManualClock {
    /// A clock whose wall time is `now` and whose monotonic time is zero.
    pub fn new(now: Timestamp) -> Self {
        Self { time: Arc::new(Mutex::new(Time { wall: now, monotonic: Duration::ZERO })) }
    }

    /// Lets time pass: both clocks move by `by`.
    pub fn advance(&self, by: Duration) {
        self.change(|time| {
            time.wall = time.wall.saturating_add(by).unwrap_or(Timestamp::MAX);
            time.monotonic = time.monotonic.saturating_add(by);
        });
    }

    /// Steps the wall clock, as an operator or a time server would; no time passes.
    pub fn set_now(&self, now: Timestamp) {
        self.change(|time| time.wall = now);
    }

    fn change(&self, change: impl FnOnce(&mut Time)) {
        change(&mut self.time.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn read(&self) -> Time {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.read().wall
    }

    fn monotonic(&self) -> Duration {
        self.read().monotonic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_both_hands_or_steps_one() {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let shared = clock.clone();
        clock.advance(Duration::from_secs(90));
        assert_eq!(shared.now(), Timestamp::from_second(90).unwrap());
        assert_eq!(shared.monotonic(), Duration::from_secs(90));

        clock.set_now(Timestamp::UNIX_EPOCH);
        assert_eq!(shared.now(), Timestamp::UNIX_EPOCH);
        assert_eq!(shared.monotonic(), Duration::from_secs(90), "a step is not time passing");
    }

    #[test]
    fn the_system_clock_goes_forward() {
        let clock = SystemClock::new();
        let before = clock.monotonic();
        assert!(clock.monotonic() >= before);
        assert!(clock.now() > Timestamp::from_second(1_600_000_000).unwrap());
    }
}
