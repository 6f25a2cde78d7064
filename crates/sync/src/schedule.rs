//! When an instance synchronises by itself, and when it is warned of its deadline. Pure: nothing here reads a clock.

use jiff::{SignedDuration, Timestamp};

use crate::Interval;

/// The first wait after a failure; each further one doubles it.
const FIRST_RETRY: SignedDuration = SignedDuration::from_mins(1);
/// The longest wait after a failure.
const LAST_RETRY: SignedDuration = SignedDuration::from_hours(1);
/// Days before the deadline at which there is a warning; 0 is the deadline itself.
const WARNINGS: [u16; 4] = [0, 1, 7, 30];

/// When the next attempt is, after one now. `jitter` is from −1 to 1; `failures` have followed one another.
pub(crate) fn next(interval: Interval, now: Timestamp, failures: u32, jitter: f64) -> Option<Timestamp> {
    let Interval::Every(every) = interval else { return None };
    let wait = match failures {
        0 => every,
        // Beyond the sixth doubling it is longer than the longest.
        failures => FIRST_RETRY.saturating_mul(1 << (failures - 1).min(6)).min(LAST_RETRY),
    };
    Some(now.saturating_add(wait.mul_f64(1.0 + jitter / 10.0)).unwrap_or(Timestamp::MAX))
}

/// Whether it is time. One that was never planned is due at once, and so is one that is farther ahead than any plan
/// reaches: the clock was set back, or the interval was longer.
pub(crate) fn is_due(interval: Interval, now: Timestamp, next_at: Option<Timestamp>) -> bool {
    let Interval::Every(every) = interval else { return false };
    let reach = every.max(LAST_RETRY).mul_f64(1.2);
    next_at.is_none_or(|at| at <= now || at.duration_since(now) > reach)
}

/// The warning that is to be given now, if any: so many days are left. `warned` is the last that was.
pub(crate) fn warning(now: Timestamp, deadline: Timestamp, warned: Option<u16>) -> Option<u16> {
    passed(now, deadline).filter(|days| warned.is_none_or(|warned| *days < warned))
}

/// The nearest warning whose time is over. One that is over when a bundle comes is not given: the vendor wants it so.
pub(crate) fn passed(now: Timestamp, deadline: Timestamp) -> Option<u16> {
    let left = deadline.duration_since(now);
    WARNINGS.into_iter().find(|days| left <= SignedDuration::from_hours(24 * i64::from(*days)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAILY: Interval = Interval::Every(SignedDuration::from_hours(24));

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minutes).unwrap()
    }

    #[test]
    fn attempts_follow_the_interval_and_failures_back_off() {
        for (failures, jitter, minutes) in [
            (0, 0.0, 1440),
            (0, 1.0, 1584),
            (0, -1.0, 1296),
            (1, 0.0, 1),
            (2, 0.0, 2),
            (3, 0.0, 4),
            (6, 0.0, 32),
            (7, 0.0, 60),
            (8, 0.0, 60),
            (u32::MAX, 0.5, 63),
        ] {
            assert_eq!(next(DAILY, at(0), failures, jitter), Some(at(minutes)), "{failures} {jitter}");
        }
        assert_eq!(next(Interval::Off, at(0), 0, 0.0), None);
        assert_eq!(next(DAILY, Timestamp::MAX, 0, 0.0), Some(Timestamp::MAX));
    }

    #[test]
    fn it_is_due_at_its_time_or_without_a_plan_that_can_be() {
        for (next_at, due) in [
            (None, true),
            (Some(at(0)), true),
            (Some(at(-5)), true),
            (Some(at(1)), false),
            (Some(at(1584)), false),
            (Some(at(3 * 1440)), true),
        ] {
            assert_eq!(is_due(DAILY, at(0), next_at), due, "{next_at:?}");
            assert!(!is_due(Interval::Off, at(0), next_at));
        }
        let often = Interval::Every(SignedDuration::from_mins(1));
        assert!(!is_due(often, at(0), Some(at(66))), "a long wait after failures is kept");
    }

    #[test]
    fn each_warning_is_given_once_when_its_time_has_come() {
        let day = 24 * 60;
        for (minutes, warned, given) in [
            (-31 * day, None, None),
            (-30 * day, None, Some(30)),
            (-30 * day, Some(30), None),
            (-8 * day, Some(30), None),
            (-7 * day, Some(30), Some(7)),
            (-6 * day, Some(7), None),
            (-2 * day, None, Some(7)),
            (-day, Some(7), Some(1)),
            (-1, Some(1), None),
            (0, Some(1), Some(0)),
            (day, Some(0), None),
            (99 * day, None, Some(0)),
        ] {
            assert_eq!(warning(at(minutes), at(0), warned), given, "{minutes} {warned:?}");
        }
    }

    #[test]
    fn what_is_over_when_a_bundle_comes_is_not_warned_of() {
        let soon = at(14 * 24 * 60);
        let warned = passed(at(0), soon);
        assert_eq!(warned, Some(30));
        assert_eq!(warning(at(0), soon, warned), None);
        assert_eq!(warning(at(7 * 24 * 60), soon, warned), Some(7));
    }
}
