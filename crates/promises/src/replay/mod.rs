//! What must hold between what clients heard and what the server has kept.
//!
//! A grant may have ended by itself where the server recorded it. From then on, by the first answer that shows it, it
//! must stay ended. Not judged: a grant of which only a part has ended, and whether an end was due; [`crate::leases`]
//! does that.

mod requests;
mod tokens;

use std::collections::{BTreeMap, HashMap, HashSet};

use leasehold_proto::licensing::v1 as pb;
use uuid::Uuid;

use crate::history::{Call, History};
use crate::holdings::{Held, Holdings, Trace};
use crate::snapshot::{Activity, Grant, Snapshot};
use crate::tally::Tally;
use crate::{Rule, Violations};

/// Judges a snapshot that was taken after every call had been answered, together with the histories of all
/// clients that there were.
pub fn check(snapshot: &Snapshot, histories: &[History]) -> (Violations, Tally) {
    check_since(&Snapshot::default(), snapshot, histories)
}

/// The same where there was something before the histories began: what is in `before` needs no history to explain it.
pub fn check_since(before: &Snapshot, after: &Snapshot, histories: &[History]) -> (Violations, Tally) {
    let news = after.news_since(before);
    let mut earlier = earlier(before);
    let heard: HashSet<_> = histories.iter().map(holder).collect();
    let silent: Vec<History> = earlier
        .keys()
        .filter(|holder| !heard.contains(*holder))
        .map(|(device, place)| History::new(*device, *place))
        .collect();
    let mut judge = Judge::new(&news);
    for history in histories.iter().chain(&silent) {
        judge.history(history, earlier.remove(&holder(history)).unwrap_or_default());
    }
    judge.leftovers(&news);
    (judge.violations, judge.tally)
}

fn holder(history: &History) -> (&str, &str) {
    (&history.device, &history.place)
}

/// What each holder held before, by device and place.
fn earlier(before: &Snapshot) -> BTreeMap<(&str, &str), Holdings> {
    let mut holders: BTreeMap<(&str, &str), Holdings> = BTreeMap::new();
    for grant in &before.grants {
        let holdings = holders.entry((&grant.device, &grant.place)).or_default();
        holdings.0.insert(grant.feature.clone(), grant.into());
    }
    holders
}

struct Judge<'a> {
    answers: HashMap<Uuid, Vec<&'a [u8]>>,
    activity: HashMap<Uuid, Vec<&'a Activity>>,
    grants: HashMap<(&'a str, &'a str), Vec<&'a Grant>>,
    /// The records of grants that the server ended.
    ended: HashMap<Uuid, &'a Activity>,
    /// Ids of answered requests.
    known: HashSet<Uuid>,
    /// What the present holder was ever given to show.
    given: Vec<pb::GrantRef>,
    /// The newest token of each of its grants that the lease store was heard to know.
    heard: HashMap<String, u64>,
    /// Traces of what has no request id: releases, and ends by the server.
    without_request: Vec<Trace>,
    violations: Violations,
    tally: Tally,
}

