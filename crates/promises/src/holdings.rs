//! What a holder holds, as it follows from the answers that it got.

use std::collections::BTreeMap;

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::source::Source;
use uuid::Uuid;

use crate::snapshot::{Grant, Part};

/// What a holder holds, by feature.
#[derive(Clone, Debug, Default)]
pub struct Holdings(pub BTreeMap<String, Held>);

/// What a holder holds of one feature.
#[derive(Clone, Debug)]
pub struct Held {
    /// What it shows to act on it.
    pub shown: pb::GrantRef,
    /// Where its counts come from.
    pub parts: Vec<Part>,
    /// Whether it is borrowed; else it is online.
    pub borrowed: bool,
}

/// A record that a change must have left, once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trace {
    /// The kind's name, such as `GRANTED`.
    pub kind: String,
    /// Of which feature.
    pub feature: String,
    /// Of which grant, where there is one.
    pub grant: Option<Uuid>,
    /// What was added to the counts out, by line item.
    pub deltas: BTreeMap<String, i64>,
}

/// What an answer means.
#[derive(Debug, Default)]
pub struct Meaning {
    /// The records of the changes that it tells of, sorted.
    pub traces: Vec<Trace>,
    /// What in the answer contradicts the request or what was held before.
    pub complaints: Vec<String>,
}

impl Holdings {
    /// Whether this is the newest token of a grant that is held.
    pub fn is_current(&self, shown: &pb::GrantRef) -> bool {
        self.0.values().any(|held| held.shown == *shown)
    }

    /// The newest tokens of everything that is held.
    pub fn shown(&self) -> Vec<pb::GrantRef> {
        self.0.values().map(|held| held.shown.clone()).collect()
    }

    /// The reason for which a request must be rejected, if it must.
    pub fn rejection(&self, request: &pb::RequestCapabilitiesRequest) -> Option<&'static str> {
        if !request.renews.iter().all(|shown| self.is_current(shown)) {
            return Some("STALE_TOKEN");
        }
        let named = |feature: &String| {
            request.features.is_empty() || request.features.iter().any(|desired| desired.name == *feature)
        };
        let other_mode =
            self.0.iter().any(|(feature, held)| held.borrowed != borrows(request) && named(feature));
        (request.incremental && other_mode).then_some("MODE_MISMATCH")
    }

    /// Gives a grant up; `None` where this is not its newest token.
    pub fn release(&mut self, shown: &pb::GrantRef) -> Option<(String, Held)> {
        let feature = self.0.iter().find(|(_, held)| held.shown == *shown)?.0.clone();
        self.0.remove_entry(&feature)
    }

    /// Takes out and gives what the server has ended before it gave this answer: what the answer neither shows nor tells of
    /// as returned. `has_ended` says of a grant whether the server ended it at some time.
    pub fn take_ended(
        &mut self,
        request: &pb::RequestCapabilitiesRequest,
        answer: &pb::RequestCapabilitiesResponse,
        has_ended: impl Fn(Uuid) -> bool,
    ) -> Vec<(String, Held)> {
        if answer.refusal() != pb::RequestRefusal::Unspecified {
            return Vec::new();
        }
        let is_there = |feature: &String, held: &Held| match answer
            .outcomes
            .iter()
            .find(|outcome| outcome.feature == *feature)
        {
            Some(outcome) => {
                outcome.grant.as_ref().is_some_and(|shown| shown.grant_id == held.shown.grant_id)
            }
            None => request.incremental || answer.returned.contains(feature),
        };
        self.0.extract_if(.., |feature, held| has_ended(held.id()) && !is_there(feature, held)).collect()
    }

    /// Takes an answer in that was not a preview's.
    pub fn apply(
        &mut self,
        request: &pb::RequestCapabilitiesRequest,
        answer: &pb::RequestCapabilitiesResponse,
    ) -> Meaning {
        let mut meaning = Meaning::default();
        if answer.refusal() != pb::RequestRefusal::Unspecified {
            return meaning;
        }
        let named: Vec<&str> = request.features.iter().map(|desired| desired.name.as_str()).collect();
        let answered: Vec<&str> = answer.outcomes.iter().map(|outcome| outcome.feature.as_str()).collect();
        if !named.is_empty() && named != answered {
            meaning.complaints.push(format!("asked for {named:?} and heard of {answered:?}"));
        }
        self.give_up_unnamed(request, answer, &mut meaning);
        for outcome in &answer.outcomes {
            self.settle(request, outcome, &mut meaning);
        }
        meaning.traces.sort();
        meaning
    }

    fn give_up_unnamed(
        &mut self,
        request: &pb::RequestCapabilitiesRequest,
        answer: &pb::RequestCapabilitiesResponse,
        meaning: &mut Meaning,
    ) {
        let stays = |feature: &str| {
            request.incremental || answer.outcomes.iter().any(|outcome| outcome.feature == feature)
        };
        let gone: Vec<String> = self.0.keys().filter(|feature| !stays(feature)).cloned().collect();
        let mut told = answer.returned.clone();
        told.sort();
        if told != gone {
            meaning.complaints.push(format!("{gone:?} is not named any more, and {told:?} was returned"));
        }
        for feature in gone {
            if let Some(held) = self.0.remove(&feature) {
                meaning.traces.push(held.trace("RETURNED", &feature, &[]));
            }
        }
    }

    fn settle(
        &mut self,
        request: &pb::RequestCapabilitiesRequest,
        outcome: &pb::FeatureOutcome,
        meaning: &mut Meaning,
    ) {
        let feature = outcome.feature.clone();
        let old = self.0.remove(&feature);
        let now = match outcome.outcome() {
            pb::Outcome::Granted | pb::Outcome::Partial => granted(request, outcome, old, meaning),
            refused => {
                let grant = old.as_ref().map(Held::id);
                let trace = Trace {
                    kind: "REFUSED".into(),
                    feature: feature.clone(),
                    grant,
                    deltas: BTreeMap::new(),
                };
                meaning.traces.push(trace);
                let returned = refused == pb::Outcome::Refused && !request.incremental;
                match old {
                    Some(old) if returned => {
                        meaning.traces.push(old.trace("RETURNED", &feature, &[]));
                        None
                    }
                    old => old,
                }
            }
        };
        let shown = now.as_ref().map(|held| &held.shown);
        if shown != outcome.grant.as_ref() {
            meaning.complaints.push(format!("{shown:?} is held, and the answer shows {:?}", outcome.grant));
        }
        if let Some(held) = now {
            self.0.insert(feature, held);
        }
    }
}

