//! Two clocks beside each other.

use jiff::{SignedDuration, Timestamp};

use super::Finding;

const CHECK: &str = "clock";
/// Further apart, and somebody should look.
const CLOSE: SignedDuration = SignedDuration::from_secs(2);
/// Further apart, and times mean something else on the two machines.
const FAR: SignedDuration = SignedDuration::from_mins(1);

/// `theirs` was read between `before` and `after` by our clock; `whose` is "`PostgreSQL`'s" or the like.
pub(super) fn compare(whose: &str, theirs: Timestamp, before: Timestamp, after: Timestamp) -> Finding {
    // Anything within the time that the answer took is as good as equal.
    let apart = if theirs < before {
        theirs.duration_since(before)
    } else if theirs > after {
        theirs.duration_since(after)
    } else {
        SignedDuration::ZERO
    };
    let direction = if apart.is_negative() { "behind" } else { "ahead of" };
    let size = apart.abs();
    let found = if size.is_zero() {
        format!("{whose} clock and this machine's are equal")
    } else {
        format!("{whose} clock is {} ms {direction} this machine's", size.as_millis())
    };
    let remedy = "set the clocks of both machines by NTP (`timedatectl set-ntp true`)";
    if size > FAR {
        Finding::failed(CHECK, found, remedy)
    } else if size > CLOSE {
        Finding::warning(CHECK, found, remedy)
    } else {
        Finding::passed(CHECK, found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict::{Failed, Passed, Warning};
    use super::*;

    #[test]
    fn clocks_are_apart_by_what_the_answers_time_does_not_explain() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        for (theirs, verdict, text) in [
            (1_005, Passed, "are equal"),
            (1_012, Passed, "2000 ms ahead of"),
            (998, Passed, "2000 ms behind"),
            (1_013, Warning, "3000 ms ahead of"),
            (940, Warning, "60000 ms behind"),
            (939, Failed, "61000 ms behind"),
            (9_999, Failed, "ahead of"),
        ] {
            let found = compare("Redis'", at(theirs), at(1_000), at(1_010));
            assert!(found.verdict == verdict && found.found.contains(text), "{theirs}: {found:?}");
        }
    }
}
