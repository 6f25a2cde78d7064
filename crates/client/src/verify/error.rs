//! Why an answer is not believed, in words that help.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{HostId, InstanceId};
use leasehold_signing::Fingerprint;

/// Why an answer does not count for a client that has pinned its vendor's root key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Nobody signed it.
    #[error("{}", not_signed(.refusal.as_deref()))]
    NotSigned {
        /// What it says, where it refuses everything: nobody vouches for that.
        refusal: Option<String>,
    },
    /// The signature, or a certificate behind it, does not hold.
    #[error("its signature does not hold ({reason}): {problem}")]
    Forged {
        /// What does not, by its stable name.
        reason: &'static str,
        /// The same for people.
        problem: String,
    },
    /// It is good, and not for this client.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// It answers something else than was asked.
    #[error(
        "it answers another request than this one; something between this machine and the licence server repeats old \
         answers: find out what, and take it away"
    )]
    Replayed,
    /// It was not made at a time at which it would count.
    #[error(transparent)]
    Stale(#[from] Stale),
}

/// For whom, or from whom, an answer is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// Another vendor's.
    #[error(
        "no certificate of the vendor's root key {root}, which is pinned, stands behind it; connect to a licence server \
         of that vendor, or pin the root key of this server's vendor"
    )]
    Vendor {
        /// The pinned key.
        root: Fingerprint,
    },
    /// Another licence server's.
    #[error(
        "it is from {}, and only {expected} is to be believed; connect to that one, or correct the license_server_id",
        shown(found.as_ref(), "no licence server")
    )]
    Server {
        /// Which is pinned.
        expected: InstanceId,
        /// Whose it is.
        found: Option<InstanceId>,
    },
    /// For another device.
    #[error(
        "it is for {}, and this device is {own}; something between this machine and the licence server mixes answers up",
        shown(found.as_ref(), "no device")
    )]
    Device {
        /// This device.
        own: HostId,
        /// The other one.
        found: Option<HostId>,
    },
    /// For another client of updates.
    #[error(
        "it is for the client {found:?}, and this one is {own:?}; something between this machine and the licence server \
         mixes answers up"
    )]
    Client {
        /// This client's id.
        own: String,
        /// The other one's.
        found: String,
    },
}

/// What is wrong with the time of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The clocks are too far apart.
    #[error(
        "it was made at {made}, and on this machine it is {now}, more than {allowed:#} apart; set right the clock that \
         is wrong"
    )]
    Skew {
        /// When it was made, by the server's clock.
        made: Timestamp,
        /// The time on this machine.
        now: Timestamp,
        /// How far they may be apart.
        allowed: SignedDuration,
    },
    /// There is a newer one.
    #[error(
        "it was made at {made}, and an answer of {newest} was there before; the licence server's clock was set back: set \
         it right, or wait until it has passed that time"
    )]
    Older {
        /// When it was made.
        made: Timestamp,
        /// When the newest was made that was seen before.
        newest: Timestamp,
    },
    /// It is not good for any time.
    #[error(
        "it was made at {made} and is good for no time at all; set the licence server's `licensing.response_lifetime`"
    )]
    NoLifetime {
        /// When it was made.
        made: Timestamp,
    },
}

impl Unverified {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotSigned { .. } => "NOT_SIGNED",
            Self::Forged { .. } => "FORGED",
            Self::Foreign(_) => "FOREIGN",
            Self::Replayed => "REPLAYED",
            Self::Stale(_) => "STALE",
        }
    }

    pub(crate) fn forged(reason: &'static str, problem: &dyn fmt::Display) -> Self {
        Self::Forged { reason, problem: problem.to_string() }
    }

    /// A part without which nothing can be checked is missing.
    pub(crate) fn incomplete(field: &'static str) -> Self {
        Self::forged("ANSWER_MALFORMED", &format_args!("`{field}` is missing in it or cannot be read"))
    }
}

fn not_signed(refusal: Option<&str>) -> String {
    let remedy = "enrol the licence server with its vendor and synchronise it; until then no client that has pinned the \
                  vendor's root key can use it";
    match refusal {
        Some(words) => format!("it refuses everything ({words}), and is not signed; {remedy}"),
        None => format!("it is not signed; {remedy}"),
    }
}

fn shown(found: Option<&impl fmt::Display>, none: &str) -> String {
    found.map_or_else(|| none.to_owned(), ToString::to_string)
}
