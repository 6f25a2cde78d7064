//! Runs one scenario and says where the answers are not those expected.

use std::collections::{BTreeMap, HashMap};

use leasehold_domain::capability::{DictionaryValue, FeatureOutcome, Outcome};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::holder::Place;
use leasehold_domain::{
    Answer, CapabilityRequest, DesiredFeature, DeviceType, Entry, EntryId, Estate, Group, GroupId, Holder,
    HostId, HostIdType, IdSource, LineItem, LineItemId, Overdraft, Policies, RequestId, Reservation,
    allocation, decide, reservation,
};

use crate::fixture::{Ids, at, duration, hostid, in_force, item, name, version};
use crate::scenario::{
    DeviceTypeText, DictionaryText, Expect, LineItemText, OperationText, OutcomeText, RequestText,
    ReservationText, Scenario,
};

/// Every mismatch, each with the scenario and the step that it was found in.
pub(crate) fn run(scenario: &Scenario) -> Vec<String> {
    let mut runner = match Runner::new(scenario) {
        Ok(runner) => runner,
        Err(problem) => return vec![format!("{}: {problem}", scenario.name)],
    };
    let mut mismatches = Vec::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        let found = runner.step(&step.request, &step.expect);
        mismatches.extend(found.into_iter().map(|text| format!("{}, step {index}: {text}", scenario.name)));
    }
    mismatches
}

struct Runner {
    estate: Estate,
    now: jiff::Timestamp,
    ids: Ids,
    request_ids: HashMap<String, RequestId>,
    /// What a store would keep to answer a repeat.
    kept: HashMap<RequestId, (CapabilityRequest, Answer)>,
    answers: Vec<Answer>,
}

impl Runner {
    fn new(scenario: &Scenario) -> Result<Self, String> {
        let now = at(scenario.now.as_deref().unwrap_or("2026-01-01T00:00:00Z"));
        let mut ids = Ids::default();
        let mut items: BTreeMap<LineItemId, LineItemState> = BTreeMap::new();
        for text in &scenario.line_items {
            let item = line_item(text)?;
            items.insert(item.id.clone(), LineItemState::new(item));
        }
        let groups = groups(&scenario.reservations, &mut ids)?;
        let entries: Vec<Entry> =
            groups.iter().flat_map(|group| &group.reservations).flat_map(|r| r.entries.clone()).collect();
        allocation::allocate(&mut items, &entries, now);
        for group in &groups {
            reservation::check_satisfied(group, &items).map_err(|error| error.to_string())?;
        }
        let estate = in_force(Estate::new(Policies::default(), items.into_values(), entries, [], []));
        Ok(Self { estate, now, ids, request_ids: HashMap::new(), kept: HashMap::new(), answers: Vec::new() })
    }

    fn step(&mut self, text: &RequestText, expect: &Expect) -> Vec<String> {
        let request = self.request(text);
        let before = self.estate.clone();
        let answer = match self.answer(&request) {
            Ok(answer) => answer,
            Err(problem) => return vec![problem],
        };
        let mut mismatches = Vec::new();
        let found: Vec<OutcomeText> = answer.outcomes.iter().map(outcome_text).collect();
        compare(&mut mismatches, "outcomes", &expect.outcomes, &found);
        compare(&mut mismatches, "refusal of the whole request", &None, &answer.refusal);
        for (device, held) in &expect.held {
            compare(&mut mismatches, &format!("held by {device}"), held, &self.held(device));
        }
        for (device, counts) in &expect.line_items {
            compare(&mut mismatches, &format!("line items of {device}"), counts, &self.line_items(device));
        }
        for (feature, used) in &expect.overdraft_used {
            let found = self.estate.items_of(&name(feature)).map(LineItemState::overdraft_used).sum();
            compare(&mut mismatches, &format!("overdraft used of {feature}"), used, &found);
        }
        if let Some(step) = expect.same_answer_as_step {
            compare(
                &mut mismatches,
                &format!("the answer of step {step} again"),
                &self.answers[step],
                &answer,
            );
            let same = format!("{:?}", before.items()) == format!("{:?}", self.estate.items());
            compare(&mut mismatches, "a repeat changes nothing", &true, &same);
        }
        if !expect.pools.is_empty() {
            mismatches.push("pools are expected, and there is no model".to_owned());
        }
        self.answers.push(answer);
        mismatches
    }

    /// The decision, or the kept answer where the request id came before.
    fn answer(&mut self, request: &CapabilityRequest) -> Result<Answer, String> {
        let id = request.id.expect("the runner names every request");
        match self.kept.get(&id) {
            Some((first, answer)) if first == request => return Ok(answer.clone()),
            Some(_) => return Err("the request id is used again with another body".to_owned()),
            None => {}
        }
        let answer =
            decide(&mut self.estate, request, self.now, &mut self.ids).map_err(|error| error.to_string())?;
        self.kept.insert(id, (request.clone(), answer.clone()));
        Ok(answer)
    }

