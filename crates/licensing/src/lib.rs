//! The licensing service: line items, cells, reservations, devices, grants and their leases.
//!
//! Responsible for loading what a request needs, asking `domain`, saving the outcome and telling those
//! concerned. Not responsible for any rule (those are in `domain`) nor for the choice of back ends
//! (that is the wiring's). Reference: `docs/reference/licensing.md`.

mod allocator;
mod answer_keys;
mod deciding_clock;
mod error;
mod grpc;
mod handle;
mod hearing;
mod jobs;
pub mod metrics;
mod notices;
mod ops;
mod pin;
mod revocations;
mod state;
mod tallies;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::SignedDuration;
use leasehold_domain::Policies;
use leasehold_leases::Leases;
use leasehold_runtime::{Background, Clock, Services, SystemIds};
use leasehold_signing::ServiceKey;
use leasehold_store::LicensingStore;

pub use answer_keys::{Certifier, CertifyError, SERVICE, SyncCertifier};
pub use error::Error;
pub use state::Licensing;
use state::State;

/// The service's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The settings of every instance.
    pub policies: Policies,
    /// Requests that may wait for their batch, for each instance.
    pub queue_capacity: usize,
    /// Requests decided in one transaction at most.
    pub max_batch: usize,
    /// Largest message in bytes, either way.
    pub max_message_size: usize,
    /// How long a request id gives the same answer.
    pub request_id_retention: SignedDuration,
    /// How long activity is kept.
    pub activity_retention: SignedDuration,
    /// How long it is remembered who held what, for those who may go on for a while after their licence has ended; zero:
    /// not at all.
    pub remember_holders: SignedDuration,
    /// Where clients can reach the service, best first.
    pub addresses: Vec<String>,
    /// Whether what is kept comes from a backup: every instance is marked as restored then.
    pub restored: bool,
}

/// What the service works with.
pub struct Deps {
    /// Where licence state is kept.
    pub store: Arc<dyn LicensingStore>,
    /// Who was heard lately.
    pub leases: Arc<dyn Leases>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether `clock` decides although the store is shared and has a clock of its own: for tests.
    pub clock_decides: bool,
    /// Fresh ids and secrets.
    pub ids: SystemIds,
    /// What private keys at rest are sealed with: the key of the service `licensing`.
    pub signing_key: Arc<ServiceKey>,
    /// Who certifies answer keys.
    pub certifier: Arc<dyn Certifier>,
}

/// Reads the instances and opens their keys, starts the background loops and makes the gRPC services.
pub async fn build(
    deps: Deps,
    config: Config,
    background: &Background,
) -> Result<(Licensing, Services), Error> {
    let (max_message_size, restored) = (config.max_message_size, config.restored);
    let state = Arc::new(State::new(deps, config, background).await?);
    if restored {
        ops::restored::mark_all(&state).await?;
    }
    ops::restored::warn_of_marked(&state).await?;
    for instance in state.instances() {
        // A wrong master key is told at the start and not at the first answer.
        answer_keys::reload(&state, instance.id).await?;
        notices::refresh(&state, instance.id).await?;
    }
    jobs::spawn(&state, background)?;
    let services = grpc::services(&state, max_message_size);
    Ok((Licensing(state), services))
}
