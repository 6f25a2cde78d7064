//! Fresh ids and secrets: UUIDs that sort by the time of their making, and unguessable tokens.

use std::sync::Arc;

use leasehold_domain::{IdSource, LeaseToken};
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};
use uuid::{Builder, Uuid};

use crate::clock::Clock;

/// Bits of a version 7 UUID that count within a millisecond.
const COUNTER_BITS: u32 = 12;

/// Makes ids from a clock and a cryptographically secure generator.
pub struct SystemIds {
    clock: Arc<dyn Clock>,
    random: StdRng,
    /// Milliseconds since 1970, then [`COUNTER_BITS`] of counter: grows with every id, whatever the clock does.
    newest: u64,
}

impl SystemIds {
    /// Ids whose randomness is seeded by the operating system.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, random: rand::make_rng(), newest: 0 }
    }

    /// The same ids for the same seed and clock. Guessable: for tests and simulations.
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, random: StdRng::seed_from_u64(seed), newest: 0 }
    }

    /// A fresh UUID, for whoever has no other source of ids in view.
    pub fn fresh(&mut self) -> Uuid {
        self.uuid()
    }
}

impl IdSource for SystemIds {
    fn uuid(&mut self) -> Uuid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or(0);
        let start = millis << COUNTER_BITS;
        self.newest = if start > self.newest {
            // In the lower half of the counter, so that ids of two processes seldom meet.
            start | u64::from(self.random.random::<u16>() >> (17 - COUNTER_BITS))
        } else {
            self.newest + 1
        };
        let mut rest = [0; 10];
        self.random.fill_bytes(&mut rest);
        let counter = self.newest & ((1 << COUNTER_BITS) - 1);
        rest[..2].copy_from_slice(&u16::try_from(counter).expect("the counter has 12 bits").to_be_bytes());
        Builder::from_unix_timestamp_millis(self.newest >> COUNTER_BITS, &rest).into_uuid()
    }

    fn lease_token(&mut self) -> LeaseToken {
        LeaseToken(self.random.random())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn ids_sort_by_the_time_of_their_making() {
        let clock = ManualClock::new(Timestamp::from_second(1_700_000_000).unwrap());
        let mut ids = SystemIds::new(Arc::new(clock.clone()));
        let mut made = Vec::new();
        for _ in 0..3 {
            made.extend((0..5_000).map(|_| ids.uuid()));
            clock.advance(Duration::from_millis(7));
        }
        clock.set_now(Timestamp::from_second(1_600_000_000).unwrap());
        made.extend((0..10).map(|_| ids.uuid()));

        assert!(made.is_sorted_by(|a, b| a < b), "also within a millisecond and after a step back");
        assert!(
            made.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122)
        );
        let (seconds, _) = made[0].get_timestamp().unwrap().to_unix();
        assert_eq!(seconds, 1_700_000_000);
    }

    #[test]
    fn tokens_differ_and_a_seed_repeats_them() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let mut ids = SystemIds::new(Arc::clone(&clock));
        let tokens: HashSet<_> = (0..1_000).map(|_| ids.lease_token()).collect();
        assert_eq!(tokens.len(), 1_000);

        let take = |seed| {
            let mut ids = SystemIds::seeded(Arc::clone(&clock), seed);
            (ids.uuid(), ids.lease_token(), ids.uuid())
        };
        assert!(take(7) == take(7) && take(7) != take(8));
    }
}