    fn request(&mut self, text: &RequestText) -> CapabilityRequest {
        let id = match &text.request_id {
            Some(label) => {
                *self.request_ids.entry(label.clone()).or_insert_with(|| RequestId(self.ids.uuid()))
            }
            None => RequestId(self.ids.uuid()),
        };
        let desired = text.features.iter().map(|feature| DesiredFeature {
            name: name(&feature.name),
            version: version(&feature.version),
            count: feature.count,
        });
        CapabilityRequest {
            user: text
                .user
                .as_ref()
                .map(|user| HostId::new(HostIdType::User, user).expect("users are named well")),
            device_type: match text.device_type {
                DeviceTypeText::Physical => DeviceType::Physical,
                DeviceTypeText::Virtual => DeviceType::Virtual,
                DeviceTypeText::Unknown => DeviceType::Unknown,
            },
            host_type: text.host_type.clone(),
            dictionary: text.dictionary.iter().map(|(key, value)| (key.clone(), dictionary(value))).collect(),
            incremental: text.incremental,
            partial: text.partial,
            keep_on_refusal: text.keep_on_refusal,
            preview: text.operation == OperationText::Preview,
            ..CapabilityRequest::new(id, hostid(&text.device), desired.collect())
        }
    }

    fn held(&self, device: &str) -> BTreeMap<String, u64> {
        self.grants(device).map(|grant| (grant.feature.to_string(), grant.count())).collect()
    }

    fn line_items(&self, device: &str) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for part in self.grants(device).flat_map(|grant| &grant.parts) {
            *counts.entry(part.line_item.to_string()).or_default() += part.count;
        }
        counts
    }

    fn grants(&self, device: &str) -> impl Iterator<Item = &leasehold_domain::Grant> {
        let holder = Holder { device: hostid(device), place: Place::Device };
        self.estate.grants_of(&holder).into_iter().filter_map(|id| self.estate.grant(id))
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(
    mismatches: &mut Vec<String>,
    what: &str,
    expected: &T,
    found: &T,
) {
    if expected != found {
        mismatches.push(format!("{what}\n    expected {expected:?}\n    found    {found:?}"));
    }
}

fn outcome_text(outcome: &FeatureOutcome) -> OutcomeText {
    let name = match outcome.outcome {
        Outcome::Granted => "GRANTED",
        Outcome::Partial => "PARTIAL",
        Outcome::Kept => "KEPT",
        Outcome::Refused => "REFUSED",
    };
    OutcomeText {
        feature: outcome.feature.to_string(),
        outcome: name.to_owned(),
        count: outcome.count,
        reasons: outcome.refusal.iter().map(|refusal| refusal.reason.name().to_owned()).collect(),
    }
}

fn line_item(text: &LineItemText) -> Result<LineItem, String> {
    let overdraft = match text.overdraft.as_deref() {
        None => Overdraft::None,
        Some(share) => {
            let percent = share.strip_suffix('%').and_then(|number| number.parse().ok());
            Overdraft::Percent(percent.ok_or_else(|| format!("{share:?} is not a percentage"))?)
        }
    };
    Ok(LineItem {
        overdraft,
        starts_at: text.starts_at.as_deref().map(at),
        expires_at: text.expires_at.as_deref().map(at),
        grace_after_expiry: text
            .grace_after_expiry
            .as_deref()
            .map_or(Ok(jiff::SignedDuration::ZERO), duration)?,
        allow_virtual: text.allow_virtual,
        ..item(&text.id, &text.feature, &text.version, text.count)
    })
}

/// The groups, in the order of their first mention; entries grow younger down the file.
fn groups(texts: &[ReservationText], ids: &mut Ids) -> Result<Vec<Group>, String> {
    let mut groups: Vec<Group> = Vec::new();
    let mut order = 0;
    for text in texts {
        let owner = hostid(&text.hostid);
        let mut entries = Vec::new();
        for entry in &text.entries {
            order += 1;
            entries.push(Entry {
                id: EntryId(ids.uuid()),
                hostid: owner.clone(),
                feature: name(&entry.feature),
                version: version(&entry.version),
                count: entry.count,
                order,
            });
        }
        let reservation = Reservation { hostid: owner, entries };
        if let Some(group) = groups.iter_mut().find(|group| group.name == text.group) {
            group.reservations.push(reservation);
        } else {
            let id = GroupId(ids.uuid());
            groups.push(Group { id, name: text.group.clone(), reservations: vec![reservation], revision: 1 });
        }
    }
    for group in &groups {
        reservation::check_unique(group, &groups).map_err(|error| error.to_string())?;
    }
    Ok(groups)
}

fn dictionary(value: &DictionaryText) -> DictionaryValue {
    match value {
        DictionaryText::Text(text) => DictionaryValue::Text(text.clone()),
        DictionaryText::Number(number) => DictionaryValue::Number(*number),
        DictionaryText::List(values) => DictionaryValue::List(values.iter().map(dictionary).collect()),
    }
}
