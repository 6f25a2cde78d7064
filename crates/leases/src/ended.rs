//! Why leases ended, remembered for a while so that their holders hear the reason.

use std::collections::VecDeque;
use std::time::Duration;

use foldhash::HashMap;
use leasehold_domain::GrantId;
use leasehold_domain::grant::Lost;

const REMEMBER: Duration = Duration::from_hours(1);
/// Reasons remembered at most; the oldest go first, and their holders hear `UNKNOWN_GRANT`.
const MAX: usize = 200_000;

/// The reasons of one instance's ended leases.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    reasons: HashMap<GrantId, Lost>,
    order: VecDeque<(Duration, GrantId)>,
}

impl Ended {
    /// Why the grant ended, if it did lately.
    pub(crate) fn reason(&self, grant: GrantId) -> Option<Lost> {
        self.reasons.get(&grant).copied()
    }

    /// Remembers reasons, and drops those that are old or too many.
    pub(crate) fn remember(&mut self, ended: &[(GrantId, Lost)], now: Duration) {
        for (grant, lost) in ended {
            if self.reasons.insert(*grant, *lost).is_none() {
                self.order.push_back((now, *grant));
            }
        }
        while let Some((since, grant)) = self.order.front().copied() {
            if self.order.len() <= MAX && now.saturating_sub(since) < REMEMBER {
                break;
            }
            self.order.pop_front();
            self.reasons.remove(&grant);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn grant(number: usize) -> GrantId {
        GrantId(Uuid::from_u128(number as u128))
    }

    #[test]
    fn a_reason_is_remembered_for_an_hour() {
        let mut ended = Ended::default();
        ended.remember(&[(grant(1), Lost::Dropped)], Duration::ZERO);
        ended.remember(&[(grant(2), Lost::Ended)], REMEMBER.saturating_sub(Duration::from_millis(1)));
        assert_eq!(ended.reason(grant(1)), Some(Lost::Dropped));
        ended.remember(&[], REMEMBER);
        assert_eq!((ended.reason(grant(1)), ended.reason(grant(2))), (None, Some(Lost::Ended)));
    }

    #[test]
    fn the_oldest_reasons_make_room() {
        let mut ended = Ended::default();
        let all: Vec<_> = (0..=MAX).map(|number| (grant(number), Lost::Returned)).collect();
        ended.remember(&all, Duration::ZERO);
        assert_eq!((ended.reason(grant(0)), ended.reason(grant(1))), (None, Some(Lost::Returned)));
    }
}
