//! Histories that agree with what was kept are found well, and each thing that is made up is found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use prost::Message;
use uuid::Uuid;

use crate::Rule::{self, ExactlyOnce, Fencing, NoLostGrant};
use crate::history::{Call, Heard, History};
use crate::replay::{check, check_since};
use crate::snapshot::{Activity, Grant, Part, Snapshot, StoredAnswer};

const GRANT: Uuid = Uuid::from_u128(1);

/// A holder, what it heard, and what the server kept.
#[derive(Clone)]
struct Story {
    history: History,
    kept: Snapshot,
}

fn shown(token: u64) -> pb::GrantRef {
    pb::GrantRef { grant_id: GRANT.to_string(), fencing_token: token, lease_token: secret(token) }
}

fn secret(token: u64) -> Vec<u8> {
    token.to_be_bytes().to_vec()
}

fn kept(token: u64) -> Grant {
    Grant {
        id: GRANT,
        device: "D1/STRING".to_owned(),
        place: String::new(),
        feature: "cad".to_owned(),
        borrowed: false,
        fencing_token: token,
        lease_token: secret(token),
        parts: vec![Part { item: "L1".to_owned(), source: String::new(), count: 2 }],
    }
}

fn record(number: u128, kind: &str, delta: i64, request: Option<u128>) -> Activity {
    let deltas = [("L1".to_owned(), delta)].into_iter().filter(|(_, delta)| *delta != 0).collect();
    Activity {
        id: Uuid::from_u128(number),
        at: Timestamp::UNIX_EPOCH,
        kind: kind.to_owned(),
        device: Some("D1/STRING".to_owned()),
        feature: "cad".to_owned(),
        grant: Some(GRANT),
        deltas,
        request: request.map(Uuid::from_u128),
    }
}

impl Story {
    /// Nothing yet.
    fn new() -> Self {
        Self { history: History::new("D1/STRING", ""), kept: Snapshot::default() }
    }

    /// Two counts are asked for and granted, with this token.
    fn granted(mut self, id: u128, token: u64) -> Self {
        let message = pb::RequestCapabilitiesRequest {
            request_id: Uuid::from_u128(id).to_string(),
            features: vec![pb::DesiredFeature { name: "cad".to_owned(), version: "1".to_owned(), count: 2 }],
            renews: if token > 1 { vec![shown(token - 1)] } else { Vec::new() },
            ..Default::default()
        };
        let part = pb::GrantPart { line_item_id: "L1".to_owned(), count: 2, ..Default::default() };
        let mut outcome = pb::FeatureOutcome {
            feature: "cad".to_owned(),
            count: 2,
            grant: Some(shown(token)),
            parts: vec![part],
            ..Default::default()
        };
        outcome.set_outcome(pb::Outcome::Granted);
        let answer = pb::RequestCapabilitiesResponse { outcomes: vec![outcome], ..Default::default() };
        let answer = answer.encode_to_vec();
        self.kept.answers.push(StoredAnswer { id: Uuid::from_u128(id), answer: answer.clone() });
        let delta = if token > 1 { 0 } else { 2 };
        self.kept.activity.push(record(id + 1_000, "GRANTED", delta, Some(id)));
        self.kept.grants = vec![kept(token)];
        let heard = vec![Heard::Answer(answer)];
        self.history.calls.push(Call::Request { message: Box::new(message), heard });
        self
    }

    /// A renewal that is rejected because of this token.
    fn rejected(mut self, id: u128, token: u64) -> Self {
        let message = pb::RequestCapabilitiesRequest {
            request_id: Uuid::from_u128(id).to_string(),
            renews: vec![shown(token)],
            ..Default::default()
        };
        let heard = vec![Heard::Error("STALE_TOKEN".to_owned())];
        self.history.calls.push(Call::Request { message: Box::new(message), heard });
        self
    }

    fn beats(mut self, token: u64, status: pb::LeaseStatus) -> Self {
        let result = pb::LeaseResult { status: status.into(), ..Default::default() };
        self.history.calls.push(Call::Heartbeat { shown: vec![shown(token)], results: vec![result] });
        self
    }

    fn returns(mut self, token: u64, status: pb::LeaseStatus) -> Self {
        let result = pb::LeaseResult { status: status.into(), ..Default::default() };
        self.history.calls.push(Call::Release { shown: shown(token), heard: vec![Heard::Answer(result)] });
        self
    }

    /// The server takes the grant back and records it.
    fn expired(mut self) -> Self {
        self.kept.activity.push(record(2_000, "EXPIRED", -2, None));
        self.kept.grants.clear();
        self
    }

    fn found(&self) -> Vec<Rule> {
        let found = check(&self.kept, std::slice::from_ref(&self.history)).0;
        found.0.into_iter().map(|violation| violation.rule).collect()
    }
}

#[test]
fn what_was_granted_renewed_and_kept_is_well() {
    let story = Story::new().granted(10, 1).beats(1, pb::LeaseStatus::Ok).granted(11, 2);
    assert_eq!(story.found(), []);
    let story = story.rejected(12, 1).beats(1, pb::LeaseStatus::Lost).returns(1, pb::LeaseStatus::Lost);
    assert_eq!(story.found(), [], "the old token changes nothing");
    let (violations, tally) = check(&story.kept, &[story.history]);
    assert_eq!((violations.0.len(), tally.fenced, tally.held, tally.alive), (0, 3, 1, 1));
}

