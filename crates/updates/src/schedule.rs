//! When the vendor's repository is asked by itself. Pure: nothing here reads a clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// The first wait after a failure; each further one doubles it.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait after a failure.
const LAST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// The longest time for which a repository can put us off.
const LONGEST_PUT_OFF: SignedDuration = SignedDuration::from_hours(24);

/// How often the vendor's repository is asked without being told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Never.
    Off,
    /// Each time when so much has passed, give or take a tenth.
    Every(SignedDuration),
}

/// How the last attempt ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Failures that have followed one another.
    pub(crate) failures: u32,
    /// When the other side wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
}

/// When the next attempt is, after one now. `jitter` is from −1 to 1.
pub(crate) fn next(interval: Interval, now: Timestamp, ended: Ended, jitter: f64) -> Option<Timestamp> {
    let Interval::Every(every) = interval else { return None };
    let wait = match ended.failures {
        0 => every,
        // Beyond the sixth doubling it is longer than the longest.
        failures => FIRST_RETRY.saturating_mul(1 << (failures - 1).min(6)).min(LAST_RETRY),
    };
    let wait = wait.mul_f64(1.0 + jitter / 10.0);
    let put_off = ended.retry_after.and_then(|wait| SignedDuration::try_from(wait).ok()).unwrap_or_default();
    let wait = wait.max(put_off.min(LONGEST_PUT_OFF));
    Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX))
}

/// Whether it is time. One that was never planned is due at once, and so is one that is farther ahead than any plan
/// reaches: the clock was set back, or the interval was longer.
pub(crate) fn is_due(interval: Interval, now: Timestamp, next_at: Option<Timestamp>) -> bool {
    let Interval::Every(every) = interval else { return false };
    let reach = every.max(LONGEST_PUT_OFF).mul_f64(1.2);
    next_at.is_none_or(|at| at <= now || at.duration_since(now) > reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAILY: Interval = Interval::Every(SignedDuration::from_hours(24));

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
    }

    #[test]
    fn attempts_follow_the_interval_failures_back_off_and_a_repository_can_put_off() {
        for (failures, retry_after, jitter, minutes) in [
            (0, None, 0.0, 1440),
            (0, None, 1.0, 1584),
            (0, None, -1.0, 1296),
            (1, None, 0.0, 1),
            (3, None, 0.0, 4),
            (u32::MAX, None, 0.0, 60),
            (1, Some(120), 0.0, 120),
            (8, Some(5), 0.0, 60),
            (1, Some(1_000_000), 0.0, 1440),
        ] {
            let ended = Ended { failures, retry_after: retry_after.map(Duration::from_mins) };
            assert_eq!(next(DAILY, at(0), ended, jitter), Some(at(minutes)), "{ended:?} {jitter}");
        }
        assert_eq!(next(Interval::Off, at(0), Ended::default(), 0.0), None);
    }

    #[test]
    fn it_is_due_at_its_time_or_without_a_plan_that_can_be() {
        for (next_at, due) in [
            (None, true),
            (Some(at(0)), true),
            (Some(at(1)), false),
            (Some(at(1584)), false),
            (Some(at(3 * 1440)), true),
        ] {
            assert_eq!(is_due(DAILY, at(0), next_at), due, "{next_at:?}");
            assert!(!is_due(Interval::Off, at(0), next_at));
        }
    }
}
