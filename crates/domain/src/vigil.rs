//! When silence may be believed: what a reaper has to have seen before it takes a count back.
//!
//! Responsible for gaps, promotion and mass silence, as pure state. Not responsible for who was heard: that is the
//! lease store's, nor for the deadlines: they are in the store, nor for what a step of a clock ends: that is `steps`.
//! Reference: licensing, "Taking back".

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ids::GrantId;
use crate::lease::{MIN_TTL, server_patience, skew, unearned_cap};

/// Clocks may drift apart by the least skew within this time, all small steps together.
const DRIFT_WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// Silent grants that are too many to be believed at once, where they are also more than half.
const MASS: u64 = 20;

/// What one look found: every clock that the protocol rests on, and what the lease store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// This process' monotonic clock.
    pub monotonic: Duration,
    /// This machine's wall clock.
    pub own: Timestamp,
    /// The store's clock; `None` where this process is the store's only one.
    pub store: Option<Timestamp>,
    /// What the lease store says; `None` where it does not answer.
    pub leases: Option<LeaseSample>,
}

impl Sample {
    /// The time by the clock that decides.
    pub fn deciding(&self) -> Timestamp {
        self.store.unwrap_or(self.own)
    }
}

/// What the lease store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseSample {
    /// Changes whenever it may have forgotten something.
    pub generation: u64,
    /// Its clock; `None` where it has none of its own.
    pub time: Option<Timestamp>,
}

/// Why the time before a look proves nobody's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gap {
    /// Nobody looked before.
    Start,
    /// This process stood still.
    Pause,
    /// This machine's wall clock stepped.
    OwnClock,
    /// The store's clock stepped, or was not known.
    StoreClock,
    /// The lease store's clock stepped.
    LeaseClock,
    /// The lease store does not answer, or did not at the last look.
    LeasesAway,
    /// The lease store has forgotten who was heard.
    LeasesForgot,
}

/// What is to be done about a grant whose floor deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The lease store may be asked, and believed.
    AskLeases,
    /// The lease store is away and the unearned time is used up: the floor deadline alone decides.
    BelieveFloor,
    /// The floor deadline moves to this long from now, all of it unearned.
    Promote(SignedDuration),
    /// The unearned time is used up, and it is too early to believe the silence.
    Wait,
}

/// A reaper's memory of the clocks. It starts with a gap.
#[derive(Clone, Debug, Default)]
pub struct Vigil {
    last: Option<Sample>,
    /// The first look of this drift window and of the one before, as far as there was no gap since.
    anchors: [Option<Sample>; 2],
    /// Since when there has been no gap of any kind.
    quiet_since: Duration,
    /// Since when there has been none but those of the lease store.
    awake_since: Duration,
    /// When the instance was last found restored and not confirmed.
    restored_at: Option<Duration>,
    leases_away: bool,
    mass_until: Option<Duration>,
    mass_spent: bool,
}

impl Vigil {
    /// Takes a look, and says what makes the time since the last one prove nothing.
    pub fn look(&mut self, sample: Sample) -> Option<Gap> {
        let last = self.last.replace(sample);
        let gap = last
            .map_or(Some(Gap::Start), |last| gap_between(&last, &sample))
            .or_else(|| self.drifted(&sample));
        self.leases_away = sample.leases.is_none();
        if let Some(gap) = gap {
            self.anchors = [None, Some(sample)];
            self.quiet_since = sample.monotonic;
            if !matches!(gap, Gap::LeasesAway | Gap::LeasesForgot | Gap::LeaseClock) {
                self.awake_since = sample.monotonic;
            }
        }
        if self.anchors[1].is_none_or(|start| since(start.monotonic, sample.monotonic) >= DRIFT_WINDOW) {
            self.anchors = [self.anchors[1], Some(sample)];
        }
        gap
    }

    /// Steps that are each too small to be one can add up to one.
    fn drifted(&self, sample: &Sample) -> Option<Gap> {
        self.anchors.iter().flatten().find_map(|anchor| clock_gap(anchor, sample))
    }

    /// Says that the lease store forgot something between the last look and now.
    pub fn leases_forgot(&mut self, monotonic: Duration) {
        self.quiet_since = monotonic;
        if let Some(last) = &mut self.last {
            last.leases = None;
        }
    }

    /// Says that nobody's silence up to now proves anything: the instance is restored and not confirmed yet. Who is
    /// silent then has a whole patience after the confirmation, whatever unearned time is used up.
    pub fn restored(&mut self, monotonic: Duration) {
        self.quiet_since = monotonic;
        self.restored_at = Some(monotonic);
    }

