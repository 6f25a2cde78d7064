//! Answers to capability requests as messages, over the real decision.

use jiff::SignedDuration;
use leasehold_domain::capability::{ExplainStep, Reason, RequestRefusal};
use leasehold_domain::leave::Unsynchronized;
use leasehold_domain::{
    Answer, CapabilityRequest, DesiredFeature, GrantRef, InstanceId, LineItem, Mode, RequestId, Source,
    decide,
};
use leasehold_proto::convert::answer::{AnswerContext, response};
use leasehold_proto::licensing::v1 as pb;
use prost::Message;
use uuid::Uuid;

use crate::samples::{Counting, NOW, UUID, device, estate, feature, line_item, version};

fn context() -> AnswerContext {
    AnswerContext {
        instance_id: InstanceId(Uuid::from_u128(1)),
        response_lifetime: SignedDuration::from_hours(24),
        addresses: vec!["licences.example:16770".to_owned()],
        bundle_sequence: 3,
        nonce: vec![1, 2, 3],
        preview: false,
    }
}

fn request(wanted: &[(&str, u64)]) -> CapabilityRequest {
    let feature = |(name, count): &(&str, u64)| DesiredFeature {
        name: feature(name),
        version: version("1"),
        count: *count,
    };
    let id = RequestId(Uuid::try_parse(UUID).expect("it is a UUID"));
    CapabilityRequest::new(id, device("D1"), wanted.iter().map(feature).collect())
}

/// Ten of f1 with a notice, in grace; two of f2.
fn answer(request: &CapabilityRequest) -> Answer {
    let expired = LineItem {
        expires_at: Some(NOW - SignedDuration::from_hours(1)),
        grace_after_expiry: SignedDuration::from_hours(2),
        notice: "f1 ends soon".to_owned(),
        ..line_item("li-1", "f1", 10)
    };
    let mut estate = estate(vec![expired, line_item("li-2", "f2", 2)]);
    decide(&mut estate, request, NOW, &mut Counting::default()).expect("the request is well formed")
}

#[test]
fn an_online_grant_comes_with_its_secret_its_parts_and_its_lease() {
    let answer = answer(&request(&[("f1", 3)]));
    let message = response(&answer, context());
    assert_eq!(message.request_id, UUID);
    assert_eq!(message.instance_id, Uuid::from_u128(1).to_string());
    assert_eq!(
        message.server_time,
        Some(prost_types::Timestamp { seconds: 1_750_000_000, nanos: 250_000_000 })
    );
    assert_eq!(message.response_lifetime, Some(prost_types::Duration { seconds: 86_400, nanos: 0 }));
    assert_eq!((message.bundle_sequence, message.nonce.as_slice()), (3, [1, 2, 3].as_slice()));
    assert_eq!(message.addresses, ["licences.example:16770"]);
    assert_eq!((message.refusal(), message.refusal_message.as_str()), (pb::RequestRefusal::Unspecified, ""));
    let notice =
        pb::Notice { subject: "f1".to_owned(), text: "f1 ends soon".to_owned(), ..pb::Notice::default() };
    assert_eq!(message.notices, [notice]);

    let outcome = &message.outcomes[0];
    assert_eq!((outcome.feature.as_str(), outcome.outcome(), outcome.count), ("f1", pb::Outcome::Granted, 3));
    assert_eq!(outcome.refusals, []);
    let held = answer.outcomes[0].grant.as_ref().unwrap();
    assert_eq!(GrantRef::try_from(outcome.grant.as_ref().unwrap()), Ok(held.reference()));
    let [part] = outcome.parts.as_slice() else { panic!("{:?}", outcome.parts) };
    assert_eq!((part.line_item_id.as_str(), part.version.as_str(), part.count), ("li-1", "2.0", 3));
    assert!(part.in_grace);
    assert_eq!(Source::try_from(part.source.as_ref().unwrap()), Ok(Source::Default));
    // Expiry an hour ago and two hours of grace.
    assert_eq!(outcome.ends_at, Some(prost_types::Timestamp { seconds: 1_750_003_600, nanos: 250_000_000 }));
    assert_eq!(part.ends_at, outcome.ends_at);
    // 15 % of that hour.
    assert_eq!(outcome.renew_after, Some(prost_types::Duration { seconds: 540, nanos: 0 }));
    assert_eq!(outcome.lease_ttl, Some(prost_types::Duration { seconds: 600, nanos: 0 }));
    assert_eq!(outcome.heartbeat_interval, Some(prost_types::Duration { seconds: 150, nanos: 0 }));
}

