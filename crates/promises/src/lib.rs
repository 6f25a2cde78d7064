//! Judges what a licence server has kept, and what it told its clients, against what it promises.
//!
//! [`snapshot`] is the state of a server at rest, whatever back end it came from; [`read`] takes one out of a database.
//! [`state`] judges a snapshot alone. [`history`] is what clients sent and heard, and [`replay`] judges both together;
//! [`leases`] does so with the [`tenure`]s of clients that live by their leases.
//!
//! Responsible for finding what is wrong without any help of the server: it asks no running server anything, and knows
//! nothing of how one decides. Not responsible for making clients work, nor for what becomes of what it finds.

pub mod history;
pub mod holdings;
#[cfg(test)]
mod lease_tests;
pub mod leases;
pub mod read;
pub mod replay;
#[cfg(test)]
mod replay_tests;
pub mod snapshot;
pub mod state;
#[cfg(test)]
mod state_tests;
pub mod tally;
pub mod tenure;

use std::fmt;

/// What a server promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The files are whole.
    SoundFile,
    /// Counts out never exceed count and overdraft, and what is set aside is kept.
    NoOverIssue,
    /// What a client was told that it holds it holds, until it gives it up.
    NoLostGrant,
    /// A request id changes state once and has one answer.
    ExactlyOnce,
    /// One holder has one grant of a feature.
    OneGrant,
    /// An old token changes nothing.
    Fencing,
    /// An old token is not told that it is alive, not even for a while.
    OldHeartbeat,
    /// Parts, counters and activity agree.
    Conservation,
    /// Who is answered in time is not taken back.
    NoLiveEviction,
    /// Who was taken back did not believe any more that it holds.
    NoZombie,
    /// What nobody keeps alive is free again in time.
    BoundedLeak,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SoundFile => "sound file",
            Self::NoOverIssue => "no over-issue",
            Self::NoLostGrant => "no lost grant",
            Self::ExactlyOnce => "exactly once",
            Self::OneGrant => "one grant per holder and feature",
            Self::Fencing => "fencing",
            Self::OldHeartbeat => "no life by an old token",
            Self::Conservation => "conservation",
            Self::NoLiveEviction => "no live eviction",
            Self::NoZombie => "no zombie use",
            Self::BoundedLeak => "bounded leak",
        })
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The promise.
    pub rule: Rule,
    /// What was found, with names and numbers.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.rule, self.found)
    }
}

/// Violations as they are found.
#[derive(Clone, Debug, Default)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// One more.
    pub fn add(&mut self, rule: Rule, found: impl Into<String>) {
        self.0.push(Violation { rule, found: found.into() });
    }

    /// Fails a test if there is one. `context` is what it takes to run the same again.
    ///
    /// # Panics
    ///
    /// If there is one.
    #[track_caller]
    pub fn assert_none(&self, context: &str) {
        let lines: Vec<String> = self.0.iter().take(40).map(ToString::to_string).collect();
        assert!(self.0.is_empty(), "{} violations ({context}):\n{}", self.0.len(), lines.join("\n"));
    }
}
