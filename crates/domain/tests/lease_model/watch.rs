//! What one replica's vigil has seen, in ticks before the present, and the real vigil made of it.
//!
//! The state of the model holds ages instead of moments, so that it comes back to where it was and can be
//! searched without a bound on time. Every decision is the real [`Vigil`]'s: it is shown looks of these ages.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::GrantId;
use leasehold_domain::lease::{MIN_TTL, unearned_cap};
use leasehold_domain::vigil::{Gap, Judgement, LeaseSample, Sample, Vigil};
use uuid::Uuid;

use crate::guards::Guard;
use crate::model::Model;
use crate::{PATIENCE, TICK};

const DAY: SignedDuration = SignedDuration::from_hours(24);
const ORIGIN: u64 = 1_000;

/// What a replica remembers of its looks, and what happened to the clocks since the last.
#[expect(clippy::struct_excessive_bools, reason = "each clock steps by itself")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    looked: bool,
    /// Ticks without a gap of any kind, and without any but the lease store's; at most patience.
    quiet: i8,
    awake: i8,
    /// Ticks since the last look; more than one is a pause.
    since: i8,
    /// The lease store did not answer at the last look.
    away: bool,
    /// Small steps of the lease store's clock since there was a gap.
    drift: i8,
    pub(crate) forgot: bool,
    pub(crate) own_stepped: bool,
    pub(crate) store_stepped: bool,
    pub(crate) leases_stepped: bool,
    pub(crate) leases_drifted: i8,
}

impl Watch {
    /// A replica that was just started.
    pub(crate) fn fresh() -> Self {
        Self {
            looked: false,
            quiet: 0,
            awake: 0,
            since: 0,
            away: false,
            drift: 0,
            forgot: false,
            own_stepped: false,
            store_stepped: false,
            leases_stepped: false,
            leases_drifted: 0,
        }
    }

    /// A replica that has looked for long, the last time just now.
    pub(crate) fn settled() -> Self {
        Self { looked: true, quiet: PATIENCE, awake: PATIENCE, ..Self::fresh() }
    }

    /// One tick passes.
    pub(crate) fn age(&mut self) {
        self.since = (self.since + 1).min(3);
    }

    /// The lease store forgot, or was not there, when it was asked to condemn.
    pub(crate) fn leases_forgot(&mut self) {
        (self.quiet, self.away, self.drift) = (0, true, 0);
    }

    /// Takes a look. `answers` says whether the lease store does.
    pub(crate) fn look(&mut self, model: &Model, answers: bool) -> Option<Gap> {
        if !self.looked && !model.has(Guard::GapAtStart) {
            *self = Self { away: !answers, ..Self::settled() };
            return None;
        }
        let mut vigil = self.vigil(model);
        let gap = self.bridge(model, &mut vigil).or(vigil.look(self.sample(model, answers)));
        let passed = |age: i8, since: i8| (age + since).min(PATIENCE);
        let awake = !matches!(gap, Some(Gap::Start | Gap::Pause | Gap::OwnClock | Gap::StoreClock));
        *self = Self {
            looked: true,
            quiet: if gap.is_none() { passed(self.quiet, self.since) } else { 0 },
            awake: if awake { passed(self.awake, self.since) } else { 0 },
            away: !answers,
            drift: if gap.is_none() { (self.drift + self.leases_drifted).min(2) } else { 0 },
            ..Self::fresh()
        };
        gap
    }

    /// What the vigil says of a suspect with so many ticks left of its unearned time, right after a look.
    pub(crate) fn judge(&self, model: &Model, left: i8) -> Judgement {
        let left = if model.has(Guard::Cap) { left } else { PATIENCE * 2 };
        let unearned = unearned_cap(MIN_TTL) - ticks(left);
        let mut vigil = self.vigil(model);
        if self.away && !model.has(Guard::GapAfterAbsence) {
            vigil.look(Sample { leases: None, ..at(model, 0, 1) });
        }
        vigil.judge(GrantId(Uuid::nil()), MIN_TTL, unearned, moment(0))
    }

    /// The real vigil after looks of these ages.
    fn vigil(&self, model: &Model) -> Vigil {
        let mut vigil = Vigil::default();
        if !self.looked {
            return vigil;
        }
        for age in (0..=self.awake).rev() {
            let mut sample = at(model, age, u64::from(age <= self.quiet));
            if age < self.quiet && model.has(Guard::GapAfterDrift) {
                sample = with_lease_time(sample, ticks(self.drift.min(self.quiet - age)));
            }
            if age == 0 && self.away && model.has(Guard::GapAfterAbsence) {
                sample.leases = None;
            }
            vigil.look(sample);
        }
        vigil
    }

    /// Without the guard against pauses, looks are made up for the time of the pause.
    fn bridge(&self, model: &Model, vigil: &mut Vigil) -> Option<Gap> {
        if model.has(Guard::GapAfterPause) {
            return None;
        }
        (1..self.since).find_map(|tick| vigil.look(at(model, -tick, 1)))
    }

    fn sample(&self, model: &Model, answers: bool) -> Sample {
        let forgot = self.forgot && model.has(Guard::GapAfterForgetting);
        let mut sample = at(model, -self.since, if forgot { 2 } else { 1 });
        if self.own_stepped && model.has(Guard::GapAfterOwnClockStep) {
            sample.own += DAY;
        }
        if self.store_stepped && model.has(Guard::GapAfterStoreClockStep) {
            sample.store = sample.store.map(|time| time + DAY);
        }
        let before = if model.has(Guard::GapAfterDrift) { self.drift } else { 0 };
        sample = with_lease_time(sample, ticks(before + self.leases_drifted));
        if self.leases_stepped && model.has(Guard::GapAfterLeaseClockStep) {
            sample = with_lease_time(sample, DAY);
        }
        if !answers && model.has(Guard::GapAfterAbsence) {
            sample.leases = None;
        }
        sample
    }
}

/// A look so many ticks ago at clocks that go as they should.
fn at(model: &Model, age: i8, generation: u64) -> Sample {
    let time = Timestamp::from_second(1_800_000_000).expect("it is a time") - ticks(age);
    let shared = |time| Some(time).filter(|_| !model.embedded);
    let leases = Some(LeaseSample { generation, time: shared(time) });
    Sample { monotonic: moment(age), own: time, store: shared(time), leases }
}

fn with_lease_time(mut sample: Sample, ahead: SignedDuration) -> Sample {
    if let Some(leases) = &mut sample.leases {
        leases.time = leases.time.map(|time| time + ahead);
    }
    sample
}

fn moment(age: i8) -> Duration {
    (SignedDuration::from_secs(ORIGIN.cast_signed()) - ticks(age)).unsigned_abs()
}

/// So many ticks, as a length of time.
pub(crate) fn ticks(count: i8) -> SignedDuration {
    TICK * i32::from(count)
}