#[test]
fn a_borrow_has_a_secret_and_no_lease() {
    let borrow = CapabilityRequest { mode: Mode::Borrow, ..request(&[("f2", 1)]) };
    let message = response(&answer(&borrow), context());
    let outcome = &message.outcomes[0];
    assert_eq!(outcome.grant.as_ref().unwrap().lease_token.len(), 16);
    assert!(outcome.ends_at.is_some() && outcome.renew_after.is_some());
    assert_eq!((outcome.lease_ttl, outcome.heartbeat_interval), (None, None));
    assert!(!outcome.parts[0].in_grace);
}

#[test]
fn a_preview_names_no_grant() {
    let preview = CapabilityRequest { preview: true, id: None, ..request(&[("f1", 3)]) };
    let message = response(&answer(&preview), AnswerContext { preview: true, ..context() });
    let outcome = &message.outcomes[0];
    assert_eq!(message.request_id, "");
    assert_eq!((outcome.outcome(), outcome.count), (pb::Outcome::Granted, 3));
    assert_eq!((outcome.grant.as_ref(), outcome.parts.len()), (None, 0));
    assert!(outcome.ends_at.is_some());
}

#[test]
fn a_refusal_has_its_reason_and_its_numbers() {
    let message = response(&answer(&request(&[("f2", 3), ("f9", 1)])), context());
    let [short, unknown] = message.outcomes.as_slice() else { panic!("{:?}", message.outcomes) };
    assert_eq!((short.outcome(), short.count), (pb::Outcome::Refused, 0));
    assert_eq!(short.refusals[0].reason(), pb::RefusalReason::InsufficientCount);
    assert_eq!((short.refusals[0].asked, short.refusals[0].free, short.refusals[0].free_for_you), (3, 2, 2));
    assert!(!short.refusals[0].message.is_empty());
    assert_eq!((short.grant.as_ref(), short.ends_at, short.renew_after), (None, None, None));
    assert_eq!(unknown.refusals[0].reason(), pb::RefusalReason::UnknownFeature);
}

#[test]
fn a_refused_request_says_why() {
    let mut answer = answer(&request(&[("f1", 1)]));
    answer.outcomes.clear();
    for (refusal, expected) in [
        (RequestRefusal::DeviceBlocked, pb::RequestRefusal::DeviceBlocked),
        (
            RequestRefusal::ServerUnsynchronized(Unsynchronized::Overdue),
            pb::RequestRefusal::ServerUnsynchronized,
        ),
        (RequestRefusal::ServerSuspended, pb::RequestRefusal::ServerSuspended),
        (RequestRefusal::Restored, pb::RequestRefusal::Restored),
    ] {
        answer.refusal = Some(refusal);
        let message = response(&answer, context());
        assert_eq!((message.refusal(), message.refusal_message.as_str()), (expected, refusal.message()));
    }
    answer.refusal = Some(RequestRefusal::ServerSuspended);
    answer.note = "Audit until Friday.".to_owned();
    let told = response(&answer, context()).refusal_message;
    assert_eq!(told, format!("Audit until Friday. ({})", RequestRefusal::ServerSuspended.message()));
}

#[test]
fn the_trail_and_what_was_returned_are_told() {
    let mut answer = answer(&request(&[("f1", 1)]));
    answer.returned = vec![feature("f7")];
    let step = ExplainStep {
        feature: feature("f1"),
        source: Some(Source::Pool("eng".to_owned())),
        line_item: None,
        taken: 1,
        free: u64::MAX,
        note: "taken".to_owned(),
    };
    answer.explanation = vec![step];
    let message = response(&answer, context());
    assert_eq!(message.returned, ["f7"]);
    let step = &message.explanation[0];
    assert_eq!((step.feature.as_str(), step.line_item_id.as_str(), step.note.as_str()), ("f1", "", "taken"));
    assert_eq!((step.taken, step.free), (1, i64::MAX));
    assert_eq!(Source::try_from(step.source.as_ref().unwrap()), Ok(Source::Pool("eng".to_owned())));
}

#[test]
fn an_answer_survives_the_wire() {
    let explained = CapabilityRequest { explain: true, ..request(&[("f1", 3), ("f2", 5)]) };
    let message = response(&answer(&explained), context());
    assert!(!message.explanation.is_empty());
    let decoded = pb::RequestCapabilitiesResponse::decode(message.encode_to_vec().as_slice()).unwrap();
    assert_eq!(decoded, message);
}

#[test]
fn every_reason_has_the_contracts_name() {
    use Reason::{
        Expired, InsufficientCount, NotStarted, ReservedForOthers, UnknownFeature, VersionTooLow,
        VirtualNotAllowed,
    };
    for reason in [
        UnknownFeature,
        VersionTooLow,
        NotStarted,
        Expired,
        VirtualNotAllowed,
        ReservedForOthers,
        InsufficientCount,
    ] {
        let name = pb::RefusalReason::from(reason).as_str_name();
        assert_eq!(name.strip_prefix("REFUSAL_REASON_"), Some(reason.name()));
    }
}
