//! Answers to capability requests, as messages.

use jiff::SignedDuration;
use leasehold_domain::capability::{
    Answer, ExplainStep, FeatureOutcome, Outcome, Reason, Refusal, RequestRefusal,
};
use leasehold_domain::{InstanceId, lease};

use super::field::to_int64;
use super::grant::{PartFacts, parts};
use super::time::{duration, timestamp};
use crate::licensing::v1 as pb;

/// What an answer says besides the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerContext {
    /// The instance that answers.
    pub instance_id: InstanceId,
    /// How long the answer is good.
    pub response_lifetime: SignedDuration,
    /// Where the instance can be reached, best first.
    pub addresses: Vec<String>,
    /// The sequence number of the bundle in force; 0 where there is none.
    pub bundle_sequence: u64,
    /// The request's nonce.
    pub nonce: Vec<u8>,
    /// Nothing was stored: the answer names no grants and shows no secrets.
    pub preview: bool,
}

/// The message for an answer, unsigned.
pub fn response(answer: &Answer, context: AnswerContext) -> pb::RequestCapabilitiesResponse {
    let refusal = answer.refusal.map_or(pb::RequestRefusal::Unspecified, Into::into);
    let outcomes = answer.outcomes.iter().map(|outcome| feature_outcome(outcome, context.preview));
    pb::RequestCapabilitiesResponse {
        request_id: answer.id.map(|id| id.to_string()).unwrap_or_default(),
        instance_id: context.instance_id.to_string(),
        server_time: Some(timestamp(answer.decided_at)),
        outcomes: outcomes.collect(),
        refusal: refusal.into(),
        refusal_message: refusal_message(answer),
        bundle_sequence: context.bundle_sequence,
        response_lifetime: Some(duration(context.response_lifetime)),
        notices: answer.outcomes.iter().flat_map(notices).collect(),
        addresses: context.addresses,
        nonce: context.nonce,
        explanation: answer.explanation.iter().map(Into::into).collect(),
        returned: answer.returned.iter().map(ToString::to_string).collect(),
        // Signed after the commit, by the service.
        signed: None,
    }
}

/// Why the whole request was refused; where an administrator has something to say about it, their words first.
fn refusal_message(answer: &Answer) -> String {
    let message = answer.refusal.map(RequestRefusal::message).unwrap_or_default();
    match answer.note.as_str() {
        "" => message.to_owned(),
        note => format!("{note} ({message})"),
    }
}

/// A preview names no grant and no parts; its times say how long the grant would run.
fn feature_outcome(outcome: &FeatureOutcome, preview: bool) -> pb::FeatureOutcome {
    let held = outcome.grant.as_ref();
    let named = held.filter(|_| !preview);
    let ttl = held.and_then(|grant| grant.lease_ttl);
    let facts = |id: &leasehold_domain::LineItemId| {
        let version = outcome.versions.get(id)?.clone();
        Some(PartFacts { version, in_grace: outcome.in_grace.contains(id) })
    };
    pb::FeatureOutcome {
        feature: outcome.feature.to_string(),
        outcome: pb::Outcome::from(outcome.outcome).into(),
        count: to_int64(outcome.count),
        refusals: outcome.refusal.iter().map(Into::into).collect(),
        grant: named.map(|grant| grant.reference().into()),
        parts: named.map(|grant| parts(grant, facts)).unwrap_or_default(),
        ends_at: held.map(|grant| timestamp(grant.first_end())),
        renew_after: held.map(|_| duration(outcome.renew_after)),
        lease_ttl: ttl.map(duration),
        heartbeat_interval: ttl.map(|ttl| duration(lease::heartbeat_interval(ttl))),
    }
}

fn notices(outcome: &FeatureOutcome) -> impl Iterator<Item = pb::Notice> {
    let subject = outcome.feature.as_str();
    outcome.notices.iter().map(move |text| pb::Notice {
        subject: subject.to_owned(),
        text: text.clone(),
        ..pb::Notice::default()
    })
}

impl From<Outcome> for pb::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Granted => Self::Granted,
            Outcome::Partial => Self::Partial,
            Outcome::Kept => Self::Kept,
            Outcome::Refused => Self::Refused,
        }
    }
}

impl From<Reason> for pb::RefusalReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::UnknownFeature => Self::UnknownFeature,
            Reason::VersionTooLow => Self::VersionTooLow,
            Reason::NotStarted => Self::NotStarted,
            Reason::Expired => Self::Expired,
            Reason::VirtualNotAllowed => Self::VirtualNotAllowed,
            Reason::ReservedForOthers => Self::ReservedForOthers,
            Reason::InsufficientCount => Self::InsufficientCount,
        }
    }
}

impl From<&Refusal> for pb::Refusal {
    fn from(refusal: &Refusal) -> Self {
        Self {
            reason: pb::RefusalReason::from(refusal.reason).into(),
            asked: to_int64(refusal.asked),
            free: to_int64(refusal.free),
            free_for_you: to_int64(refusal.free_for_you),
            rule: 0,
            message: refusal.message.clone(),
        }
    }
}

impl From<RequestRefusal> for pb::RequestRefusal {
    fn from(refusal: RequestRefusal) -> Self {
        match refusal {
            RequestRefusal::DeviceBlocked => Self::DeviceBlocked,
            RequestRefusal::ServerUnsynchronized(_) => Self::ServerUnsynchronized,
            RequestRefusal::ServerSuspended => Self::ServerSuspended,
            RequestRefusal::Restored => Self::Restored,
        }
    }
}

impl From<&ExplainStep> for pb::ExplainStep {
    fn from(step: &ExplainStep) -> Self {
        Self {
            feature: step.feature.to_string(),
            source: step.source.as_ref().map(Into::into),
            line_item_id: step.line_item.as_ref().map(ToString::to_string).unwrap_or_default(),
            taken: to_int64(step.taken),
            free: to_int64(step.free),
            note: step.note.clone(),
        }
    }
}