    /// What to do about a grant whose floor deadline has passed, of this time to live and with so much
    /// unearned time behind it.
    pub fn judge(
        &self,
        grant: GrantId,
        ttl: SignedDuration,
        unearned: SignedDuration,
        monotonic: Duration,
    ) -> Judgement {
        let patience = server_patience(ttl);
        let quiet = since(self.quiet_since, monotonic);
        let held = self.mass_until.map_or(SignedDuration::ZERO, |until| since(monotonic, until));
        if quiet >= patience && held.is_zero() {
            return Judgement::AskLeases;
        }
        let left = unearned_cap(ttl) - unearned;
        if left > SignedDuration::ZERO {
            let rest = (patience - quiet).max(held).max(SignedDuration::ZERO);
            return Judgement::Promote((rest + spread(grant, ttl)).min(left));
        }
        if self.restored_at.is_some_and(|at| since(at, monotonic) < patience) {
            return Judgement::Wait;
        }
        // A live client was heard twice in half of its time to live.
        if !self.leases_away && quiet >= ttl / 2 {
            Judgement::AskLeases
        } else if self.leases_away && since(self.awake_since, monotonic) >= ttl / 2 {
            Judgement::BelieveFloor
        } else {
            Judgement::Wait
        }
    }

    /// Whether so many silent grants of all online ones are too many to be believed. Once they were not
    /// believed for time to live and skew they are, until fewer are silent.
    pub fn mass_silence(
        &mut self,
        silent: u64,
        online: u64,
        ttl: SignedDuration,
        monotonic: Duration,
    ) -> bool {
        if self.mass_until.is_some_and(|until| monotonic < until) {
            return true;
        }
        self.mass_until = None;
        if silent < MASS || silent.saturating_mul(2) <= online {
            self.mass_spent = false;
            return false;
        }
        if self.mass_spent {
            return false;
        }
        self.mass_spent = true;
        self.mass_until = Some(monotonic + server_patience(ttl).unsigned_abs());
        true
    }

    /// Whether nothing of the shortest time to live would be taken back now.
    pub fn is_holding(&self, monotonic: Duration) -> bool {
        let patience = server_patience(MIN_TTL);
        since(self.quiet_since, monotonic) < patience
            || self.mass_until.is_some_and(|until| monotonic < until)
    }
}

fn gap_between(last: &Sample, sample: &Sample) -> Option<Gap> {
    if sample.monotonic < last.monotonic || since(last.monotonic, sample.monotonic) > skew(MIN_TTL) {
        return Some(Gap::Pause);
    }
    if let Some(gap) = clock_gap(last, sample) {
        return Some(gap);
    }
    if last.store.is_some() != sample.store.is_some() {
        return Some(Gap::StoreClock);
    }
    let (Some(before), Some(after)) = (last.leases, sample.leases) else { return Some(Gap::LeasesAway) };
    (before.generation != after.generation).then_some(Gap::LeasesForgot)
}

/// The clock that did not go as the monotonic one did between two looks.
fn clock_gap(last: &Sample, sample: &Sample) -> Option<Gap> {
    let stepped = |before: Option<Timestamp>, after: Option<Timestamp>| {
        let (Some(before), Some(after)) = (before, after) else { return false };
        drift(before, after, last.monotonic, sample.monotonic).abs() > skew(MIN_TTL)
    };
    let lease_time = |sample: &Sample| sample.leases.and_then(|leases| leases.time);
    if stepped(Some(last.own), Some(sample.own)) {
        Some(Gap::OwnClock)
    } else if stepped(last.store, sample.store) {
        Some(Gap::StoreClock)
    } else if stepped(lease_time(last), lease_time(sample)) {
        Some(Gap::LeaseClock)
    } else {
        None
    }
}

/// How much further a wall clock went than the monotonic one.
fn drift(before: Timestamp, after: Timestamp, from: Duration, to: Duration) -> SignedDuration {
    after.duration_since(before).saturating_sub(since(from, to))
}

fn since(from: Duration, to: Duration) -> SignedDuration {
    SignedDuration::try_from(to.saturating_sub(from)).unwrap_or(SignedDuration::MAX)
}

/// Up to a quarter of the time to live, the same for the same grant, so that promoted grants do not fall due
/// all at once.
fn spread(grant: GrantId, ttl: SignedDuration) -> SignedDuration {
    let random = u32::try_from(grant.0.as_u128() & 0xFFFF).unwrap_or(0);
    let quarter = Duration::try_from(ttl / 4).unwrap_or_default();
    SignedDuration::try_from(quarter * random / 0x1_0000).unwrap_or(SignedDuration::ZERO)
}

impl Gap {
    /// A stable name, for metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Pause => "pause",
            Self::OwnClock => "own_clock",
            Self::StoreClock => "store_clock",
            Self::LeaseClock => "lease_clock",
            Self::LeasesAway => "leases_away",
            Self::LeasesForgot => "leases_forgot",
        }
    }
}

#[cfg(test)]
#[path = "vigil_tests.rs"]
mod tests;
