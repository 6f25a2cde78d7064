//! `TestConnection`: walks the steps to the vendor's repository and changes nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt as _;
use leasehold_artifacts::{Limits, Upstream as _};
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::UpstreamStepKind as Kind;
use leasehold_runtime::peer::OutwardStep;
use tokio::time::Instant;

use crate::Error;
use crate::convert::took;
use crate::site::Site;
use crate::state::State;
use crate::upstream::HttpUpstream;

const TIMESTAMP: &str = "metadata/timestamp.json";

pub(crate) async fn test_connection(state: &State, site: &Site) -> Result<pb::TestConnectionResponse, Error> {
    let mut steps = Vec::new();
    let start = Instant::now();
    let repository = match state.vendor.repository(site.instance.id, &state.config).await {
        Ok(repository) => repository,
        Err(error @ (Error::Failed(_) | Error::Away { .. })) => {
            steps.push(step(Kind::Address, false, &error.to_string(), start.elapsed()));
            return Ok(pb::TestConnectionResponse { steps });
        }
        Err(error) => return Err(error),
    };
    let address = repository.address;
    steps.push(step(Kind::Address, true, &format!("the repository is at {address}"), start.elapsed()));

    let start = Instant::now();
    match state.way.connect(&address).await {
        Ok(opened) => passed(&mut steps, &opened.passed, &address),
        Err(error) => {
            passed(&mut steps, &error.passed, &address);
            let before: Duration = error.passed.iter().map(|(_, took)| *took).sum();
            let elapsed = start.elapsed().saturating_sub(before);
            steps.push(step(of(error.step), false, &error.message, elapsed));
            return Ok(pb::TestConnectionResponse { steps });
        }
    }
    let start = Instant::now();
    let (ok, message) = match metadata(state, &address).await {
        Ok(message) => (true, message),
        Err(message) => (false, message),
    };
    steps.push(step(Kind::Metadata, ok, &message, start.elapsed()));
    Ok(pb::TestConnectionResponse { steps })
}

/// Asks for the timestamp. What it says is verified by a run, and not here.
async fn metadata(state: &State, address: &str) -> Result<String, String> {
    let upstream = HttpUpstream::new(state.way.clone(), address, Arc::clone(&state.clock))?;
    let most = Limits::default().timestamp;
    let opened = upstream.get(TIMESTAMP, 0, most).await.map_err(|error| error.to_string())?;
    let absent = || format!("{address} has no {TIMESTAMP}; check the address");
    let mut bytes = opened.ok_or_else(absent)?.bytes;
    let mut content = BytesMut::new();
    while let Some(piece) = bytes.next().await {
        content.extend_from_slice(&piece.map_err(|error| format!("{TIMESTAMP} broke off: {error}"))?);
        if content.len() as u64 > most {
            return Err(format!("{address} answers with something that is no timestamp; check the address"));
        }
    }
    if !content.starts_with(b"{") {
        return Err(format!("{address} answers with something that is no timestamp; check the address"));
    }
    Ok(format!("{address} has a timestamp of {} bytes", content.len()))
}

fn passed(steps: &mut Vec<pb::UpstreamStep>, passed: &[(OutwardStep, Duration)], address: &str) {
    for (one, took) in passed {
        let words = match one {
            OutwardStep::Resolve => "the name is known",
            OutwardStep::Connect => "there is a connection",
            OutwardStep::Tls => "it is secured, and its certificate is good",
        };
        steps.push(step(of(*one), true, &format!("{address}: {words}"), *took));
    }
}

fn of(step: OutwardStep) -> Kind {
    match step {
        OutwardStep::Resolve => Kind::Resolve,
        OutwardStep::Connect => Kind::Connect,
        OutwardStep::Tls => Kind::Tls,
    }
}

fn step(step: Kind, ok: bool, message: &str, elapsed: Duration) -> pb::UpstreamStep {
    let message = message.replace(char::is_control, " ");
    pb::UpstreamStep { step: step.into(), ok, message, took: took(elapsed) }
}
