//! The devices of the firm: each with programs that come, work, crash and return.
//!
//! A program is a client of the real SDK, with the vendor's root pinned. What it sends goes over the device's relay to the
//! server, by the network, and is noted there. Not responsible for whether the server was right.

mod definitions;
mod life;
mod profile;
mod recorder;
mod relay;
mod service;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use leasehold_client::{Client, HostId, HostIdType, InstanceId, Options, ServerAddress, VerifyingKey};
use leasehold_promises::history::History;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::Error;
use super::counts::Counts;
use definitions::Definitions;
pub(super) use definitions::Source;
pub use profile::Pace;
use profile::Profile;
use relay::{Line, Relay};

/// Devices of the largest firm there is.
const MAX_DEVICES: usize = 500;

/// Whom the programs of the firm believe, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    /// Where the licence server is, as errors show it.
    pub(super) server: ServerAddress,
    /// The vendor's root key.
    pub(super) root: VerifyingKey,
    /// The id that the vendor gave to the licence server.
    pub(super) license_server_id: InstanceId,
}

/// One device.
#[derive(Debug)]
pub(super) struct Device {
    profile: Profile,
    hostid: HostId,
    trusted: Trusted,
    relay: Relay,
    rng: StdRng,
    pace: Pace,
    counts: Arc<Counts>,
    updates: Source,
    /// Where its updates are kept.
    directory: PathBuf,
}

/// The hostids of every device that the firm could have, `VALUE/TYPE`. Whoever else asks the server is a visitor.
pub(super) fn hostids() -> HashSet<String> {
    let names = (0..MAX_DEVICES).map(|number| Profile::of(number).name);
    names.filter_map(|name| Some(HostId::new(HostIdType::String, &name).ok()?.to_string())).collect()
}

/// How the firm works.
#[derive(Clone, Debug)]
pub(super) struct Firm {
    /// Whom its programs believe.
    pub(super) trusted: Trusted,
    /// Where they get updates from.
    pub(super) updates: Source,
    /// Where each device has a directory for them.
    pub(super) devices: PathBuf,
    /// What decides what they do.
    pub(super) seed: u64,
    /// How fast.
    pub(super) pace: Pace,
    /// What everybody counts in.
    pub(super) counts: Arc<Counts>,
}

impl Device {
    /// The device of this number, over a connection of its own.
    pub(super) fn new(firm: &Firm, number: usize, server: Channel) -> Result<Self, Error> {
        let profile = Profile::of(number);
        let hostid = HostId::new(HostIdType::String, &profile.name);
        let hostid = hostid.map_err(|error| Error::Client(error.to_string()))?;
        let seed = firm.seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = StdRng::seed_from_u64(seed);
        let relay = Relay::new(server, hostid.to_string(), rng.random(), Arc::clone(&firm.counts));
        let (trusted, pace, counts) = (firm.trusted.clone(), firm.pace, Arc::clone(&firm.counts));
        let (updates, directory) = (firm.updates.clone(), firm.devices.join(&profile.name));
        Ok(Self { profile, hostid, trusted, relay, rng, pace, counts, updates, directory })
    }

    /// Lives until the day is over, and gives what was sent and heard.
    pub(super) async fn run(mut self, over: CancellationToken) -> Result<Vec<History>, Error> {
        let (directory, counts) = (self.directory.clone(), Arc::clone(&self.counts));
        let mut definitions = Definitions::new(directory, self.updates.clone(), counts);
        self.live(&mut definitions, &over).await?;
        Ok(self.relay.close().await)
    }

    /// A program starts.
    async fn start(&self) -> Result<(Line, Client), Error> {
        let (line, channel) = self.relay.connect();
        let mut options = Options::new(self.trusted.server.clone());
        options.hostids = vec![self.hostid.clone()];
        options.alias = Some(self.profile.alias.clone());
        options.device_type = self.profile.device_type();
        options.vendor_root = Some(self.trusted.root);
        options.license_server_id = Some(self.trusted.license_server_id);
        let client = Client::over(channel, options).await;
        Ok((line, client.map_err(|error| Error::Client(error.to_string()))?))
    }
}
