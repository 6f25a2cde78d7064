//! How often something may be tried: token buckets by key, in this process.
//!
//! Not responsible for what several processes let through together: each has its own.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use leasehold_runtime::Clock;

/// Keys that are remembered at a time. Beyond that, those with most left are forgotten first.
const MOST_KEYS: usize = 100_000;

/// One bucket for each key.
pub(crate) struct Throttle<K> {
    clock: Arc<dyn Clock>,
    /// Tries that may come at once.
    burst: u32,
    /// How long one takes to come back.
    refill: Duration,
    /// When the bucket of a key is full again.
    full_at: Mutex<HashMap<K, Duration>>,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    pub(crate) fn new(clock: Arc<dyn Clock>, burst: u32, refill: Duration) -> Self {
        Self { clock, burst, refill, full_at: Mutex::default() }
    }

    /// Takes one try; the error says when there is one again.
    pub(crate) fn take(&self, key: &K) -> Result<(), Duration> {
        let now = self.clock.monotonic();
        let mut full_at = self.lock();
        let full = full_at.get(key).copied().unwrap_or_default().max(now);
        let most = self.refill * (self.burst - 1);
        if full > now + most {
            return Err(full.saturating_sub(now + most));
        }
        if full_at.len() >= MOST_KEYS && !full_at.contains_key(key) {
            forget(&mut full_at, now);
        }
        full_at.insert(key.clone(), full + self.refill);
        Ok(())
    }

    /// Gives every try of a key back: it was right.
    pub(crate) fn reset(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Duration>> {
        // A map of times has no state that a panic could leave half changed.
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room: those that are full again, else the half that will be first.
fn forget<K: Hash + Eq>(full_at: &mut HashMap<K, Duration>, now: Duration) {
    full_at.retain(|_, full| *full > now);
    if full_at.len() >= MOST_KEYS {
        let mut times: Vec<Duration> = full_at.values().copied().collect();
        times.sort_unstable();
        let middle = times[times.len() / 2];
        full_at.retain(|_, full| *full > middle);
    }
}

/// Whose tries are counted together: an address, or the network that one subscriber has of IPv6.
pub(crate) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use leasehold_runtime::ManualClock;

    use super::*;

    #[test]
    fn tries_run_out_and_come_back() {
        let clock = ManualClock::new(jiff::Timestamp::UNIX_EPOCH);
        let throttle = Throttle::new(Arc::new(clock.clone()), 3, Duration::from_secs(10));
        for _ in 0..3 {
            assert_eq!(throttle.take(&"kim"), Ok(()));
        }
        assert_eq!(throttle.take(&"kim"), Err(Duration::from_secs(10)));
        assert_eq!(throttle.take(&"lee"), Ok(()), "each has its own");
        clock.advance(Duration::from_secs(9));
        assert_eq!(throttle.take(&"kim"), Err(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(throttle.take(&"kim"), Ok(()));
        assert!(throttle.take(&"kim").is_err());
        throttle.reset(&"kim");
        assert_eq!(throttle.take(&"kim"), Ok(()));
    }

    #[test]
    fn it_does_not_remember_everybody_for_ever() {
        let clock = ManualClock::new(jiff::Timestamp::UNIX_EPOCH);
        let throttle = Throttle::new(Arc::new(clock.clone()), 1, Duration::from_secs(10));
        for key in 0..MOST_KEYS {
            throttle.take(&key).unwrap();
        }
        throttle.take(&MOST_KEYS).unwrap();
        assert!(throttle.lock().len() <= MOST_KEYS);
        clock.advance(Duration::from_secs(5));
        for key in 0..2 * MOST_KEYS {
            let _ = throttle.take(&key);
        }
        assert!(throttle.lock().len() <= MOST_KEYS);
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one() {
        let near = |text: &str| neighbourhood(text.parse().unwrap()).to_string();
        assert_eq!(near("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!((near("192.0.2.7"), near("::ffff:192.0.2.7")), ("192.0.2.7".into(), "192.0.2.7".into()));
    }
}
