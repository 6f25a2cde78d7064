//! The store in memory: transactions are whole or not at all, and survive every crash.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::{latest_floor, server_patience};
use leasehold_domain::steps::Steps;
use leasehold_domain::turn::Beat;
use leasehold_domain::{
    ActivityKind, Answer, Changes, Device, Estate, FencingToken, Grant, GrantId, HostId, Leave, LineItemId,
    Policies, RequestId,
};
use uuid::Uuid;

/// A grant with what only the store knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) grant: Grant,
    pub(crate) unearned: SignedDuration,
}

/// Everything that is kept.
#[derive(Debug, Default)]
pub(crate) struct Store {
    pub(crate) policies: Policies,
    /// The steps of its clock that were recorded.
    pub(crate) steps: Steps,
    pub(crate) items: BTreeMap<LineItemId, LineItemState>,
    pub(crate) rows: BTreeMap<GrantId, Row>,
    devices: BTreeMap<HostId, Device>,
    pub(crate) answers: HashMap<RequestId, Answer>,
    pub(crate) endings: Vec<(GrantId, Lost)>,
    /// What the activity says is out.
    pub(crate) recorded: BTreeMap<LineItemId, i64>,
    /// How often a request was granted something.
    pub(crate) granted: HashMap<RequestId, u32>,
    /// Every grant and token that was ever committed.
    pub(crate) committed: BTreeSet<(GrantId, FencingToken)>,
    beat: Option<Beat>,
}

impl Store {
    /// Everything, as a transaction reads it.
    pub(crate) fn estate(&self) -> Estate {
        let grants = self.rows.values().map(|row| row.grant.clone());
        let (items, devices) = (self.items.values().cloned(), self.devices.values().cloned());
        let mut estate = Estate::new(self.policies.clone(), items, [], grants, devices);
        estate.leave = Some(Leave { sequence: 1, synchronize_before: Timestamp::MAX });
        estate.certified = true;
        estate
    }

    /// Writes what a transaction changed.
    pub(crate) fn commit(&mut self, changes: &Changes) {
        for (id, lost) in &changes.ended {
            self.rows.remove(id);
            self.endings.push((*id, *lost));
        }
        for grant in &changes.grants {
            let row = Row { grant: grant.clone(), unearned: SignedDuration::ZERO };
            self.rows.insert(grant.id, row);
            self.committed.insert((grant.id, grant.fencing_token));
        }
        for (item, source, cell) in &changes.cells {
            let state = self.items.get_mut(item).expect("line items stay");
            state.cells.insert(source.clone(), *cell);
        }
        for device in &changes.devices {
            self.devices.insert(device.hostid.clone(), device.clone());
        }
        for record in &changes.activity {
            for (item, delta) in &record.deltas {
                *self.recorded.entry(item.clone()).or_default() += delta;
            }
            if let Some(request) = record.request.filter(|_| record.kind == ActivityKind::Granted) {
                *self.granted.entry(request).or_default() += 1;
            }
        }
    }

    /// Moves a floor that was earned.
    pub(crate) fn earn(&mut self, id: GrantId, token: FencingToken, floor: Timestamp) {
        if let Some(row) = self.standing(id, token) {
            row.grant.floor_deadline = row.grant.floor_deadline.max(Some(floor));
            row.unearned = SignedDuration::ZERO;
        }
    }

    /// Moves a floor that was not.
    pub(crate) fn promote(&mut self, id: GrantId, token: FencingToken, floor: Timestamp, by: SignedDuration) {
        if let Some(row) = self.standing(id, token).filter(|row| row.grant.floor_deadline < Some(floor)) {
            row.grant.floor_deadline = Some(floor);
            row.unearned += by;
        }
    }

    /// Sets floors back that another clock wrote.
    pub(crate) fn clamp(&mut self, now: Timestamp) {
        for row in self.rows.values_mut() {
            let Some(ttl) = row.grant.lease_ttl else { continue };
            if row.grant.floor_deadline > Some(latest_floor(ttl, now)) {
                row.grant.floor_deadline = Some(now + server_patience(ttl));
            }
        }
    }

    /// The counter of whose turn it is.
    pub(crate) fn beat(&mut self, me: Uuid, overdue: Option<u64>) -> Beat {
        let next = match self.beat {
            None => Beat { holder: me, count: 1 },
            Some(beat) if beat.holder == me || overdue == Some(beat.count) => {
                Beat { holder: me, count: beat.count + 1 }
            }
            Some(beat) => beat,
        };
        self.beat = Some(next);
        next
    }

    fn standing(&mut self, id: GrantId, token: FencingToken) -> Option<&mut Row> {
        self.rows.get_mut(&id).filter(|row| row.grant.fencing_token == token)
    }
}
