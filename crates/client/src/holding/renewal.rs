//! The requests for a grant after its first: renewals, and asking again for what the server took back.

use std::time::Duration;

use leasehold_proto::licensing::v1::{self as pb, LostReason as Lost};
use leasehold_proto::types::v1::ErrorReason;
use tokio::time::Instant;

use super::Holding;
use crate::answer::{Granted, Reading};
use crate::failure::{Failure, Verdict};
use crate::identity::{next_nonce, random_uuid};
use crate::options::Retry;
use crate::retry;
use crate::state::{LostReason, later};
use crate::verify::Seen;

/// How requests in the background are repeated: for ever, and without hurry.
const REPEAT: Retry = Retry {
    max_attempts: u32::MAX,
    attempt_timeout: Duration::from_secs(10),
    first_delay: Duration::from_secs(1),
    max_delay: Duration::from_secs(30),
};

/// The shortest and the longest time before another renewal after one that was refused.
const REFUSED_AGAIN: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(1));

/// A request whose outcome is not known yet.
#[derive(Debug)]
pub(super) struct Pending {
    purpose: Purpose,
    message: pb::RequestCapabilitiesRequest,
    /// When the first attempt that the server may have seen was sent.
    sent: Option<Instant>,
    /// What was seen before that attempt.
    seen: Option<Seen>,
    /// An earlier attempt may have had an effect that nobody told us of.
    doubtful: bool,
    under_way: bool,
    due: Instant,
    failures: u32,
}

/// A request as it was first sent, for whoever reads its answer.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Its message.
    pub(crate) request: pb::RequestCapabilitiesRequest,
    /// When the server may first have seen it.
    pub(crate) at: Instant,
    /// What was seen before that.
    pub(crate) seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To hold on to what is held.
    Renew,
    /// To have again what the server took back.
    AskAgain,
}

impl Pending {
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }
}

