//! The clock that decides: the store's, where several processes share it, else this machine's.
//!
//! Between two looks at the store it goes as the monotonic clock does. So replicas whose machines disagree about
//! the time decide alike. Not responsible for noticing steps: that is the vigil's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use leasehold_runtime::Clock;

/// Follows no store: this machine's clock counts.
const OWN: i64 = i64::MIN;
/// A difference that delays on the way to the store explain; beyond it the store's clock was set.
const MAX_DELAY_MICROS: i64 = 1_000_000;
/// How far one look may pull the clock.
const MAX_PULL_MICROS: i64 = 10_000;

/// The clock that decides.
pub(crate) struct StoreClock {
    own: Arc<dyn Clock>,
    /// The store's time at monotonic zero, in microseconds since 1970, or [`OWN`].
    zero: AtomicI64,
}

impl StoreClock {
    /// This machine's clock, until a store's is adopted.
    pub(crate) fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, zero: AtomicI64::new(OWN) }
    }

    /// Takes a look at the store's clock in: followed gently, or at once where it was set.
    pub(crate) fn adopt(&self, time: Timestamp, monotonic: Duration) {
        let seen = time.as_microsecond().saturating_sub(micros(monotonic));
        let zero = self.zero.load(Ordering::Relaxed);
        let off = seen.saturating_sub(zero);
        let next = if zero == OWN || off.abs() > MAX_DELAY_MICROS {
            seen
        } else {
            zero + off.clamp(-MAX_PULL_MICROS, MAX_PULL_MICROS)
        };
        self.zero.store(next, Ordering::Relaxed);
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        let zero = self.zero.load(Ordering::Relaxed);
        if zero == OWN {
            return self.own.now();
        }
        let time = zero.saturating_add(micros(self.own.monotonic()));
        Timestamp::from_microsecond(time).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.own.monotonic()
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use leasehold_runtime::ManualClock;

    use super::*;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(1_800_000_000_000_000 + micros).unwrap()
    }

    #[test]
    fn it_follows_the_store_gently_and_takes_steps_at_once() {
        let own = ManualClock::new(at(0));
        let clock = StoreClock::new(Arc::new(own.clone()));
        assert_eq!(clock.now(), at(0), "this machine's, at first");
        clock.adopt(at(5_000_000), own.monotonic());
        own.set_now(at(-9_000_000));
        own.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), at(6_000_000), "this machine's steps do not count");
        clock.adopt(at(6_500_000), own.monotonic());
        assert_eq!(clock.now(), at(6_010_000), "a slow answer pulls a little");
        clock.adopt(at(90_000_000), own.monotonic());
        assert_eq!(clock.now(), at(90_000_000));
    }
}
