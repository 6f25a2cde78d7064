//! What must hold between what clients heard and what the server has kept.

use std::collections::{BTreeMap, HashMap, HashSet};

use leasehold_proto::licensing::v1 as pb;
use prost::Message;
use uuid::Uuid;

use super::history::{Call, Heard, History};
use super::holdings::{Held, Holdings, Trace};
use super::snapshot::{Activity, Grant, Snapshot};
use super::tally::Tally;
use super::{Rule, Violations};

/// Judges a snapshot that was taken after every call had been answered, together with the histories of all
/// clients that there were. No grant may have ended by itself meanwhile.
pub(crate) fn check(snapshot: &Snapshot, histories: &[History]) -> (Violations, Tally) {
    let mut judge = Judge::new(snapshot);
    for history in histories {
        judge.history(history);
    }
    judge.leftovers(snapshot);
    (judge.violations, judge.tally)
}

struct Judge<'a> {
    answers: HashMap<Uuid, Vec<&'a [u8]>>,
    activity: HashMap<Uuid, Vec<&'a Activity>>,
    grants: HashMap<(&'a str, &'a str), Vec<&'a Grant>>,
    /// Ids of answered requests.
    known: HashSet<Uuid>,
    /// What the present holder was ever given to show.
    given: Vec<pb::GrantRef>,
    /// The newest token of each of its grants that the lease store was heard to know.
    heard: HashMap<String, u64>,
    /// Traces of releases, which have no request id.
    released: Vec<Trace>,
    violations: Violations,
    tally: Tally,
}

