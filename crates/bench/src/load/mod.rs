//! The load generator: many clients that check a feature out, each time for a device that holds nothing yet.
//!
//! Responsible for calls, their answers and their latencies. Not responsible for the server, nor for what the numbers
//! are compared to.

pub(crate) mod ids;
mod latency;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::types::v1 as types;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use ids::Ids;
pub(crate) use latency::Latencies;

/// Clients of one server; they share its connections evenly.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    channels: Vec<Channel>,
    feature: String,
    /// Numbers devices, over all runs.
    devices: Arc<AtomicU64>,
}

/// What came of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Checkouts that were answered with a grant.
    pub(crate) granted: u64,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
    /// Of the granted ones.
    pub(crate) latencies: Latencies,
}

impl Outcome {
    /// Checkouts a second.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.granted as f64 / self.elapsed.as_secs_f64()
    }
}

impl Load {
    /// Opens the connections.
    pub(crate) async fn connect(
        address: SocketAddr,
        connections: usize,
        feature: &str,
    ) -> Result<Self, String> {
        let endpoint = endpoint(address)?;
        let mut channels = Vec::with_capacity(connections);
        for _ in 0..connections {
            let channel = endpoint.connect().await;
            channels.push(channel.map_err(|error| format!("cannot connect to {address}: {error}"))?);
        }
        Ok(Self { channels, feature: feature.to_owned(), devices: Arc::default() })
    }

    /// Lets so many clients check out, one call after the other each, for so long. An answer that is no full grant is
    /// an error.
    pub(crate) async fn run(&self, clients: usize, length: Duration) -> Result<Outcome, String> {
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for index in 0..clients {
            let channel = self.channels[index % self.channels.len()].clone();
            let client = Client::new(channel, self.feature.clone(), Arc::clone(&self.devices));
            tasks.spawn(client.run(start + length));
        }
        let mut outcome = Outcome::default();
        while let Some(joined) = tasks.join_next().await {
            let latencies = joined.map_err(|error| format!("a client failed: {error}"))??;
            outcome.granted += latencies.len();
            outcome.latencies.merge(latencies);
        }
        outcome.elapsed = start.elapsed();
        Ok(outcome)
    }
}

/// Where a server is, for calls that no test is patient enough to wait for.
pub(crate) fn endpoint(address: SocketAddr) -> Result<Endpoint, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|error| format!("{address} is no address: {error}"))?;
    Ok(endpoint.tcp_nodelay(true).connect_timeout(Duration::from_secs(5)).timeout(Duration::from_secs(30)))
}

/// Checks out over and over.
pub(crate) struct Client {
    calls: LicensingServiceClient<Channel>,
    feature: String,
    devices: Arc<AtomicU64>,
    ids: Ids,
}

impl Client {
    /// A client of its own over a connection that others may share; `devices` numbers devices over all of them.
    pub(crate) fn new(channel: Channel, feature: String, devices: Arc<AtomicU64>) -> Self {
        Self { calls: LicensingServiceClient::new(channel), feature, devices, ids: Ids::new() }
    }

    /// One checkout for a new device, with a new request id.
    pub(crate) async fn check_out(&mut self) -> Result<(), String> {
        let device = self.devices.fetch_add(1, Ordering::Relaxed);
        let request = pb::RequestCapabilitiesRequest {
            request_id: self.ids.next().to_string(),
            hostids: vec![types::HostId {
                r#type: types::HostIdType::String.into(),
                value: format!("device-{device}"),
            }],
            features: vec![pb::DesiredFeature {
                name: self.feature.clone(),
                version: "1.0".to_owned(),
                count: 1,
            }],
            ..pb::RequestCapabilitiesRequest::default()
        };
        let answer = self.calls.request_capabilities(request).await;
        let answer = answer
            .map_err(|status| format!("a checkout failed with {:?}: {}", status.code(), status.message()))?;
        full_grant(answer.get_ref())
    }

    async fn run(mut self, until: Instant) -> Result<Latencies, String> {
        let mut latencies = Latencies::default();
        loop {
            let start = Instant::now();
            if start >= until {
                return Ok(latencies);
            }
            self.check_out().await?;
            latencies.add(start.elapsed());
        }
    }
}

fn full_grant(answer: &pb::RequestCapabilitiesResponse) -> Result<(), String> {
    match answer.outcomes.as_slice() {
        [outcome]
            if outcome.outcome() == pb::Outcome::Granted && outcome.count == 1 && outcome.grant.is_some() =>
        {
            Ok(())
        }
        _ => Err(format!("a checkout was not granted: {answer:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outcome: pb::Outcome, count: i64) -> pb::RequestCapabilitiesResponse {
        let grant = Some(pb::GrantRef::default());
        let outcome = pb::FeatureOutcome { outcome: outcome.into(), count, grant, ..Default::default() };
        pb::RequestCapabilitiesResponse { outcomes: vec![outcome], ..Default::default() }
    }

    #[test]
    fn only_a_full_grant_counts() {
        assert!(full_grant(&answer(pb::Outcome::Granted, 1)).is_ok());
        for wrong in [
            answer(pb::Outcome::Refused, 0),
            answer(pb::Outcome::Partial, 1),
            answer(pb::Outcome::Granted, 2),
            pb::RequestCapabilitiesResponse::default(),
        ] {
            assert!(full_grant(&wrong).unwrap_err().contains("was not granted"), "{wrong:?}");
        }
    }
}
