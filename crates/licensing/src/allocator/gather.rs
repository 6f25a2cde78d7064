//! How much is taken for the next batch, and how long it is worth waiting for more.
//!
//! Clients that were just answered come back within a moment. Without waiting for them, two crowds form that
//! take turns, each paying a commit for half of the clients. Waiting a fraction of what a commit costs brings
//! them together; a lone client is never kept waiting.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::Job;

/// The longest wait for more, whatever a batch takes.
const MAX_LINGER: Duration = Duration::from_millis(2);
/// Timers are no finer than this, so a shorter wait would be a longer one.
const MIN_LINGER: Duration = Duration::from_millis(1);

/// What the last batches were like.
#[derive(Debug, Default)]
pub(super) struct Pace {
    last: usize,
    before_last: usize,
    took: Duration,
}

impl Pace {
    /// Notes a batch that was decided.
    pub(super) fn note(&mut self, size: usize, took: Duration) {
        (self.before_last, self.last, self.took) = (self.last, size, took);
    }

    /// How long a batch of `size` should wait for more: a quarter of what the last one took, where the last
    /// two together were larger.
    fn linger(&self, size: usize) -> Option<Duration> {
        let linger = (self.took / 4).min(MAX_LINGER);
        (size < self.last + self.before_last && linger >= MIN_LINGER).then_some(linger)
    }

    /// Adds to `jobs` what comes within the time that is worth waiting, up to `limit` in all.
    pub(super) async fn gather(&self, jobs: &mut Vec<Job>, receiver: &mut mpsc::Receiver<Job>, limit: usize) {
        let expected = (self.last + self.before_last).min(limit);
        let Some(linger) = self.linger(jobs.len()) else { return };
        let until = Instant::now() + linger;
        while jobs.len() < expected {
            let room = limit - jobs.len();
            match timeout_at(until, receiver.recv_many(jobs, room)).await {
                Ok(taken) if taken > 0 => {}
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_crowd_behind_a_slow_commit_is_waited_for() {
        let ms = Duration::from_millis;
        let pace = |last, before_last, took| Pace { last, before_last, took };
        assert_eq!(pace(1, 0, ms(20)).linger(1), None, "a lone client");
        assert_eq!(pace(32, 32, ms(2)).linger(32), None, "a commit too short to be worth a timer");
        assert_eq!(pace(32, 32, ms(6)).linger(32), Some(Duration::from_micros(1_500)));
        assert_eq!(pace(32, 32, ms(60)).linger(32), Some(MAX_LINGER));
        assert_eq!(pace(32, 32, ms(60)).linger(64), None, "everybody is here");
    }
}