impl<'a> Judge<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut judge = Self {
            answers: HashMap::new(),
            activity: HashMap::new(),
            grants: HashMap::new(),
            known: HashSet::new(),
            given: Vec::new(),
            heard: HashMap::new(),
            released: Vec::new(),
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
        }
        for grant in &snapshot.grants {
            judge.grants.entry((&grant.device, &grant.place)).or_default().push(grant);
        }
        judge
    }

    fn history(&mut self, history: &'a History) {
        let mut holdings = Holdings::default();
        self.given.clear();
        for call in &history.calls {
            match call {
                Call::Request { message, heard } => self.request(&mut holdings, message, heard),
                Call::Reuse { id, heard } => self.reuse(id, heard),
                Call::Release { shown, heard } => self.release(&mut holdings, shown, heard),
                Call::Heartbeat { shown, results } => self.heartbeat(&holdings, shown, results),
            }
        }
        self.end(history, &holdings);
    }

    fn request(
        &mut self,
        holdings: &mut Holdings,
        message: &pb::RequestCapabilitiesRequest,
        heard: &[Heard<Vec<u8>>],
    ) {
        let id = &message.request_id;
        self.tally.unheard += heard.iter().filter(|heard| **heard == Heard::Nothing).count();
        let mut definite = heard.iter().filter(|heard| **heard != Heard::Nothing);
        let Some(first) = definite.next() else {
            return self.violations.add(Rule::ExactlyOnce, format!("request {id} was never answered"));
        };
        if message.operation() == pb::Operation::Preview {
            return self.preview(message, first);
        }
        for again in definite {
            self.tally.repeats += 1;
            if again != first {
                self.violations
                    .add(Rule::ExactlyOnce, format!("request {id}: first {first:?}, then {again:?}"));
            }
        }
        match (holdings.rejection(message), first) {
            (None, Heard::Answer(bytes)) => self.answered(holdings, message, bytes),
            (Some(reason), Heard::Error(found)) if reason == found => {
                self.tally.rejected += 1;
                self.tally.fenced += usize::from(reason == "STALE_TOKEN");
                self.changed_nothing(message);
            }
            (None, Heard::Error(reason)) => {
                let found = format!("request {id} was rejected as {reason}; held was {holdings:?}");
                self.violations.add(Rule::NoLostGrant, found);
            }
            (Some(reason), _) => {
                let found = format!("request {id} had to be rejected as {reason} and was not: {first:?}");
                self.violations.add(Rule::Fencing, found);
            }
            (None, Heard::Nothing) => unreachable!("these were passed over"),
        }
    }

    fn answered(&mut self, holdings: &mut Holdings, message: &pb::RequestCapabilitiesRequest, bytes: &[u8]) {
        let id: Uuid = message.request_id.parse().expect("clients send UUIDs");
        self.tally.answered += 1;
        self.known.insert(id);
        match self.answers.get(&id).map(Vec::as_slice) {
            Some([kept]) if *kept == bytes => {}
            Some(kept) => {
                let found = format!("request {id}: {} answers kept, or another than was heard", kept.len());
                self.violations.add(Rule::ExactlyOnce, found);
            }
            None => {
                let found = format!("the answer to request {id} was not kept");
                self.violations.add(Rule::ExactlyOnce, found);
            }
        }
        let answer = pb::RequestCapabilitiesResponse::decode(bytes).expect("answers are messages");
        let meaning = holdings.apply(message, &answer);
        self.given.extend(holdings.shown());
        for complaint in meaning.complaints {
            self.violations.add(Rule::NoLostGrant, format!("the answer to request {id}: {complaint}"));
        }
        let gave = |outcome: &&pb::FeatureOutcome| {
            matches!(outcome.outcome(), pb::Outcome::Granted | pb::Outcome::Partial)
        };
        let granted = answer.outcomes.iter().filter(gave).count();
        self.tally.granted += granted;
        self.tally.refused += answer.outcomes.len() - granted;
        let mut found: Vec<Trace> =
            self.activity.get(&id).into_iter().flatten().map(|record| trace(record)).collect();
        found.sort();
        if found != meaning.traces {
            let found = format!("request {id} means {:?} and left {found:?}", meaning.traces);
            self.violations.add(Rule::ExactlyOnce, found);
        }
    }

    fn preview(&mut self, message: &pb::RequestCapabilitiesRequest, heard: &Heard<Vec<u8>>) {
        if let Heard::Answer(_) = heard {
            self.tally.previews += 1;
        }
        self.changed_nothing(message);
    }

    fn changed_nothing(&mut self, message: &pb::RequestCapabilitiesRequest) {
        let Ok(id) = message.request_id.parse::<Uuid>() else { return };
        if self.answers.contains_key(&id) || self.activity.contains_key(&id) {
            let found = format!("request {id} was to change nothing and left a trace");
            self.violations.add(Rule::ExactlyOnce, found);
        }
    }

    fn reuse(&mut self, id: &str, heard: &[Heard<Vec<u8>>]) {
        let taken = |heard: &&Heard<Vec<u8>>| match heard {
            Heard::Nothing => false,
            Heard::Error(reason) => reason != "REQUEST_ID_REUSED",
            Heard::Answer(_) => true,
        };
        if let Some(answer) = heard.iter().find(taken) {
            let found = format!("request {id} with another body: {answer:?}");
            return self.violations.add(Rule::ExactlyOnce, found);
        }
        self.tally.rejected += 1;
    }

    fn release(&mut self, holdings: &mut Holdings, shown: &pb::GrantRef, heard: &[Heard<pb::LeaseResult>]) {
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
            // An earlier sending may have done it.
            Some((feature, held)) if released || unheard > 0 => {
                self.tally.released += 1;
                self.released.push(held.trace("RETURNED", &feature, &[]));
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

    fn heartbeat(&mut self, holdings: &Holdings, shown: &[pb::GrantRef], results: &[pb::LeaseResult]) {
        if shown.len() != results.len() {
            let found = format!("{} heartbeats had {} results", shown.len(), results.len());
            self.violations.add(Rule::NoLostGrant, found);
        }
        for (shown, result) in shown.iter().zip(results) {
            let alive = matches!(result.status(), pb::LeaseStatus::Ok | pb::LeaseStatus::OkDegraded);
            match (holdings.is_current(shown), alive) {
                (true, true) => self.alive(shown, result),
                (false, false) => self.tally.fenced += 1,
                (true, false) => {
                    let found = format!("{shown:?} was held and lost: {result:?}");
                    self.violations.add(Rule::NoLostGrant, found);
                }
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

    /// Of several replicas one may have changed a grant and not have told the lease store. Until the newer token has come
    /// there, an older one counts as alive; but never one that nobody was given.
    fn old_alive(&mut self, shown: &pb::GrantRef, result: &pb::LeaseResult) {
        let known = self.heard.get(&shown.grant_id).copied().unwrap_or_default();
        let excused = self.given.contains(shown) && known <= shown.fencing_token;
        let rule = if excused { Rule::OldHeartbeat } else { Rule::Fencing };
        self.violations.add(rule, format!("the old {shown:?} is alive: {result:?}; {known} is known"));
    }

    fn end(&mut self, history: &'a History, holdings: &Holdings) {
        let kept = self.grants.remove(&(history.device.as_str(), history.place.as_str())).unwrap_or_default();
        let mut kept: BTreeMap<&str, &Grant> =
            kept.into_iter().map(|grant| (grant.feature.as_str(), grant)).collect();
        self.tally.held += holdings.0.len();
        for (feature, held) in &holdings.0 {
            let who = format!("{} {} {feature}", history.device, history.place);
            match kept.remove(feature.as_str()) {
                None => self.violations.add(Rule::NoLostGrant, format!("{who}: {held:?} was not kept")),
                Some(grant) if !same(held, grant) => {
                    self.violations.add(Rule::NoLostGrant, format!("{who}: {held:?} was kept as {grant:?}"));
                }
                Some(_) => {}
            }
        }
        for grant in kept.values() {
            self.violations.add(Rule::ExactlyOnce, format!("nobody was told of {grant:?}"));
        }
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
        self.released.sort();
        if found != self.released {
            let (missing, extra) = difference(&self.released, &found);
            let found =
                format!("releases without a record: {missing:?}; records without a release: {extra:?}");
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
