//! The service for updates: it mirrors the vendor's repository, says which client is to have what, and hands the files out.
//!
//! Responsible for the mirror and its schedule, for the releases that are known, for check-ins and what clients report, and
//! for files over gRPC and HTTP. Not responsible for what is genuine (`artifacts` verifies, and each client again), for
//! which release a client is to have (that is a rule of `domain`), nor for who holds a licence (licensing says it).
//! Reference: `docs/reference/updates.md`.

mod answer_keys;
mod convert;
mod error;
mod grpc;
mod jobs;
mod licensing;
pub mod metrics;
mod mirror;
mod ops;
mod page;
mod peer_status;
mod schedule;
mod site;
mod state;
mod ticket;
mod upstream;
mod vendor;
mod web;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use leasehold_answer_keys::Certifier;
use leasehold_runtime::http::axum::Router;
use leasehold_runtime::peer::Outward;
use leasehold_runtime::{Background, Clock, Services};
use leasehold_signing::ServiceKey;
use leasehold_store::UpdateStore;
use tonic::transport::Channel;

pub use answer_keys::SERVICE;
pub use error::Error;
pub use schedule::Interval;
use state::State;
pub use state::Updates;

/// The service's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the mirrors and the files are kept; it is made where it is missing.
    pub directory: PathBuf,
    /// How often the vendor's repository is asked without being told to.
    pub interval: Interval,
    /// Where the repository is; `None`: where the vendor says.
    pub upstream: Option<String>,
    /// The repository's root, a file; `None`: what the vendor says.
    pub upstream_root: Option<PathBuf>,
    /// How long after the end of its licence a client still gets updates.
    pub after_end: SignedDuration,
    /// How often clients are to check in by themselves.
    pub check_in_interval: SignedDuration,
    /// Downloads at a time over gRPC.
    pub max_downloads: usize,
    /// How often every file that is kept is compared with its hash.
    pub scrub_interval: SignedDuration,
    /// How long events are kept.
    pub event_retention: SignedDuration,
    /// Largest message in bytes that a caller may send.
    pub max_message_size: usize,
}

/// What the service works with.
pub struct Deps {
    /// Where releases, clients and events are kept.
    pub store: Arc<dyn UpdateStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What private keys at rest are sealed with: the key of the service `updates`.
    pub key: Arc<ServiceKey>,
    /// The way to licensing.
    pub licensing: Channel,
    /// The way to synchronisation.
    pub sync: Channel,
    /// Who certifies answer keys.
    pub certifier: Arc<dyn Certifier>,
    /// The way to the vendor's repository.
    pub way: Outward,
}

/// What is served.
pub struct Served {
    /// Over gRPC.
    pub services: Services,
    /// Over HTTP.
    pub web: Router,
}

/// Opens what was mirrored before, starts the background loops and makes what is served.
pub async fn build(deps: Deps, config: Config, background: &Background) -> Result<(Updates, Served), Error> {
    let max_message_size = config.max_message_size;
    let state = Arc::new(State::open(deps, config, background).await?);
    jobs::spawn(&state, background);
    let served = Served { services: grpc::services(&state, max_message_size), web: web::router(&state) };
    Ok((Updates::of(state), served))
}
