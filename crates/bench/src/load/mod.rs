//! The load generator: many clients of one server, each of which makes one call after the other.
//!
//! Responsible for calls, their answers and their latencies. Not responsible for the server, nor for what the numbers
//! are compared to.

mod callers;
pub(crate) mod ids;
mod latency;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leasehold_proto::licensing::v1 as pb;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

pub(crate) use callers::{Beat, Caller, CheckOut, Empty};
pub(crate) use latency::Latencies;

/// Connections of one server, which its clients share evenly.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    channels: Vec<Channel>,
    features: Arc<[String]>,
    /// Numbers devices, over all runs.
    devices: Arc<AtomicU64>,
}

/// What came of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Calls that were answered as they should be.
    pub(crate) answered: u64,
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
    /// Of the answered ones.
    pub(crate) latencies: Latencies,
}

impl Outcome {
    /// Calls a second.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn rate(&self) -> f64 {
        self.answered as f64 / self.elapsed.as_secs_f64()
    }
}

/// When the clients of a run stop.
#[derive(Clone, Copy, Debug)]
enum Until {
    /// At the first call after this moment.
    Moment(Instant),
    /// After so many calls each.
    Calls(usize),
}

impl Load {
    /// Opens the connections. Checkouts are spread over `features`.
    pub(crate) async fn connect(
        address: SocketAddr,
        connections: usize,
        features: &[String],
    ) -> Result<Self, String> {
        let endpoint = endpoint(address)?;
        let mut channels = Vec::with_capacity(connections);
        for _ in 0..connections {
            let channel = endpoint.connect().await;
            channels.push(channel.map_err(|error| format!("cannot connect to {address}: {error}"))?);
        }
        Ok(Self { channels, features: features.into(), devices: Arc::default() })
    }

    /// So many clients that check out.
    pub(crate) fn check_outs(&self, clients: usize) -> Vec<CheckOut> {
        let client = |channel| CheckOut::new(channel, Arc::clone(&self.features), Arc::clone(&self.devices));
        self.channels_of(clients).map(client).collect()
    }

    /// So many clients that keep these leases alive, each its own part of them.
    pub(crate) fn beats(&self, clients: usize, leases: &[pb::GrantRef], in_a_call: usize) -> Vec<Beat> {
        let parts = leases.chunks(leases.len().div_ceil(clients).max(1));
        let beat = |(channel, part)| Beat::new(channel, part, in_a_call);
        self.channels_of(clients).zip(parts).map(beat).collect()
    }

    /// So many clients that make empty calls.
    pub(crate) fn empties(&self, clients: usize) -> Vec<Empty> {
        self.channels_of(clients).map(Empty::new).collect()
    }

    /// Lets so many clients check out until they hold at least so many grants.
    pub(crate) async fn hold(&self, clients: usize, grants: usize) -> Result<Vec<pb::GrantRef>, String> {
        let mut tasks = JoinSet::new();
        for client in self.check_outs(clients) {
            tasks.spawn(check_out(client, grants.div_ceil(clients)));
        }
        let mut held = Vec::with_capacity(grants);
        while let Some(joined) = tasks.join_next().await {
            held.extend(joined.map_err(|error| format!("a client failed: {error}"))??.1);
        }
        Ok(held)
    }

    /// How many devices have asked so far.
    pub(crate) fn devices(&self) -> u64 {
        self.devices.load(Ordering::Relaxed)
    }

    /// Leaves so many devices out, which have asked before.
    pub(crate) fn pass_over(&self, devices: u64) {
        self.devices.fetch_add(devices, Ordering::Relaxed);
    }

    fn channels_of(&self, clients: usize) -> impl Iterator<Item = Channel> {
        (0..clients).map(|index| self.channels[index % self.channels.len()].clone())
    }
}

/// Checks so many out; the client back, and what it holds.
pub(crate) async fn check_out(
    mut client: CheckOut,
    grants: usize,
) -> Result<(CheckOut, Vec<pb::GrantRef>), String> {
    let mut held = Vec::with_capacity(grants);
    for _ in 0..grants {
        held.push(client.check_out().await?);
    }
    Ok((client, held))
}

/// Lets clients call for so long.
pub(crate) async fn run(clients: Vec<impl Caller>, length: Duration) -> Result<Outcome, String> {
    drive(clients, Until::Moment(Instant::now() + length)).await
}

/// Lets clients make so many calls each.
pub(crate) async fn run_calls(clients: Vec<impl Caller>, calls: usize) -> Result<Outcome, String> {
    drive(clients, Until::Calls(calls)).await
}

async fn drive(clients: Vec<impl Caller>, until: Until) -> Result<Outcome, String> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn(call(client, until));
    }
    let mut outcome = Outcome::default();
    while let Some(joined) = tasks.join_next().await {
        let latencies = joined.map_err(|error| format!("a client failed: {error}"))??;
        outcome.answered += latencies.len();
        outcome.latencies.merge(latencies);
    }
    outcome.elapsed = start.elapsed();
    Ok(outcome)
}

async fn call(mut client: impl Caller, until: Until) -> Result<Latencies, String> {
    let mut latencies = Latencies::default();
    loop {
        let start = Instant::now();
        let over = match until {
            Until::Moment(moment) => start >= moment,
            Until::Calls(calls) => latencies.len() >= calls as u64,
        };
        if over {
            return Ok(latencies);
        }
        client.call().await?;
        latencies.add(start.elapsed());
    }
}

/// Where a server is, for calls that no test is patient enough to wait for.
pub(crate) fn endpoint(address: SocketAddr) -> Result<Endpoint, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|error| format!("{address} is no address: {error}"))?;
    Ok(endpoint.tcp_nodelay(true).connect_timeout(Duration::from_secs(5)).timeout(Duration::from_secs(30)))
}