impl Holding {
    /// Whether a request for it is under way.
    pub(crate) fn is_asking(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.under_way)
    }

    /// When the next request is due; `None` while one is under way.
    pub(crate) fn next_request(&self) -> Option<Instant> {
        if self.lost().is_some() {
            return None;
        }
        match &self.pending {
            Some(pending) => Some(pending.due).filter(|_| !pending.under_way),
            None => self.renew_at,
        }
    }

    /// The request to send now, if one is due; it counts as sent. `seen` is what was seen up to now.
    pub(crate) fn request_due(&mut self, now: Instant, seen: impl FnOnce() -> Seen) -> Option<Sent> {
        self.next_request().filter(|due| *due <= now)?;
        if self.pending.is_none() {
            self.pending = Some(Pending::new(Purpose::Renew, self.renewing_message(), now));
            self.renew_at = None;
        }
        let pending = self.pending.as_mut()?;
        pending.under_way = true;
        let at = *pending.sent.get_or_insert(now);
        let seen = pending.seen.get_or_insert_with(seen).clone();
        Some(Sent { request: pending.message.clone(), at, seen })
    }

    /// A renewal soon after a checkout that found no server.
    pub(super) fn renewal(&self, now: Instant, roll: f64) -> Pending {
        let due = later(now, retry::delay(&REPEAT, 1, None, roll));
        Pending { failures: 1, ..Pending::new(Purpose::Renew, self.renewing_message(), due) }
    }

    /// The request under way has its answer.
    pub(crate) fn request_answered(&mut self, now: Instant, reading: Reading, roll: f64) {
        let Some(pending) = self.pending.take() else { return };
        if self.settle(now) {
            // Too late for the program, but what the server counts as ours must be returned.
            if let Reading::Granted(granted) | Reading::Kept(granted) = reading {
                (self.grant, self.returnable) = (granted.grant, true);
                // The answer was kept like any other.
                self.forgotten = false;
            }
            return;
        }
        let sent = pending.sent.unwrap_or(now);
        match (reading, pending.purpose) {
            (Reading::Granted(granted), _) => self.adopt(granted, sent, now, roll),
            (Reading::Kept(granted), Purpose::Renew) => self.keep(granted, sent, now, roll),
            // It is not what was asked for, so it is not held for the program.
            (Reading::Kept(granted), Purpose::AskAgain) => {
                self.grant = granted.grant;
                self.lose(LostReason::TakenBack);
            }
            (Reading::Refused { reason, .. }, _) => self.lose(LostReason::Refused(reason)),
            (Reading::WholeRequestRefused { reason, .. }, Purpose::AskAgain) => {
                self.lose(LostReason::RequestRefused(reason));
            }
            (Reading::NotUnderstood(_), Purpose::AskAgain) => self.lose(LostReason::TakenBack),
            (Reading::WholeRequestRefused { .. } | Reading::NotUnderstood(_), Purpose::Renew) => {
                self.renewal_refused(None, now, roll);
            }
        }
        self.settle(now);
    }

    /// The attempt under way has failed.
    pub(crate) fn request_failed(&mut self, now: Instant, failure: &Failure, roll: f64) {
        let Some(mut pending) = self.pending.take() else { return };
        if self.settle(now) {
            return;
        }
        if failure.verdict == Verdict::Definite {
            self.request_denied(&pending, failure, now, roll);
        } else {
            if failure.verdict == Verdict::NotSent && !pending.doubtful {
                (pending.sent, pending.seen) = (None, None);
            }
            if failure.verdict == Verdict::Outdated {
                // Whatever the server has made of it: as the same holder we take over.
                pending.message = self.next_message(pending.purpose);
                (pending.sent, pending.seen) = (None, None);
            }
            pending.doubtful |= failure.may_have_acted();
            pending.under_way = false;
            pending.failures = pending.failures.saturating_add(1);
            pending.due = later(now, retry::delay(&REPEAT, pending.failures, failure.retry_after, roll));
            self.pending = Some(pending);
        }
        self.settle(now);
    }

    /// What was held is not ours now; asks for the same once more.
    pub(super) fn ask_again(&mut self, now: Instant) {
        self.seen.facts.taken_back.get_or_insert(now);
        self.renew_at = None;
        // One that is under way shows a grant that is gone: its answer leads here again.
        if !self.is_asking() {
            let message = self.next_message(Purpose::AskAgain);
            self.pending = Some(Pending::new(Purpose::AskAgain, message, now));
        }
    }

    /// Whether a request of ours may have changed the grant without our knowing.
    pub(crate) fn has_doubtful_request(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.doubtful || pending.under_way)
    }

    /// Whether the outcome of a request must be learnt before the grant can be returned; asks for it at once.
    pub(crate) fn must_learn(&mut self, now: Instant) -> bool {
        if self.lost().is_some() {
            return self.is_asking();
        }
        self.repeat_request_at(now);
        self.has_doubtful_request()
    }

    /// Learns the outcome of a doubtful request as soon as it may.
    pub(super) fn repeat_request_at(&mut self, at: Instant) {
        if let Some(pending) = &mut self.pending {
            pending.due = pending.due.min(at);
        }
    }

    /// The server has answered with an error and did nothing.
    fn request_denied(&mut self, pending: &Pending, failure: &Failure, now: Instant, roll: f64) {
        if pending.purpose == Purpose::AskAgain {
            return self.lose(LostReason::TakenBack);
        }
        if failure.reason != ErrorReason::StaleToken {
            return self.renewal_refused(None, now, roll);
        }
        let name = failure.metadata.get("lost").map(|name| format!("LOST_REASON_{name}"));
        match name.and_then(|name| Lost::from_str_name(&name)).unwrap_or(Lost::StaleToken) {
            // An earlier attempt of ours was carried out and is forgotten: as the same holder we take over.
            Lost::StaleToken | Lost::TakenOver if pending.doubtful => self.ask_again(now),
            reason => self.not_ours(reason, now, roll),
        }
    }

    /// Refused now, and what is held stays to its end.
    fn keep(&mut self, granted: Granted, sent: Instant, now: Instant, roll: f64) {
        let after = granted.renew_after;
        // A lease is kept up by heartbeats, not by this.
        self.seen.facts.offline.take_if(|_| granted.lease.is_none());
        self.show(granted, sent);
        self.renewal_refused(after, now, roll);
    }

    fn renewal_refused(&mut self, again_after: Option<Duration>, now: Instant, roll: f64) {
        if self.seen.facts.taken_back.is_some() {
            // Gone while the renewal was under way.
            return self.ask_again(now);
        }
        self.seen.facts.renewal_refused = true;
        let left = self.seen.facts.ends.map(|ends| ends.saturating_duration_since(now) / 8);
        let after = again_after.or(left).unwrap_or(REFUSED_AGAIN.1);
        let after = after.clamp(REFUSED_AGAIN.0, REFUSED_AGAIN.1).mul_f64(0.5 + roll);
        self.renew_at = Some(later(now, after));
    }

    /// The same request as ever, under an id of its own.
    fn next_message(&self, purpose: Purpose) -> pb::RequestCapabilitiesRequest {
        let request_id = random_uuid();
        let keep_on_refusal = Some(purpose == Purpose::Renew);
        let nonce = next_nonce(&self.request.nonce);
        pb::RequestCapabilitiesRequest { request_id, keep_on_refusal, nonce, ..self.request.clone() }
    }

    fn renewing_message(&self) -> pb::RequestCapabilitiesRequest {
        let renews = vec![self.grant.clone()];
        pb::RequestCapabilitiesRequest { renews, ..self.next_message(Purpose::Renew) }
    }
}

impl Pending {
    fn new(purpose: Purpose, message: pb::RequestCapabilitiesRequest, now: Instant) -> Self {
        let (sent, seen) = (None, None);
        Self { purpose, message, sent, seen, doubtful: false, under_way: false, due: now, failures: 0 }
    }

    /// A checkout whose outcome is still to be learnt. Where it was refused, nothing is held any more.
    pub(super) fn unanswered(unanswered: Sent, now: Instant, roll: f64) -> Self {
        let Sent { request, at, seen } = unanswered;
        Self {
            sent: Some(at),
            seen: Some(seen),
            doubtful: true,
            failures: 1,
            ..Self::new(Purpose::Renew, request, later(now, retry::delay(&REPEAT, 1, None, roll)))
        }
    }
}
