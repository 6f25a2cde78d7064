//! Why the last good answer does not help, in words that do.

use jiff::Timestamp;

use crate::verify::Unverified;

/// Why a program cannot work by the last good answer while the server is out of reach.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// What it grants is over, and so is the grace time.
    #[error("what was held is over since {at}; the licence server must be reached")]
    Ended {
        /// Until when it was held, by this machine's clock.
        at: Timestamp,
    },
    /// The clock shows less than it has shown before.
    #[error("this machine's clock says {now}, and it is {seen} at least; set it right")]
    ClockSetBack {
        /// What it says.
        now: Timestamp,
        /// The newest time seen.
        seen: Timestamp,
    },
    /// It is not the last one.
    #[error(
        "the answer of {made} stands in the place of the one of {newest}; an older one is never taken: the licence server \
         must be reached"
    )]
    Older {
        /// When it was made.
        made: Timestamp,
        /// When the last one was.
        newest: Timestamp,
    },
    /// It grants something else.
    #[error("what was held is of another kind, version or count; the licence server must be reached")]
    Other,
    /// It is not believed any more.
    #[error("the answer that was kept is not to be believed: {0}")]
    Unverified(#[from] Unverified),
    /// It cannot be read.
    #[error("the answer that was kept cannot be read: {0}; the licence server must be reached")]
    Unreadable(String),
}

impl KeptError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Ended { .. } => "KEPT_ENDED",
            Self::ClockSetBack { .. } => "CLOCK_SET_BACK",
            Self::Older { .. } => "KEPT_OLDER",
            Self::Other => "KEPT_OTHER",
            Self::Unverified(problem) => problem.reason(),
            Self::Unreadable(_) => "KEPT_UNREADABLE",
        }
    }
}
