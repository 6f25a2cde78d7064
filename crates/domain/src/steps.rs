//! Steps of the clock that decides, and the steady time without them.
//!
//! A wall clock may be set; a monotonic clock never is. *Steady time* is the deciding clock's time less all of its
//! known steps, so it goes as monotonic clocks do. Whoever reads the clock knows what steady time has to be, by its own
//! monotonic clock: where it is not, there was a step that nobody has noted yet.
//!
//! Responsible for what is a step, how large it is, and how long it counts. Not responsible for keeping steps where
//! all processes find them: that is the store's. Reference: licensing, "Clocks".

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, Unit};

/// A difference that the rates of clocks explain; beyond it a clock was set.
pub const TOLERANCE: SignedDuration = SignedDuration::from_secs(1);
/// How long a process that noted a step gives way to others that deny it. They look every second.
const MAY_BE_DENIED: SignedDuration = SignedDuration::from_secs(10);
/// Steps that are kept one by one.
const MOST: usize = 64;

/// A step of a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in steady time.
    pub at: Timestamp,
    /// How far ahead; less than nothing is back.
    pub by: SignedDuration,
}

/// The known steps of a clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// The sum of all, whenever they were.
    pub correction: SignedDuration,
    /// Those that may still count, oldest first.
    pub recent: Vec<Step>,
}

/// The time that a clock showed at some moment between two of this process' monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What it showed.
    pub wall: Timestamp,
    /// Before it was asked.
    pub sent: Duration,
    /// After it had answered.
    pub came: Duration,
}

/// What one process knows of the clock that decides. At first that is nothing: the first reading is taken as found.
#[derive(Clone, Debug, Default)]
pub struct Follower {
    /// The steady time at monotonic zero.
    zero: Option<Timestamp>,
    steps: Steps,
    /// When the last reading came that was taken.
    taken: Duration,
    /// The last step that this process noted, and when.
    noted: Option<(Duration, SignedDuration)>,
}

impl Steps {
    /// The steady time where the clock shows `wall`.
    pub fn steady(&self, wall: Timestamp) -> Timestamp {
        later(wall, -self.correction)
    }

    /// What the clock shows at this steady time.
    pub fn wall(&self, steady: Timestamp) -> Timestamp {
        later(steady, self.correction)
    }

    /// How far the clock is ahead of where it was at any moment within the last `memory`, by its steps since then; 0
    /// where it is not.
    pub fn ahead(&self, steady: Timestamp, memory: SignedDuration) -> SignedDuration {
        let mut since_then = SignedDuration::ZERO;
        let mut ahead = SignedDuration::ZERO;
        for step in self.recent.iter().rev().filter(|step| counts(step, steady, memory)) {
            since_then = since_then.saturating_add(step.by);
            ahead = ahead.max(since_then);
        }
        ahead
    }

    /// Adds a step, and forgets those that do not count any more.
    pub fn note(&mut self, step: Step, memory: SignedDuration) {
        self.correction = self.correction.saturating_add(step.by);
        self.recent.retain(|known| counts(known, step.at, memory));
        self.recent.push(step);
        while let [first, second, ..] = self.recent[..]
            && self.recent.len() > MOST
        {
            // Together they count for as long as the second, and for no less than either did.
            self.recent[1].by = second.by.saturating_add(first.by.max(SignedDuration::ZERO));
            self.recent.remove(0);
        }
    }
}

impl Follower {
    /// The step that this reading shows and that is not among the `known` ones.
    ///
    /// Where the moment of the reading is uncertain the step is taken to be as far ahead as it may be: what ends too
    /// late harms less than what ends too early.
    pub fn step(&self, reading: &Reading, known: &Steps) -> Option<Step> {
        let (first, last) = (self.steady(reading.sent)?, self.steady(reading.came)?);
        let steady = known.steady(reading.wall);
        let off = steady.duration_since(steady.clamp(first, last.max(first)));
        if off.abs() <= TOLERANCE || self.is_denied(reading, known, off) {
            return None;
        }
        // Kept to the microsecond, so that what is recorded is what was meant.
        let at = first.round(Unit::Microsecond).unwrap_or(first);
        let by = steady.duration_since(at);
        Some(Step { at, by: by.round(Unit::Microsecond).unwrap_or(by) })
    }

    /// Whether others have taken back what this process noted a moment ago, while the clock went on as this process'
    /// monotonic clock did. Then that one stood still, as a machine's does that sleeps, and the reading is right as it
    /// is found. Otherwise they would note it in turns for ever.
    fn is_denied(&self, reading: &Reading, known: &Steps, off: SignedDuration) -> bool {
        let Some((when, noted)) = self.noted else { return false };
        let others = known.correction.saturating_sub(self.steps.correction);
        since(when, reading.came) < MAY_BE_DENIED
            && others.saturating_add(noted).abs() < noted.abs() / 2
            && others.saturating_add(off).abs() <= TOLERANCE
    }

    /// Takes a reading in, with all steps that were known then. `noted` says that this process added the last of them.
    /// A reading that came before one that was taken already changes nothing.
    pub fn take(&mut self, reading: &Reading, steps: Steps, noted: Option<Step>) {
        if reading.came < self.taken {
            return;
        }
        let steady = steps.steady(reading.wall);
        let latest = later(steady, -signed(reading.sent));
        let earliest = later(steady, -signed(reading.came)).min(latest);
        self.zero = Some(self.zero.map_or(earliest, |zero| zero.clamp(earliest, latest)));
        self.taken = reading.came;
        if let Some(step) = noted {
            self.noted = Some((reading.came, step.by));
        } else if steps.correction != self.steps.correction {
            self.noted = None;
        }
        self.steps = steps;
    }

    /// Takes a reading of a clock in that decides for this process alone.
    pub fn take_alone(&mut self, reading: &Reading, memory: SignedDuration) {
        let mut steps = self.steps.clone();
        let step = self.step(reading, &steps);
        if let Some(step) = step {
            steps.note(step, memory);
        }
        self.take(reading, steps, step);
    }

    /// The steps, as far as this process knows.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }

    /// The steady time at a moment of the monotonic clock; `None` before the first reading.
    pub fn steady(&self, monotonic: Duration) -> Option<Timestamp> {
        Some(later(self.zero?, signed(monotonic)))
    }

    /// What the clock shows at a moment of the monotonic clock, as far as this process knows; `None` before the first
    /// reading.
    pub fn now(&self, monotonic: Duration) -> Option<Timestamp> {
        Some(self.steps.wall(self.steady(monotonic)?))
    }

    /// How far the clock is ahead at a moment of the monotonic clock: see [`Steps::ahead`].
    pub fn ahead(&self, monotonic: Duration, memory: SignedDuration) -> SignedDuration {
        self.steady(monotonic).map_or(SignedDuration::ZERO, |steady| self.steps.ahead(steady, memory))
    }
}

fn counts(step: &Step, steady: Timestamp, memory: SignedDuration) -> bool {
    steady.duration_since(step.at) < memory
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    time.checked_add(by).unwrap_or(end)
}

fn since(from: Duration, to: Duration) -> SignedDuration {
    signed(to.saturating_sub(from))
}

fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
