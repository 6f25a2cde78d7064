//! One grant under care: when to send heartbeats, when to renew, and what each answer changes.
//!
//! Responsible for deciding, on times and chance that are given to it. Not responsible for sending: the
//! keeper does what is due and reports back. Reference: licensing, "Leases".
//!
//! Invariants: at most one request and one heartbeat of a grant are under way; a request is repeated with
//! its id until its outcome is known; what is lost stays lost.

mod kept;
mod pulse;
mod renewal;
mod shown;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use tokio::time::Instant;

use self::pulse::Pulse;
pub(crate) use self::pulse::heartbeat_timeout;
use self::renewal::Pending;
pub(crate) use self::renewal::Sent;
pub(crate) use self::shown::{Seen, Shown};
use crate::answer::Granted;
use crate::answers::{Held, Key};
use crate::place::Place;
use crate::state::{Facts, LostReason, MARGIN, State, later, next_change, state_at};

/// The least time between two renewals of a grant.
const MIN_RENEWAL: Duration = Duration::from_secs(1);

/// What is asked for, and under which terms.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The feature's name.
    pub(crate) feature: Box<str>,
    /// What asks for it, without id and references.
    pub(crate) request: pb::RequestCapabilitiesRequest,
    /// How long work may go on after it was held for certain.
    pub(crate) grace: Duration,
    /// Free again when the care ends.
    pub(crate) place: Place,
    /// What the last good answer is kept under; `None` where none is kept.
    pub(crate) key: Option<Key>,
}

/// A grant under care.
#[derive(Debug)]
pub(crate) struct Holding {
    request: pb::RequestCapabilitiesRequest,
    _place: Place,
    key: Option<Key>,
    /// The answer that was kept of it has been removed.
    forgotten: bool,
    shown: Arc<Shown>,
    grant: pb::GrantRef,
    /// The server may count it as ours, so that it must be returned.
    returnable: bool,
    seen: Seen,
    /// `None` for a borrow.
    pulse: Option<Pulse>,
    renew_at: Option<Instant>,
    pending: Option<Pending>,
}

impl Holding {
    /// Takes a new grant into care. `sent` is when its request was first sent; `roll` is by chance, 0 to 1,
    /// here and below.
    pub(crate) fn new(terms: Terms, granted: Granted, sent: Instant, now: Instant, roll: f64) -> Self {
        let mut holding = Self::begun(terms, &granted);
        holding.adopt(granted, sent, now, roll);
        holding.settle(now);
        holding
    }

    /// The grant, before anything is known of how long it is held.
    fn begun(terms: Terms, granted: &Granted) -> Self {
        let Terms { feature, request, grace, place, key } = terms;
        let facts = Facts {
            lease: None,
            ends: None,
            renewal_refused: false,
            taken_back: None,
            grace,
            offline: None,
            lost: None,
        };
        let seen = Seen { facts, id: granted.id, count: granted.count, ends_at: granted.ends_at };
        Self {
            shown: Arc::new(Shown::new(&feature, seen.clone())),
            request,
            _place: place,
            key,
            forgotten: false,
            grant: granted.grant.clone(),
            returnable: true,
            seen,
            pulse: None,
            renew_at: None,
            pending: None,
        }
    }

    /// What the last good answer is kept under.
    pub(crate) fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// The grant, where its last good answer is kept.
    pub(crate) fn held(&self) -> Option<Held> {
        self.key.clone().map(|key| Held { key, grant: self.grant.clone() })
    }

    /// The same, once, when it is lost: nobody may take it up again.
    pub(crate) fn lost_from_kept(&mut self) -> Option<Held> {
        let held = self.lost().filter(|_| !self.forgotten).and_then(|_| self.held())?;
        self.forgotten = true;
        Some(held)
    }

    /// The feature's name.
    pub(crate) fn feature(&self) -> &str {
        self.shown.feature()
    }

    /// What its guard shows.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        self.shown.clone()
    }

    /// What to show to act on it.
    pub(crate) fn grant(&self) -> &pb::GrantRef {
        &self.grant
    }

    /// Why it is lost, if it is.
    pub(crate) fn lost(&self) -> Option<LostReason> {
        self.seen.facts.lost
    }

    /// Whether there is something to return, as far as is known.
    pub(crate) fn is_returnable(&self) -> bool {
        self.returnable
    }

    /// When it next needs attention, if ever.
    pub(crate) fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let change = next_change(now, &self.seen.facts);
        [change, self.next_heartbeat(), self.next_request()].into_iter().flatten().min()
    }

    /// Brings what its guard shows up to date, and makes a loss by time final. Says whether it is lost.
    pub(crate) fn settle(&mut self, now: Instant) -> bool {
        let state = state_at(now, &self.seen.facts);
        if let State::Lost(reason) = state {
            self.lose(reason);
        }
        self.shown.update(&self.seen, state);
        self.lost().is_some()
    }

    fn lose(&mut self, reason: LostReason) {
        if self.lost().is_none() {
            self.seen.facts.lost = Some(reason);
            self.returnable = !reason.is_servers();
        }
        self.renew_at = None;
        // One that is under way still tells which token to show when it is returned.
        self.pending.take_if(|pending| !pending.is_under_way());
    }

    /// The grant is held as this answer says, counted from `sent`.
    fn adopt(&mut self, granted: Granted, sent: Instant, now: Instant, roll: f64) {
        let (lease, renew_after) = (granted.lease, granted.renew_after);
        let same = granted.grant.grant_id == self.grant.grant_id && self.seen.facts.taken_back.is_none();
        self.show(granted, sent);
        // Never later than the server wishes.
        let renewal = |after: Duration| later(sent, after.mul_f64(1.0 - roll / 10.0));
        self.renew_at = renew_after.map(|after| renewal(after).max(later(now, MIN_RENEWAL)));
        let facts = &mut self.seen.facts;
        (facts.renewal_refused, facts.taken_back) = (false, None);
        // What was heard of another grant, or of nobody yet, keeps this one no longer alive.
        let unheard = facts.offline.take().is_some();
        facts.lease.take_if(|_| !same || unheard || lease.is_none());
        // A heartbeat that is under way stays so.
        let under_way = self.pulse.is_some_and(Pulse::is_under_way);
        self.pulse = lease.map(|_| Pulse::new(under_way));
        if let Some((ttl, wished)) = lease {
            self.heard(sent, ttl, wished, roll);
        }
    }

    /// The grant stands as this answer says; its lease stays as it is.
    fn show(&mut self, granted: Granted, sent: Instant) {
        let ends = granted.ends_in.map(|length| later(sent, length.saturating_sub(MARGIN)));
        self.seen.facts.ends = ends;
        (self.seen.id, self.seen.count, self.seen.ends_at) = (granted.id, granted.count, granted.ends_at);
        self.grant = granted.grant;
    }
}
