//! What is counted beside the decisions, for people to look at: use over time, refusals, and who held what lately.
//!
//! It is added up in memory and written from time to time, so that a crash may lose the last moments of it. What counts is
//! in cells, grants and activity.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::HostId;
use leasehold_domain::text::FeatureName;

/// How long the periods are that are added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// From minute to minute.
    Minute,
    /// From hour to hour.
    Hour,
}

impl Step {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// Its length in seconds.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }

    /// Its length.
    pub const fn length(self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds())
    }

    /// When the period began that has this moment in it.
    pub fn start(self, at: Timestamp) -> Timestamp {
        let seconds = at.as_microsecond().div_euclid(1_000_000);
        let start = seconds.div_euclid(self.seconds()) * self.seconds();
        Timestamp::from_second(start).unwrap_or(Timestamp::MIN)
    }
}

/// Use of one feature in one period, all its versions together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageTally {
    /// The feature.
    pub feature: FeatureName,
    /// How long the period is.
    pub step: Step,
    /// When it began.
    pub at: Timestamp,
    /// How often somebody looked. Adds up.
    pub samples: u64,
    /// The sum of the counts that were seen out. Adds up.
    pub total: u64,
    /// Most counts that were seen out. The greatest stays.
    pub peak: u64,
    /// Counts that served at the last look; `None` where they were without limit. The last stays.
    pub owned: Option<u64>,
}

/// Refusals of one feature in one period for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenialTally {
    /// The feature.
    pub feature: FeatureName,
    /// The reason's stable name.
    pub reason: String,
    /// How long the period is.
    pub step: Step,
    /// When it began.
    pub at: Timestamp,
    /// How many. Adds up.
    pub count: u64,
}

/// That a device held a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The device.
    pub device: HostId,
    /// The feature.
    pub feature: FeatureName,
    /// When. The latest stays.
    pub at: Timestamp,
}

/// What is added in one go. In each list no two are about the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// Use.
    pub usage: Vec<UsageTally>,
    /// Refusals.
    pub denials: Vec<DenialTally>,
    /// Who held what.
    pub held: Vec<Held>,
}

impl Tallies {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.usage.is_empty() && self.denials.is_empty() && self.held.is_empty()
    }
}

/// Periods of one length: those that begin at `from` or later and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// How long they are.
    pub step: Step,
    /// Where they begin.
    pub from: Timestamp,
    /// Where they end.
    pub until: Timestamp,
}

/// Refusals of one feature for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denials {
    /// The feature.
    pub feature: FeatureName,
    /// The reason's stable name.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// Up to when tallies are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgetTallies {
    /// Minutes that began before then.
    pub minutes: Timestamp,
    /// Hours that began before then.
    pub hours: Timestamp,
    /// What was held before then and not since.
    pub held: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_on_the_minute_and_on_the_hour() {
        for (at, minute, hour) in [
            ("2026-01-01T10:20:30.5Z", "2026-01-01T10:20:00Z", "2026-01-01T10:00:00Z"),
            ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
            ("1969-12-31T23:59:59.9Z", "1969-12-31T23:59:00Z", "1969-12-31T23:00:00Z"),
        ] {
            let read = |text: &str| text.parse::<Timestamp>().unwrap();
            assert_eq!(Step::Minute.start(read(at)), read(minute), "{at}");
            assert_eq!(Step::Hour.start(read(at)), read(hour), "{at}");
        }
        for step in Step::ALL {
            assert!(step.start(Timestamp::MIN) <= step.start(Timestamp::MAX));
        }
    }
}
