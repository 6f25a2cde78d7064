//! Returns and heartbeats: what a holder does with the tokens that it has.

use leasehold_proto::licensing::v1 as pb;

use super::Judge;
use crate::Rule;
use crate::history::Heard;
use crate::holdings::Holdings;

impl Judge<'_> {
    pub(super) fn release(
        &mut self,
        holdings: &mut Holdings,
        shown: &pb::GrantRef,
        heard: &[Heard<pb::LeaseResult>],
    ) {
        let unheard = heard.iter().filter(|heard| **heard == Heard::Nothing).count();
        self.tally.unheard += unheard;
        let result = heard.iter().find_map(|heard| match heard {
            Heard::Answer(result) => Some(result),
            _ => None,
        });
        let Some(result) = result else {
            return self
                .violations
                .add(Rule::NoLostGrant, format!("the return of {shown:?} failed: {heard:?}"));
        };
        let released = result.status() == pb::LeaseStatus::Released;
        match holdings.release(shown) {
            Some((feature, held)) if !released && self.has_ended(held.id()) => {
                self.ended_by_server(&feature, &held);
            }
            // An earlier sending may have done it.
            Some((feature, held)) if released || unheard > 0 => {
                self.tally.released += 1;
                self.without_request.push(held.trace("RETURNED", &feature, &[]));
            }
            Some(_) => {
                self.violations.add(Rule::NoLostGrant, format!("{shown:?} was held and lost: {result:?}"));
            }
            None if released => {
                self.violations.add(Rule::Fencing, format!("the old {shown:?} was returned: {result:?}"));
            }
            None => self.tally.fenced += 1,
        }
    }

    pub(super) fn heartbeat(
        &mut self,
        holdings: &mut Holdings,
        shown: &[pb::GrantRef],
        results: &[pb::LeaseResult],
    ) {
        if shown.len() != results.len() {
            let found = format!("{} heartbeats had {} results", shown.len(), results.len());
            self.violations.add(Rule::NoLostGrant, found);
        }
        for (shown, result) in shown.iter().zip(results) {
            let alive = matches!(result.status(), pb::LeaseStatus::Ok | pb::LeaseStatus::OkDegraded);
            match (holdings.is_current(shown), alive) {
                (true, true) => self.alive(shown, result),
                (false, false) => self.tally.fenced += 1,
                (true, false) => self.lost(holdings, shown, result),
                (false, true) => self.old_alive(shown, result),
            }
        }
    }

    fn alive(&mut self, shown: &pb::GrantRef, result: &pb::LeaseResult) {
        self.tally.alive += 1;
        if result.status() == pb::LeaseStatus::Ok {
            self.heard.insert(shown.grant_id.clone(), shown.fencing_token);
        }
    }

    fn lost(&mut self, holdings: &mut Holdings, shown: &pb::GrantRef, result: &pb::LeaseResult) {
        if shown.grant_id.parse().is_ok_and(|id| self.has_ended(id))
            && let Some((feature, held)) = holdings.release(shown)
        {
            // Whatever comes of it later is no life of an old token that somebody has not heard of yet.
            self.given.retain(|given| given.grant_id != shown.grant_id);
            return self.ended_by_server(&feature, &held);
        }
        let found = format!("{shown:?} was held and lost: {result:?}");
        self.violations.add(Rule::NoLostGrant, found);
    }

    /// Of several replicas one may have changed a grant and not have told the lease store. Until the newer token has come
    /// there, an older one counts as alive; but never one that nobody was given.
    fn old_alive(&mut self, shown: &pb::GrantRef, result: &pb::LeaseResult) {
        let known = self.heard.get(&shown.grant_id).copied().unwrap_or_default();
        let excused = self.given.contains(shown) && known <= shown.fencing_token;
        let rule = if excused { Rule::OldHeartbeat } else { Rule::Fencing };
        self.violations.add(rule, format!("the old {shown:?} is alive: {result:?}; {known} is known"));
    }
}
