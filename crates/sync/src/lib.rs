//! The synchronisation service: who an instance is to its vendor, its keys, and its exchanges with the vendor.
//!
//! Responsible for making requests, for judging responses, for handing bundles to licensing, and for certifying the
//! answer keys of other services. An instance's private keys never leave it. Not responsible for what a bundle means
//! (that is licensing's) nor for how the vendor is reached (that is the wiring's, behind [`VendorDoor`]).
//! Reference: `docs/reference/sync.md`.

mod convert;
mod door;
mod error;
mod exchange;
mod grpc;
mod instances;
mod jobs;
mod keys;
mod licensing;
pub mod metrics;
mod ops;
mod peer_status;
mod schedule;
mod state;
mod vendor;

use std::sync::Arc;

use jiff::SignedDuration;
use leasehold_domain::HostId;
use leasehold_runtime::{Background, Clock, Services, SystemIds};
use leasehold_signing::ServiceKey;
use leasehold_store::SyncStore;
use tonic::transport::Channel;

pub use door::{DoorError, OpenDoor, VendorDoor};
pub use error::{Error, Failed};
use state::State;
pub use state::Sync;

/// The service's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often it synchronises by itself.
    pub interval: Interval,
    /// What the vendor is told of the server's version.
    pub software_version: String,
    /// What the vendor is told of the machine.
    pub hostids: Vec<HostId>,
    /// Largest message in bytes; files may be larger.
    pub max_message_size: usize,
}

/// How often an instance synchronises by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Never.
    Off,
    /// Each time when so much has passed, give or take a tenth.
    Every(SignedDuration),
}

/// What the service works with.
pub struct Deps {
    /// Where identities and exchanges are kept.
    pub store: Arc<dyn SyncStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: SystemIds,
    /// What private keys at rest are sealed with.
    pub key: Arc<ServiceKey>,
    /// The way to licensing.
    pub licensing: Channel,
    /// The way to vendors.
    pub vendor: Arc<dyn VendorDoor>,
}

/// Checks that every key can be opened, starts the background loop and makes the gRPC services.
pub async fn build(deps: Deps, config: Config, background: &Background) -> Result<(Sync, Services), Error> {
    let max_message_size = config.max_message_size;
    let state = Arc::new(State::new(deps, config, background));
    if !state.store.is_shared() {
        // Of a process that is gone: nobody else uses the store.
        state.store.forget_claims().await?;
    }
    keys::check_all(&state).await?;
    jobs::spawn(&state, background);
    let services = grpc::services(&state, max_message_size);
    Ok((Sync::of(state), services))
}
