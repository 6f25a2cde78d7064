//! May the program work? One pure function of the time and what is known of a grant decides.
//! Reference: licensing, "Leases".
//!
//! Everything is measured on this process's monotonic clock, from the moment a call was *sent*, so that
//! the client always stops before the server takes a count back. Clocks of two machines are never compared.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_domain::lease;
use leasehold_proto::licensing::v1::{RefusalReason, RequestRefusal};
use tokio::time::Instant;

/// How much earlier than its time to live the client stops.
pub(crate) const MARGIN: Duration = lease::CLIENT_MARGIN.unsigned_abs();

/// Whether a guard's grant may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It is held.
    Valid,
    /// It is held, and the last heartbeat failed or is overdue. Work goes on; tell the user.
    Jeopardy,
    /// The server is out of reach, and by its last good answer, which was kept, it is held. Work goes on; tell the user.
    Offline {
        /// Until then, by this machine's clock; `None` is without end.
        until: Option<Timestamp>,
    },
    /// It may have been taken back, and the vendor lets work go on for a while without a count.
    Grace,
    /// It is gone for good. Stop, or check out again.
    Lost(LostReason),
}

/// Why a grant is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LostReason {
    /// The same holder came back with a newer request: another process has the same client instance id or slot.
    TakenOver,
    /// An administrator ended it.
    Dropped,
    /// It was returned.
    Returned,
    /// The server takes this client for somebody else.
    NotOurs,
    /// Its period ended, and it could not be renewed.
    Ended,
    /// The server took it back, and the feature could not be had again.
    Refused(RefusalReason),
    /// The server took it back, and gives this client nothing any more.
    RequestRefused(RequestRefusal),
    /// The server took it back, and asking again failed.
    TakenBack,
    /// The server could not be reached for too long.
    OutOfReach,
}

/// All that the state depends on.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// What keeps it alive; `None` for a borrow.
    pub(crate) lease: Option<LeaseFacts>,
    /// When its period is over; `None` where it has no end.
    pub(crate) ends: Option<Instant>,
    /// The server would not renew it when last asked.
    pub(crate) renewal_refused: bool,
    /// When the server said that it is not ours now.
    pub(crate) taken_back: Option<Instant>,
    /// How long work may go on after it was held for certain.
    pub(crate) grace: Duration,
    /// It was taken up by an answer that was kept, and nobody has confirmed it since.
    pub(crate) offline: Option<OfflineFacts>,
    /// It is gone for good.
    pub(crate) lost: Option<LostReason>,
}

/// What keeps an online grant alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeaseFacts {
    /// When the last answered heartbeat or request was sent.
    pub(crate) heard: Instant,
    /// The time to live that its answer promised.
    pub(crate) ttl: Duration,
    /// When the next heartbeat should have been answered.
    pub(crate) answer_due: Instant,
    /// The last attempt failed.
    pub(crate) failed: bool,
}

/// How long an answer that was kept is good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfflineFacts {
    /// Until when it is held; `None` is without end.
    pub(crate) until: Option<Instant>,
    /// When the grace time is over, too. A restart must not lengthen it.
    pub(crate) over: Option<Instant>,
    /// Until when it is held, by this machine's clock.
    pub(crate) shown: Option<Timestamp>,
}

/// The state at a moment.
pub(crate) fn state_at(now: Instant, facts: &Facts) -> State {
    if let Some(reason) = facts.lost {
        return State::Lost(reason);
    }
    let until = facts.held_until().filter(|until| now >= *until);
    let Some(until) = until else {
        if let Some(offline) = facts.offline {
            return State::Offline { until: offline.shown };
        }
        let jeopardy = facts.lease.is_some_and(|lease| lease.failed || now >= lease.answer_due);
        return if jeopardy { State::Jeopardy } else { State::Valid };
    };
    if facts.renewal_refused && facts.ends.is_some_and(|ends| now >= ends) {
        return State::Lost(LostReason::Ended);
    }
    if now < facts.over(until) { State::Grace } else { State::Lost(LostReason::OutOfReach) }
}

/// The first moment after `now` at which the state may change by itself.
pub(crate) fn next_change(now: Instant, facts: &Facts) -> Option<Instant> {
    if facts.lost.is_some() {
        return None;
    }
    let until = facts.held_until();
    let overdue = facts.lease.map(|lease| lease.answer_due);
    let over = until.map(|until| facts.over(until));
    [overdue, until, facts.ends, over].into_iter().flatten().filter(|at| *at > now).min()
}

/// `at` and `length` later, or so late that nobody will see it.
pub(crate) fn later(at: Instant, length: Duration) -> Instant {
    const FAR: Duration = Duration::from_hours(24 * 365 * 30);
    at.checked_add(length).or_else(|| at.checked_add(FAR)).unwrap_or(at)
}

impl Facts {
    /// Until when it is held for certain; `None` is without end.
    fn held_until(&self) -> Option<Instant> {
        let lease = self.lease.map(|lease| later(lease.heard, lease.ttl.saturating_sub(MARGIN)));
        let kept = self.offline.and_then(|offline| offline.until);
        [lease, self.ends, self.taken_back, kept].into_iter().flatten().min()
    }

    /// When the grace time of what was held until then is over.
    fn over(&self, until: Instant) -> Instant {
        let over = later(until, self.grace);
        self.offline.and_then(|offline| offline.over).map_or(over, |kept| over.min(kept))
    }
}

impl State {
    /// Whether the program may work on: in every state but [`State::Lost`].
    pub fn may_work(self) -> bool {
        !matches!(self, Self::Lost(_))
    }
}

impl LostReason {
    /// Whether the server itself said that nothing is held any more.
    pub(crate) fn is_servers(self) -> bool {
        !matches!(self, Self::Ended | Self::TakenBack | Self::OutOfReach)
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Valid => formatter.write_str("valid"),
            Self::Jeopardy => formatter.write_str("in jeopardy: the licence server does not answer"),
            Self::Offline { until: Some(until) } => write!(
                formatter,
                "offline: the licence server is out of reach; by its last good answer it is held until {}",
                until.round(jiff::Unit::Second).unwrap_or(*until)
            ),
            Self::Offline { until: None } => formatter.write_str(
                "offline: the licence server is out of reach; by its last good answer it is held without end",
            ),
            Self::Grace => formatter.write_str("in its grace time: the licence server does not keep it up"),
            Self::Lost(reason) => write!(formatter, "lost: {reason}"),
        }
    }
}

impl fmt::Display for LostReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::TakenOver => "another process has checked it out under the same client instance id or slot",
            Self::Dropped => "an administrator ended it",
            Self::Returned => "it was returned",
            Self::NotOurs => "the licence server does not know this client as its holder",
            Self::Ended => "its period ended and was not renewed",
            Self::Refused(reason) => {
                return write!(
                    formatter,
                    "it was taken back and could not be had again ({})",
                    reason_name(*reason)
                );
            }
            Self::RequestRefused(reason) => {
                let name = reason.as_str_name().trim_start_matches("REQUEST_REFUSAL_");
                return write!(
                    formatter,
                    "it was taken back and the licence server gives nothing more ({name})"
                );
            }
            Self::TakenBack => "it was taken back and asking for it again failed",
            Self::OutOfReach => "the licence server could not be reached for too long",
        };
        formatter.write_str(text)
    }
}

fn reason_name(reason: RefusalReason) -> &'static str {
    reason.as_str_name().trim_start_matches("REFUSAL_REASON_")
}

#[cfg(test)]
mod tests;
