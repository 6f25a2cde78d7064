//! Whose turn it is to look after an instance's time, among replicas that share a store.
//!
//! Whoever has the turn moves a counter in the store; whoever sees it stand still for long enough, by its own
//! monotonic clock, takes over. No wall clock is asked. Two that think they have it do no harm.
//! Reference: licensing, "Taking back".

use std::time::Duration;

use uuid::Uuid;

/// How long the counter has to stand still before another replica takes over.
pub const TAKE_OVER_AFTER: Duration = Duration::from_secs(5);

/// The counter in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Who moved it last.
    pub holder: Uuid,
    /// How often it was moved.
    pub count: u64,
}

/// What one replica knows of the counter.
#[derive(Clone, Debug)]
pub struct Turn {
    me: Uuid,
    seen: Option<(Beat, Duration)>,
}

impl Turn {
    /// Nothing is known yet.
    pub fn new(me: Uuid) -> Self {
        Self { me, seen: None }
    }

    /// Who this replica is.
    pub fn me(&self) -> Uuid {
        self.me
    }

    /// The count that has stood still for so long that it may be taken over.
    pub fn overdue(&self, monotonic: Duration) -> Option<u64> {
        let (beat, since) = self.seen?;
        let still = monotonic.saturating_sub(since) >= TAKE_OVER_AFTER;
        (beat.holder != self.me && still).then_some(beat.count)
    }

    /// Notes what the store said; whether the turn is this replica's.
    pub fn note(&mut self, beat: Beat, monotonic: Duration) -> bool {
        if self.seen.is_none_or(|(known, _)| known != beat) {
            self.seen = Some((beat, monotonic));
        }
        beat.holder == self.me
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_stands_still_is_taken_over() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at = Duration::from_secs;
        let mut turn = Turn::new(two);
        assert_eq!(turn.overdue(at(0)), None, "nothing was seen yet");
        assert!(!turn.note(Beat { holder: one, count: 7 }, at(0)));
        assert!(!turn.note(Beat { holder: one, count: 8 }, at(3)));
        assert!(!turn.note(Beat { holder: one, count: 8 }, at(7)));
        assert_eq!(turn.overdue(at(7)), None);
        assert_eq!(turn.overdue(at(8)), Some(8));
        assert!(turn.note(Beat { holder: two, count: 9 }, at(8)));
        assert_eq!(turn.overdue(at(99)), None, "its own turn does not become overdue");
    }
}
