//! The time of day of this machine: for the age of answers, and for what outlives the process.
//!
//! Not responsible for leases: those are counted on the monotonic clock.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// What says what time it is.
#[derive(Clone, Default)]
pub struct WallClock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    System,
    Given(Arc<dyn Fn() -> Timestamp + Send + Sync>),
}

impl WallClock {
    /// The operating system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock of the program's own: one that nobody on the machine can set, or one that a test sets.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Source::Given(Arc::new(now)))
    }

    /// The time.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Given(now) => now(),
        }
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Source::System => "WallClock(system)",
            Source::Given(_) => "WallClock(given)",
        })
    }
}

impl PartialEq for WallClock {
    /// Whether both are the same clock.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Source::System, Source::System) => true,
            (Source::Given(one), Source::Given(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for WallClock {}
