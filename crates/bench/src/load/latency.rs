//! Latencies of calls, and their middle.

use std::time::Duration;

/// How long calls took, to the microsecond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    /// One more call.
    pub(crate) fn add(&mut self, length: Duration) {
        self.micros.push(u32::try_from(length.as_micros()).unwrap_or(u32::MAX));
    }

    /// Those of another client.
    pub(crate) fn merge(&mut self, other: Self) {
        self.micros.extend(other.micros);
    }

    /// How many calls.
    pub(crate) fn len(&self) -> u64 {
        self.micros.len() as u64
    }

    /// What so many percent of the calls took at most; `None` without calls.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
        sorted.get(rank).map(|micros| Duration::from_micros(u64::from(*micros)))
    }
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<I: IntoIterator<Item = Duration>>(lengths: I) -> Self {
        let mut latencies = Self::default();
        lengths.into_iter().for_each(|length| latencies.add(length));
        latencies
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: &[u64]) -> Latencies {
        micros.iter().copied().map(Duration::from_micros).collect()
    }

    #[test]
    fn the_percentile_is_a_latency_that_was_measured() {
        let latencies = of(&[500, 100, 300, 200, 400]);
        assert_eq!(latencies.percentile(50), Some(Duration::from_micros(300)));
        assert_eq!(latencies.percentile(99), Some(Duration::from_micros(500)));
        assert_eq!(latencies.percentile(0), Some(Duration::from_micros(100)));
        assert_eq!(of(&[7]).percentile(50), Some(Duration::from_micros(7)));
        assert_eq!(of(&[]).percentile(50), None);
    }

    #[test]
    fn merging_keeps_all() {
        let mut latencies = of(&[1, 2]);
        latencies.merge(of(&[3]));
        assert_eq!(latencies, of(&[1, 2, 3]));
        assert_eq!(latencies.len(), 3);
    }
}
