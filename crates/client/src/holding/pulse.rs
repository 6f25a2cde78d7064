//! The heartbeats of a grant.

use std::time::Duration;

use leasehold_proto::licensing::v1::{self as pb, LeaseStatus, LostReason as Lost};
use tokio::time::Instant;

use super::Holding;
use crate::answer::{bounded, length};
use crate::state::{LeaseFacts, LostReason, later};

/// The longest delay before another try.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// When the next heartbeat is due, and what became of the last ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    due: Option<Instant>,
    under_way: bool,
    failures: u32,
}

/// How long a heartbeat may take, so that the next one is not late.
pub(crate) fn heartbeat_timeout(ttl: Duration) -> Duration {
    ttl / 5
}

/// The time between two heartbeats. A server under load may ask for more, up to half of the time to live.
fn interval(ttl: Duration, wished: Option<Duration>, roll: f64) -> Duration {
    let interval = wished.unwrap_or(ttl / 4).clamp(ttl / 16, ttl / 2);
    interval.mul_f64(0.9 + roll / 5.0).min(ttl / 2)
}

/// The time before another try after so many failures.
fn delay(ttl: Duration, failures: u32, asked: Option<Duration>, roll: f64) -> Duration {
    let longest = (ttl / 4).min(MAX_DELAY);
    let doubled =
        2_u32.checked_pow(failures.saturating_sub(1)).and_then(|times| (ttl / 32).checked_mul(times));
    let own = doubled.unwrap_or(longest).min(longest).mul_f64(0.5 + roll);
    own.max(asked.unwrap_or_default().min(ttl / 2))
}

impl Pulse {
    pub(super) fn new(under_way: bool) -> Self {
        Self { due: None, under_way, failures: 0 }
    }

    pub(super) fn is_under_way(self) -> bool {
        self.under_way
    }
}

impl Holding {
    /// When the next heartbeat is due; `None` while one is under way and where there is nothing to keep alive.
    pub(super) fn next_heartbeat(&self) -> Option<Instant> {
        let facts = &self.seen.facts;
        if facts.lost.is_some() || facts.taken_back.is_some() {
            return None;
        }
        self.pulse.filter(|pulse| !pulse.under_way)?.due
    }

    /// The time to live that a heartbeat sent now would keep up, if one is due or will be so soon that it can
    /// go along with another grant's.
    pub(crate) fn joins_heartbeat(&self, now: Instant) -> Option<Duration> {
        let ttl = self.seen.facts.lease?.ttl;
        let soon = later(now, ttl / 8);
        self.next_heartbeat().filter(|due| *due <= soon).map(|_| ttl)
    }

    /// A heartbeat is due.
    pub(crate) fn needs_heartbeat(&self, now: Instant) -> bool {
        self.next_heartbeat().is_some_and(|due| due <= now)
    }

    /// A heartbeat is on its way.
    pub(crate) fn heartbeat_sent(&mut self) {
        if let Some(pulse) = &mut self.pulse {
            pulse.under_way = true;
        }
    }

    /// A heartbeat that was sent at `sent` with the reference `shown` has its answer.
    pub(crate) fn heartbeat_answered(
        &mut self,
        (sent, now): (Instant, Instant),
        shown: &pb::GrantRef,
        result: &pb::LeaseResult,
        wished: Option<Duration>,
        roll: f64,
    ) {
        self.heartbeat_over();
        if self.settle(now) || shown.grant_id != self.grant.grant_id || self.seen.facts.taken_back.is_some() {
            return;
        }
        match result.status() {
            LeaseStatus::Ok | LeaseStatus::OkDegraded => {
                let known = self.seen.facts.lease.map(|lease| lease.ttl);
                if let Some(ttl) = length(result.ttl).map(bounded).or(known) {
                    self.heard(sent, ttl, wished, roll);
                }
            }
            // The token is not the newest any more: the answer says nothing about the grant.
            LeaseStatus::Lost if shown != &self.grant => self.beat_at(now),
            LeaseStatus::Lost => self.not_ours(result.reason(), now, roll),
            LeaseStatus::Released => self.lose(LostReason::Returned),
            LeaseStatus::Unspecified => self.not_heard(now, None, roll),
        }
        self.settle(now);
    }

    /// A heartbeat was not answered. `asked` is the delay that the server asked for.
    pub(crate) fn heartbeat_failed(&mut self, now: Instant, asked: Option<Duration>, roll: f64) {
        self.heartbeat_over();
        if !self.settle(now) {
            self.not_heard(now, asked, roll);
            self.settle(now);
        }
    }

    /// The server has heard what was sent at `sent`.
    pub(super) fn heard(&mut self, sent: Instant, ttl: Duration, wished: Option<Duration>, roll: f64) {
        let heard = self.seen.facts.lease.map_or(sent, |lease| lease.heard.max(sent));
        let due = later(heard, interval(ttl, wished, roll));
        let answer_due = later(due, heartbeat_timeout(ttl));
        self.seen.facts.lease = Some(LeaseFacts { heard, ttl, answer_due, failed: false });
        self.seen.facts.offline = None;
        if let Some(pulse) = &mut self.pulse {
            (pulse.due, pulse.failures) = (Some(due), 0);
        }
    }

    /// What the server says of a grant that it does not keep up for us any more.
    pub(super) fn not_ours(&mut self, reason: Lost, now: Instant, roll: f64) {
        match reason {
            Lost::UnknownGrant | Lost::Expired | Lost::Ended => self.ask_again(now),
            // Our own unanswered request may be what changed the token; its answer will say.
            Lost::StaleToken | Lost::TakenOver if self.has_doubtful_request() => {
                self.repeat_request_at(now);
                self.not_heard(now, None, roll);
            }
            Lost::StaleToken | Lost::TakenOver => self.lose(LostReason::TakenOver),
            Lost::Dropped => self.lose(LostReason::Dropped),
            Lost::Returned => self.lose(LostReason::Returned),
            Lost::WrongToken | Lost::Unspecified => self.lose(LostReason::NotOurs),
        }
    }

    pub(super) fn not_heard(&mut self, now: Instant, asked: Option<Duration>, roll: f64) {
        let (Some(lease), Some(pulse)) = (&mut self.seen.facts.lease, &mut self.pulse) else { return };
        lease.failed = true;
        pulse.failures = pulse.failures.saturating_add(1);
        pulse.due = Some(later(now, delay(lease.ttl, pulse.failures, asked, roll)));
    }

    fn beat_at(&mut self, at: Instant) {
        if let Some(pulse) = &mut self.pulse {
            pulse.due = Some(at);
        }
    }

    fn heartbeat_over(&mut self) {
        if let Some(pulse) = &mut self.pulse {
            pulse.under_way = false;
        }
    }
}