#[test]
fn a_grant_that_the_server_took_back_is_well_however_its_holder_learns_it() {
    let silent = Story::new().granted(10, 1).expired();
    let learns = [
        silent.clone(),
        silent.clone().beats(1, pb::LeaseStatus::Lost),
        silent.clone().returns(1, pb::LeaseStatus::Lost),
        silent.clone().rejected(11, 1).beats(1, pb::LeaseStatus::Lost),
    ];
    for story in learns {
        let (violations, tally) = check(&story.kept, &[story.history]);
        assert_eq!((violations.0, tally.ended, tally.held), (Vec::new(), 1, 0));
    }
}

#[test]
fn everything_made_up_is_found() {
    let held = || Story::new().granted(10, 1);
    let without = |story: Story, change: fn(&mut Snapshot)| {
        let mut story = story;
        change(&mut story.kept);
        story
    };
    let made_up = [
        ("a grant is gone", without(held(), |kept| kept.grants.clear()), NoLostGrant),
        ("its holder hears that it is lost", held().beats(1, pb::LeaseStatus::Lost), NoLostGrant),
        ("it cannot be returned", held().returns(1, pb::LeaseStatus::Lost), NoLostGrant),
        ("it cannot be renewed", held().rejected(11, 1), NoLostGrant),
        ("an answer is gone", without(held(), |kept| kept.answers.clear()), ExactlyOnce),
        ("nobody was told", without(Story::new(), |kept_by| kept_by.grants.push(kept(1))), ExactlyOnce),
        (
            "it comes to life again",
            held().expired().beats(1, pb::LeaseStatus::Lost).beats(1, pb::LeaseStatus::Ok),
            Fencing,
        ),
        (
            "it was taken back and is there",
            without(held().expired(), |kept_by| kept_by.grants.push(kept(1))),
            ExactlyOnce,
        ),
        (
            "it was taken back twice",
            without(held().expired(), |kept| kept.activity.push(record(2_001, "EXPIRED", -2, None))),
            ExactlyOnce,
        ),
        ("an old token returns it", held().granted(11, 2).returns(1, pb::LeaseStatus::Released), Fencing),
    ];
    for (what, story, rule) in made_up {
        assert!(story.found().contains(&rule), "{what}: {:?}", story.found());
    }
}

#[test]
fn a_repeat_has_the_same_answer() {
    let mut story = Story::new().granted(10, 1);
    let Some(Call::Request { heard, .. }) = story.history.calls.last_mut() else { panic!("a request") };
    let first = heard[0].clone();
    heard.extend([Heard::Nothing, first]);
    let (violations, tally) = check(&story.kept, std::slice::from_ref(&story.history));
    assert_eq!((violations.0.len(), tally.repeats, tally.unheard), (0, 1, 1));
    let Some(Call::Request { heard, .. }) = story.history.calls.last_mut() else { panic!("a request") };
    heard.push(Heard::Answer(vec![0]));
    assert_eq!(story.found(), [ExactlyOnce]);
}

#[test]
fn what_was_there_before_needs_no_history() {
    let before = Story::new().granted(10, 1).kept;
    let judged = |after: &Snapshot, histories: &[History]| check_since(&before, after, histories).0.0;
    assert_eq!(judged(&before, &[]), []);
    assert_eq!(judged(&before.clone().with_expired(), &[]), [], "it ends while nobody is there");
    let later = Story { kept: before.clone(), ..Story::new() }.granted(11, 2);
    assert_eq!(judged(&later.kept, &[later.history]), [], "its holder is back");
    let gone = Snapshot { grants: Vec::new(), ..before.clone() };
    assert_eq!(judged(&gone, &[])[0].rule, NoLostGrant);
}

impl Snapshot {
    fn with_expired(self) -> Self {
        Story { kept: self, ..Story::new() }.expired().kept
    }
}

#[test]
fn what_others_did_needs_no_history_where_it_is_left_out() {
    let Story { history, mut kept } = Story::new().granted(10, 1);
    let guest = Some("guest/STRING".to_owned());
    kept.answers.push(StoredAnswer { id: Uuid::from_u128(20), answer: Vec::new() });
    kept.activity.push(Activity { device: guest.clone(), ..record(1_020, "GRANTED", 1, Some(20)) });
    kept.activity.push(Activity { device: guest, grant: None, ..record(1_021, "REFUSED", 0, Some(21)) });
    kept.grants.push(Grant { id: Uuid::from_u128(77), device: "guest/STRING".to_owned(), ..self::kept(1) });
    let found = |kept: &Snapshot| check(kept, std::slice::from_ref(&history)).0.0;
    assert!(found(&kept).iter().all(|violation| violation.rule == ExactlyOnce));
    assert_eq!(found(&kept).len(), 4, "{:?}", found(&kept));
    assert_eq!(found(&kept.of_devices(|device| device == "D1/STRING")), []);
    // Whoever is left out is a stranger's device, never one that has a history.
    kept.activity[0].device = Some("guest/STRING".to_owned());
    assert!(!found(&kept.of_devices(|device| device == "D1/STRING")).is_empty());
}

#[test]
fn traces_are_compared_by_what_they_changed() {
    let mut story = Story::new().granted(10, 1);
    story.kept.activity[0].deltas = BTreeMap::from([("L1".to_owned(), 1)]);
    assert_eq!(story.found(), [ExactlyOnce]);
}