fn granted(
    request: &pb::RequestCapabilitiesRequest,
    outcome: &pb::FeatureOutcome,
    old: Option<Held>,
    meaning: &mut Meaning,
) -> Option<Held> {
    let shown = outcome.grant.clone()?;
    let parts = outcome.parts.iter().map(part).collect();
    let held = Held { shown, parts, borrowed: borrows(request) };
    if let Some(old) = &old {
        let (before, after) = (&old.shown, &held.shown);
        if before.grant_id != after.grant_id || before.fencing_token >= after.fencing_token {
            meaning.complaints.push(format!("{before:?} became {after:?}"));
        }
    }
    let kept = old.as_ref().filter(|_| request.incremental).map_or(0, Held::count);
    let asked = request.features.iter().find(|desired| desired.name == outcome.feature);
    let full = outcome.outcome() == pb::Outcome::Granted;
    let wrong = asked
        .is_some_and(|asked| if full { outcome.count != asked.count } else { outcome.count >= asked.count });
    if wrong || held.count() != kept + outcome.count {
        meaning.complaints.push(format!("asked {asked:?} on top of {kept}, got {outcome:?}"));
    }
    let before = old.map(|old| old.parts).unwrap_or_default();
    let deltas = deltas(&before, &held.parts);
    let (kind, feature) = ("GRANTED".to_owned(), outcome.feature.clone());
    meaning.traces.push(Trace { kind, feature, grant: Some(held.id()), deltas });
    Some(held)
}

impl From<&Grant> for Held {
    fn from(grant: &Grant) -> Self {
        let shown = pb::GrantRef {
            grant_id: grant.id.to_string(),
            fencing_token: grant.fencing_token,
            lease_token: grant.lease_token.clone(),
        };
        Self { shown, parts: grant.parts.clone(), borrowed: grant.borrowed }
    }
}

impl Held {
    /// The grant's id.
    pub fn id(&self) -> Uuid {
        self.shown.grant_id.parse().expect("grant ids are UUIDs")
    }

    /// Counts, over all parts.
    pub fn count(&self) -> i64 {
        self.parts.iter().map(|part| part.count).sum()
    }

    /// The record of a change of this grant to these parts.
    pub fn trace(&self, kind: &str, feature: &str, after: &[Part]) -> Trace {
        let (kind, feature) = (kind.to_owned(), feature.to_owned());
        Trace { kind, feature, grant: Some(self.id()), deltas: deltas(&self.parts, after) }
    }
}

/// A part in the form of a snapshot.
fn part(part: &pb::GrantPart) -> Part {
    let source = match part.source.as_ref().and_then(|source| source.source.as_ref()) {
        Some(Source::ReservationEntryId(entry)) => format!("reservation:{entry}"),
        Some(Source::Pool(name)) => format!("pool:{name}"),
        Some(Source::DefaultPool(_)) | None => String::new(),
    };
    Part { item: part.line_item_id.clone(), source, count: part.count }
}

fn deltas(before: &[Part], after: &[Part]) -> BTreeMap<String, i64> {
    let mut deltas = BTreeMap::new();
    for (parts, sign) in [(before, -1), (after, 1)] {
        for part in parts {
            *deltas.entry(part.item.clone()).or_default() += sign * part.count;
        }
    }
    deltas.retain(|_, delta| *delta != 0);
    deltas
}

fn borrows(request: &pb::RequestCapabilitiesRequest) -> bool {
    request.mode() == pb::GrantMode::Borrow
}
