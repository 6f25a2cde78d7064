//! Capability requests, their repeats, and ids that were used for something else.

use leasehold_proto::licensing::v1 as pb;
use prost::Message;
use uuid::Uuid;

use super::{Judge, trace};
use crate::Rule;
use crate::history::Heard;
use crate::holdings::{Holdings, Trace};

impl Judge<'_> {
    pub(super) fn request(
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
        if *first == Heard::Error("STALE_TOKEN".to_owned()) {
            self.cannot_be_renewed(holdings, message);
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

    /// What a request wanted to renew cannot be: where everything that it shows is current, the one grant of these that
    /// the server ended is over. Of several it could not be said which.
    fn cannot_be_renewed(&mut self, holdings: &mut Holdings, message: &pb::RequestCapabilitiesRequest) {
        if !message.renews.iter().all(|shown| holdings.is_current(shown)) {
            return;
        }
        let ended = |shown: &&pb::GrantRef| shown.grant_id.parse().is_ok_and(|id| self.has_ended(id));
        let ended: Vec<&pb::GrantRef> = message.renews.iter().filter(ended).collect();
        let [shown] = ended.as_slice() else { return };
        if let Some((feature, held)) = holdings.release(shown) {
            self.ended_by_server(&feature, &held);
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
        let Ok(answer) = pb::RequestCapabilitiesResponse::decode(bytes) else {
            return self.violations.add(Rule::ExactlyOnce, format!("the answer to request {id} is none"));
        };
        for (feature, held) in holdings.take_ended(message, &answer, |grant| self.has_ended(grant)) {
            self.ended_by_server(&feature, &held);
        }
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

    pub(super) fn reuse(&mut self, id: &str, heard: &[Heard<Vec<u8>>]) {
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
}