impl<'a> Judge<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut judge = Self {
            answers: HashMap::new(),
            activity: HashMap::new(),
            grants: HashMap::new(),
            ended: HashMap::new(),
            known: HashSet::new(),
            given: Vec::new(),
            heard: HashMap::new(),
            without_request: Vec::new(),
            violations: Violations::default(),
            tally: Tally::default(),
        };
        for stored in &snapshot.answers {
            judge.answers.entry(stored.id).or_default().push(&stored.answer);
        }
        for record in &snapshot.activity {
            if let Some(request) = record.request {
                judge.activity.entry(request).or_default().push(record);
            }
            if let Some(grant) = record.grant.filter(|_| record.is_end_by_server()) {
                judge.ended.insert(grant, record);
            }
        }
        for grant in &snapshot.grants {
            judge.grants.entry((&grant.device, &grant.place)).or_default().push(grant);
        }
        judge
    }

    fn history(&mut self, history: &'a History, mut holdings: Holdings) {
        self.given = holdings.shown();
        for call in &history.calls {
            match call {
                Call::Request { message, heard } => self.request(&mut holdings, message, heard),
                Call::Reuse { id, heard } => self.reuse(id, heard),
                Call::Release { shown, heard } => self.release(&mut holdings, shown, heard),
                Call::Heartbeat { shown, results } => self.heartbeat(&mut holdings, shown, results),
            }
        }
        self.end(history, holdings);
    }

    fn end(&mut self, history: &'a History, holdings: Holdings) {
        let kept = self.grants.remove(&holder(history)).unwrap_or_default();
        let mut kept: BTreeMap<&str, &Grant> =
            kept.into_iter().map(|grant| (grant.feature.as_str(), grant)).collect();
        for (feature, held) in holdings.0 {
            let who = format!("{} {} {feature}", history.device, history.place);
            let own = kept.get(feature.as_str()).filter(|grant| grant.id == held.id());
            if own.is_none() && self.has_ended(held.id()) {
                self.ended_by_server(&feature, &held);
                continue;
            }
            self.tally.held += 1;
            match kept.remove(feature.as_str()) {
                None => self.violations.add(Rule::NoLostGrant, format!("{who}: {held:?} was not kept")),
                Some(grant) if !same(&held, grant) => {
                    self.violations.add(Rule::NoLostGrant, format!("{who}: {held:?} was kept as {grant:?}"));
                }
                Some(_) => {}
            }
        }
        for grant in kept.values() {
            self.violations.add(Rule::ExactlyOnce, format!("nobody was told of {grant:?}"));
        }
    }

    /// Whether the server has recorded that it ended this grant.
    fn has_ended(&self, grant: Uuid) -> bool {
        self.ended.contains_key(&grant)
    }

    /// What was held has turned out to be ended by the server.
    fn ended_by_server(&mut self, feature: &str, held: &Held) {
        let Some(record) = self.ended.get(&held.id()) else { return };
        self.tally.ended += 1;
        self.without_request.push(held.trace(&record.kind, feature, &[]));
    }

    /// What the server has kept and no history explains.
    fn leftovers(&mut self, snapshot: &Snapshot) {
        for grant in self.grants.values().flatten() {
            self.violations.add(Rule::ExactlyOnce, format!("nobody was told of {grant:?}"));
        }
        for id in self.answers.keys().chain(self.activity.keys()).filter(|id| !self.known.contains(*id)) {
            self.violations.add(Rule::ExactlyOnce, format!("request {id} was not answered and left a trace"));
        }
        let without_request =
            snapshot.activity.iter().filter(|record| record.request.is_none() && record.grant.is_some());
        let mut found: Vec<Trace> = without_request.map(trace).collect();
        found.sort();
        self.without_request.sort();
        if found != self.without_request {
            let (missing, extra) = difference(&self.without_request, &found);
            let found = format!("ends without a record: {missing:?}; records without an end: {extra:?}");
            self.violations.add(Rule::ExactlyOnce, found);
        }
    }
}

fn trace(record: &Activity) -> Trace {
    Trace {
        kind: record.kind.clone(),
        feature: record.feature.clone(),
        grant: record.grant,
        deltas: record.deltas.clone(),
    }
}

fn same(held: &Held, grant: &Grant) -> bool {
    let sorted = |parts: &[_]| {
        let mut parts = parts.to_vec();
        parts.sort();
        parts
    };
    held.id() == grant.id
        && held.shown.fencing_token == grant.fencing_token
        && held.shown.lease_token == grant.lease_token
        && held.borrowed == grant.borrowed
        && sorted(&held.parts) == sorted(&grant.parts)
}

/// What is in only one of two sorted lists.
fn difference<'t>(left: &'t [Trace], right: &'t [Trace]) -> (Vec<&'t Trace>, Vec<&'t Trace>) {
    let count = |list: &[Trace], trace: &Trace| list.iter().filter(|other| *other == trace).count();
    let more =
        |a: &'t [Trace], b: &'t [Trace]| a.iter().filter(|trace| count(a, trace) > count(b, trace)).collect();
    (more(left, right), more(right, left))
}
