//! What must be true at every moment.

use std::collections::BTreeMap;

use leasehold_domain::grant::Lost;
use leasehold_domain::{FencingToken, GrantId, LineItemId, Source};

use crate::clients::Holding;
use crate::store::Row;
use crate::world::World;

impl World {
    /// S1, S3, S4, S7 and S11, as far as they show in the state.
    pub(crate) fn check(&mut self) {
        let mut wrong = self.counts_are_wrong().or_else(|| self.holders_are_wrong());
        if let Some((request, times)) = self.store.granted.iter().find(|(_, times)| **times > 1) {
            wrong = wrong.or(Some(format!("S3: request {request} was granted {times} times")));
        }
        let believed: u64 = self
            .clients
            .iter()
            .filter_map(|client| client.believes(self.now))
            .map(|one| self.weight(one))
            .sum();
        let owned: u64 = self.store.items.values().filter_map(|state| state.item.count).sum();
        if believed > owned {
            wrong = wrong.or(Some(format!("S7: clients believe in {believed} counts of {owned}")));
        }
        if let Some(what) = wrong {
            self.forbid(what);
        }
    }

    /// The counts that a client's belief takes from others. Where a late request of its own forerunner took its grant
    /// over, that is for both to sort out.
    fn weight(&self, holding: &Holding) -> u64 {
        let taken_over = |row: &&Row| row.grant.fencing_token > holding.shown.fencing_token;
        let row = self.store.rows.get(&holding.shown.id).filter(taken_over);
        row.map_or(holding.count, |row| row.grant.count().min(holding.count))
    }

    fn counts_are_wrong(&self) -> Option<String> {
        let mut out: BTreeMap<(LineItemId, Source), u64> = BTreeMap::new();
        for part in self.store.rows.values().flat_map(|row| &row.grant.parts) {
            *out.entry((part.line_item.clone(), part.source.clone())).or_default() += part.count;
        }
        for (id, state) in &self.store.items {
            if state.out() > state.capacity() {
                return Some(format!("S1: {} out of {id}, which has {}", state.out(), state.capacity()));
            }
            for (source, cell) in &state.cells {
                let rows = out.get(&(id.clone(), source.clone())).copied().unwrap_or(0);
                if rows != cell.used {
                    return Some(format!("S11: {id} {source:?}: counter {}, rows {rows}", cell.used));
                }
            }
            let recorded = self.store.recorded.get(id).copied().unwrap_or(0);
            if i64::try_from(state.out()) != Ok(recorded) {
                return Some(format!("S11: {id}: counter {}, activity {recorded}", state.out()));
            }
        }
        None
    }

    fn holders_are_wrong(&self) -> Option<String> {
        let mut seen = BTreeMap::new();
        for row in self.store.rows.values() {
            if let Some(other) =
                seen.insert((row.grant.holder.clone(), row.grant.feature.clone()), row.grant.id)
            {
                return Some(format!("S4: {} and {other} have one holder", row.grant.id));
            }
        }
        None
    }

    /// Grants have ended in a transaction: nobody may still believe in one that it did not end itself.
    pub(crate) fn check_ended(&mut self, ended: &[(GrantId, Lost)]) {
        for (id, lost) in ended.iter().filter(|(_, lost)| *lost != Lost::Returned) {
            let now = self.now;
            let believer = self
                .clients
                .iter()
                .position(|client| client.believes(now).is_some_and(|holding| holding.shown.id == *id));
            if let Some(client) = believer {
                self.forbid(format!("S5 and S7: {id} ended ({lost:?}) while client {client} held it"));
            }
        }
    }

    /// An old token must not have changed a grant.
    pub(crate) fn check_token(&mut self, id: GrantId, shown: FencingToken, stood: Option<FencingToken>) {
        if stood.is_some_and(|stood| stood != shown) {
            self.forbid(format!("S8: {id} was changed with {shown:?} while {stood:?} stood"));
        }
    }

    /// Long after the last client has died, nothing is out.
    pub(crate) fn check_all_free(&mut self) {
        let left: Vec<String> = self
            .store
            .rows
            .values()
            .map(|row| format!("{} {:?} {:?}", row.grant.id, row.grant.floor_deadline, row.unearned))
            .collect();
        if !left.is_empty() {
            self.forbid(format!("S6: still out at {}: {left:?}", self.store_time()));
        }
    }
}
