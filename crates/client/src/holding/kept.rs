//! A grant that is taken up by the last good answer that was kept, while the server is out of reach.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::renewal::{Pending, Sent};
use super::{Holding, Pulse, Terms};
use crate::kept::Standing;
use crate::state::{LeaseFacts, OfflineFacts, later};

impl Holding {
    /// Takes a grant into care that stands as `standing` says. It is kept up like any other, so that it is renewed as
    /// soon as the server is back. `unanswered` is a checkout of it that the server may have carried out; it is repeated
    /// first.
    pub(crate) fn resumed(
        terms: Terms,
        standing: Standing,
        unanswered: Option<Sent>,
        now: Instant,
        roll: f64,
    ) -> Self {
        let Standing { granted, lease, ends, over, until } = standing;
        let mut holding = Self::begun(terms, &granted);
        let after = |left| later(now, left);
        let held = [lease, ends].into_iter().flatten().min();
        let facts = &mut holding.seen.facts;
        facts.offline = Some(OfflineFacts { until: held.map(after), over: over.map(after), shown: until });
        facts.ends = ends.map(after);
        if let Some((ttl, _)) = granted.lease {
            // Of this process nobody has heard yet; how long the lease lasts is among the offline facts.
            facts.lease = Some(LeaseFacts { heard: now, ttl, answer_due: now, failed: true });
            holding.pulse = Some(Pulse::new(false));
            holding.not_heard(now, None, roll);
        }
        holding.pending = Some(match unanswered {
            Some(unanswered) => Pending::unanswered(unanswered, now, roll),
            None => holding.renewal(now, roll),
        });
        holding.settle(now);
        holding
    }

    /// The time of day is `time`: a machine that slept has lost time on its other clock.
    pub(crate) fn time_is(&mut self, time: Timestamp, now: Instant) {
        let grace = self.seen.facts.grace;
        let Some(offline) = &mut self.seen.facts.offline else { return };
        let Some(shown) = offline.shown else { return };
        let left = |more: Duration| {
            let length = shown
                .duration_since(time)
                .saturating_add(SignedDuration::try_from(more).unwrap_or(SignedDuration::MAX));
            later(now, Duration::try_from(length).unwrap_or_default())
        };
        let (until, over) = (left(Duration::ZERO), left(grace));
        offline.until = offline.until.map(|before| before.min(until));
        offline.over = offline.over.map(|before| before.min(over));
        self.settle(now);
    }
}
