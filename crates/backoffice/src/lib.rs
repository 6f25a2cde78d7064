//! The back office: the vendor's side, reference.
//!
//! Responsible for what the vendor sells to whom, for the licence servers and the keys that their ids belong to, and
//! for answering their requests with everything they may have. Not responsible for any back end, nor for the root
//! key, which only [`set_up`] and [`certify_online`] see. Reference: `docs/reference/backoffice.md`.

mod audit;
mod error;
mod grpc;
mod handle;
mod jobs;
mod judgement;
pub mod metrics;
mod ops;
mod request;
mod response;
mod set_up;
mod state;
mod vendor_keys;

use std::sync::Arc;

use leasehold_runtime::{Background, Clock, Services, SystemIds};
use leasehold_signing::ServiceKey;
use leasehold_store::BackOfficeStore;

pub use error::Error;
pub use set_up::{Setup, certify_online, set_up};
pub use state::BackOffice;
use state::State;

/// The service's name, which its key is derived for.
pub const SERVICE: &str = "backoffice";

/// The service's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where licence servers reach the back office, instead of what the vendor was set up with; may be empty.
    pub address: String,
    /// Largest message in bytes, either way.
    pub max_message_size: usize,
}

/// What the service works with.
pub struct Deps {
    /// Where everything is kept.
    pub store: Arc<dyn BackOfficeStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: SystemIds,
    /// What seals the vendor's online key and its identity for files.
    pub key: Arc<ServiceKey>,
}

/// Opens the vendor's keys, starts the background loops and makes the gRPC services. An error where no vendor is set
/// up, or its keys cannot be opened.
pub async fn build(
    deps: Deps,
    config: Config,
    background: &Background,
) -> Result<(BackOffice, Services), Error> {
    set_up::check_address(&config.address)?;
    let max_message_size = config.max_message_size;
    let state = Arc::new(State::new(deps, config));
    let vendor = state.vendor().await?;
    tracing::info!(vendor.id = vendor.row.id, online_key.not_after = %vendor.validity.not_after(), "the vendor's keys are open");
    jobs::spawn(&state, background);
    let back_office = BackOffice(state);
    let services = grpc::services(&back_office, max_message_size);
    Ok((back_office, services))
}
