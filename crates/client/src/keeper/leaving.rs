//! A grant whose guard is gone, until it is known what to return.

use tokio::time::Instant;

use super::Reply;
use crate::holding::Holding;

/// A grant that is returned as soon as the outcome of its last request is known.
#[derive(Debug)]
pub(super) struct Leaving {
    pub(super) holding: Holding,
    pub(super) reply: Reply,
    /// Returned then with what is known.
    pub(super) until: Instant,
}

impl Leaving {
    /// Whether the outcome of a request is still to be learnt.
    pub(super) fn waits(&mut self, now: Instant) -> bool {
        let lost = self.holding.settle(now);
        self.holding.is_asking() || (!lost && now < self.until && self.holding.has_doubtful_request())
    }

    /// When it next needs attention, if ever.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        // One that is under way ends by itself.
        self.holding.next_request().map(|due| due.min(self.until))
    }
}
