//! `TestConnection`: walks the steps to the vendor and changes nothing.

use std::time::Duration;

use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::SyncStep;
use tokio::time::Instant;

use crate::state::State;
use crate::{Error, vendor};

pub(crate) async fn test_connection(
    state: &State,
    message: pb::TestConnectionRequest,
) -> Result<pb::TestConnectionResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let enrolment = state.identity(instance.id).await?.enrolment;
    let start = Instant::now();
    let door = match vendor::open(state, &enrolment.address).await {
        Ok(door) => door,
        Err(error) => {
            let passed: Duration = error.steps.iter().map(|(_, took)| *took).sum();
            let mut steps = passed_steps(&error.steps, &enrolment.address);
            steps.push(step(error.step, false, &error.message, start.elapsed().saturating_sub(passed)));
            return Ok(pb::TestConnectionResponse { steps });
        }
    };
    let mut steps = passed_steps(&door.steps, &enrolment.address);
    let start = Instant::now();
    steps.push(match vendor::greet(door.channel, &enrolment).await {
        Ok(said) => {
            let message = format!("the back office of {} ({}) answers", said.vendor_name, said.vendor_id);
            step(SyncStep::Exchange, true, &message, start.elapsed())
        }
        Err(failed) => step(failed.step, false, &failed.message, start.elapsed()),
    });
    Ok(pb::TestConnectionResponse { steps })
}

fn passed_steps(steps: &[(SyncStep, Duration)], address: &str) -> Vec<pb::ConnectionStep> {
    let words = |passed| match passed {
        SyncStep::Resolve => "the name is known",
        SyncStep::Connect => "there is a connection",
        SyncStep::Tls => "it is secured, and its certificate is good",
        _ => "done",
    };
    steps
        .iter()
        .map(|(passed, took)| step(*passed, true, &format!("{address}: {}", words(*passed)), *took))
        .collect()
}

fn step(step: SyncStep, ok: bool, message: &str, took: Duration) -> pb::ConnectionStep {
    let message = message.replace(char::is_control, " ");
    // Longer than any patience is no time that was measured.
    let took = prost_types::Duration::try_from(took).ok();
    pb::ConnectionStep { step: step.into(), ok, message, took }
}
