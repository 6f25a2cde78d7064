//! Runs one scenario on a server of its own and says where its answers are not those expected.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use prost::Message as _;
use serde::Serialize;
use tonic::transport::Channel;

use super::form::{Expect, OutcomeText, Scenario, Step};
use super::observe::{Observer, refused};
use super::request::Requests;
use super::server::{Fresh, Stores};

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mismatch {
    /// The step after which it was seen; the first is 0.
    pub(super) step: usize,
    /// What was compared.
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) got: String,
}

/// Every mismatch of a scenario. An error is why it could not be run to its end.
pub(super) async fn run(stores: &Stores, scenario: &Scenario) -> Result<Vec<Mismatch>, String> {
    let server = Box::pin(Fresh::start(stores, scenario.now, &scenario.estate)).await?;
    let result = steps(scenario, server.channel()).await;
    server.stop().await?;
    result
}

async fn steps(scenario: &Scenario, channel: Channel) -> Result<Vec<Mismatch>, String> {
    let mut runner = Runner {
        licensing: LicensingServiceClient::new(channel.clone()),
        observer: Observer::new(channel),
        requests: Requests::new(),
        answers: Vec::new(),
        mismatches: Vec::new(),
    };
    for (index, step) in scenario.steps.iter().enumerate() {
        runner.step(index, step).await.map_err(|error| format!("steps[{index}]: {error}"))?;
    }
    Ok(runner.mismatches)
}

struct Runner {
    licensing: LicensingServiceClient<Channel>,
    observer: Observer,
    requests: Requests,
    answers: Vec<pb::RequestCapabilitiesResponse>,
    mismatches: Vec<Mismatch>,
}

impl Runner {
    async fn step(&mut self, index: usize, step: &Step) -> Result<(), String> {
        let message = self.requests.message(&step.request).map_err(|error| format!("request: {error}"))?;
        let repeats = step.expect.same_answer_as_step;
        let before = if repeats.is_some() { Some(self.observer.state().await?) } else { None };
        let answer = self.licensing.request_capabilities(message).await;
        let answer = answer.map_err(|status| refused("RequestCapabilities", &status))?.into_inner();

        let mut compare = Comparison { step: index, mismatches: &mut self.mismatches };
        compare.answer(&step.expect, &answer);
        if let (Some(first), Some(before)) = (repeats, before) {
            compare.repetition(first, &self.answers[first], &answer);
            let after = self.observer.state().await?;
            compare.debug("grants and features, which a repeated request leaves alone", &before, &after);
        }
        compare.state(&step.expect, &mut self.observer).await?;
        self.answers.push(answer);
        Ok(())
    }
}

struct Comparison<'a> {
    step: usize,
    mismatches: &'a mut Vec<Mismatch>,
}

impl Comparison<'_> {
    fn answer(&mut self, expect: &Expect, answer: &pb::RequestCapabilitiesResponse) {
        if let Some(expected) = &expect.outcomes {
            let got: Vec<OutcomeText> = answer.outcomes.iter().map(outcome).collect();
            self.equal("outcomes", expected, &got);
        }
        let refusal = answer.refusal();
        if refusal != pb::RequestRefusal::Unspecified {
            let got = format!("{}: {}", refusal.as_str_name(), answer.refusal_message);
            self.differ("the whole request", "not refused".to_owned(), got);
        }
    }

    /// Byte for byte: the same fields, encoded again.
    fn repetition(
        &mut self,
        step: usize,
        first: &pb::RequestCapabilitiesResponse,
        again: &pb::RequestCapabilitiesResponse,
    ) {
        if first.encode_to_vec() != again.encode_to_vec() {
            self.differ(
                &format!("the answer of step {step} again"),
                format!("{first:?}"),
                format!("{again:?}"),
            );
        }
    }

    async fn state(&mut self, expect: &Expect, observer: &mut Observer) -> Result<(), String> {
        for (device, expected) in &expect.held {
            self.equal(&format!("held by {device}"), expected, &observer.held(device).await?);
        }
        for (device, expected) in &expect.line_items {
            self.equal(&format!("line items of {device}"), expected, &observer.line_items(device).await?);
        }
        for (feature, expected) in &expect.overdraft_used {
            let got = observer.overdraft_used(feature).await?;
            self.equal(&format!("overdraft used of {feature}"), expected, &got);
        }
        for (pool, features) in &expect.pools {
            for (feature, expected) in features {
                let got = observer.pool(pool, feature).await?;
                self.equal(&format!("{feature} in the pool {pool}"), expected, &got);
            }
        }
        Ok(())
    }

    fn equal<T: PartialEq + Serialize>(&mut self, what: &str, expected: &T, got: &T) {
        if expected != got {
            self.differ(what, json(expected), json(got));
        }
    }

    fn debug<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, got: &T) {
        if expected != got {
            self.differ(what, format!("{expected:?}"), format!("{got:?}"));
        }
    }

    fn differ(&mut self, what: &str, expected: String, got: String) {
        self.mismatches.push(Mismatch { step: self.step, what: what.to_owned(), expected, got });
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("(cannot be shown: {error})"))
}

/// An outcome in the words of the cases: the contract's, without their prefixes.
fn outcome(message: &pb::FeatureOutcome) -> OutcomeText {
    let word = |name: &str, prefix: &str| name.strip_prefix(prefix).unwrap_or(name).to_owned();
    let reason = |refusal: &pb::Refusal| word(refusal.reason().as_str_name(), "REFUSAL_REASON_");
    OutcomeText {
        feature: message.feature.clone(),
        outcome: word(message.outcome().as_str_name(), "OUTCOME_"),
        count: message.count,
        reasons: message.refusals.iter().map(reason).collect(),
    }
}
