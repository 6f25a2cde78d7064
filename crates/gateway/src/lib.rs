//! The gateway: the only door for people, with an HTTP API and a console.
//!
//! Responsible for who an administrator is, for sessions and tokens, and for saying what services say in the words of
//! HTTP. It holds no rule and no licence state: every page and every endpoint is a call to a service, and what somebody
//! may do the services decide. Reference: `docs/reference/gateway.md`.

#![expect(clippy::struct_field_names, reason = "fields have the names that documents show")]
#![expect(clippy::format_push_string, reason = "small parts of pages, where a failure to write cannot be")]

mod access;
mod api;
mod console;
mod cookies;
mod error;
mod extract;
mod feed;
mod guard;
mod headers;
mod health;
mod jobs;
mod metrics;
mod model;
mod origin;
mod secret;
mod services;
mod state;
mod throttle;
mod who;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_runtime::config::Network;
use leasehold_runtime::{Background, Clock, SystemIds};
use leasehold_store::GatewayStore;
use tonic::transport::Channel;

pub use access::users::{NewUser, UserError, create_user};
pub use error::Error;
use state::State;

/// The routes that may take longer than others, and how long: they wait for a vendor.
pub const SLOW_ROUTES: &[&str] = &[
    "/api/v1/instances/{instance}/sync/run",
    "/api/v1/instances/{instance}/sync/test-connection",
    "/api/v1/instances/{instance}/sync/import",
    "/api/v1/updates/upstream/refresh",
    "/api/v1/updates/upstream/test-connection",
];
/// How long those may take.
pub const SLOW_DEADLINE: Duration = Duration::from_mins(2);

/// The gateway's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a session outlives its last use.
    pub session_idle: SignedDuration,
    /// How long a session lasts.
    pub session_lifetime: SignedDuration,
    /// How long audit records are kept.
    pub audit_retention: SignedDuration,
    /// Whose word counts about who asks, and over what.
    pub trusted_proxies: Vec<Network>,
    /// How long a service may take to answer.
    pub service_deadline: Duration,
    /// What is said of the server's version.
    pub version: String,
    /// The services that run in this process, by name: they are of the same version.
    pub beside: Vec<&'static str>,
}

/// What the gateway works with.
pub struct Deps {
    /// Where administrators are kept.
    pub store: Arc<dyn GatewayStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: SystemIds,
    /// The way to licensing.
    pub licensing: Channel,
    /// The way to synchronisation.
    pub sync: Channel,
    /// The way to updates, where they are served.
    pub updates: Option<Channel>,
    /// Whom a code for the first administrator is told: a terminal, besides the log.
    pub announce: Arc<dyn Fn(&FirstCode) + Send + Sync>,
}

/// A code by which the first administrator is made, for whoever sees the process.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstCode {
    /// The code as it is typed: four groups of four letters and digits.
    pub code: String,
    /// When it ends.
    pub expires_at: jiff::Timestamp,
}

impl std::fmt::Debug for FirstCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FirstCode").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// The gateway that runs.
#[derive(Clone)]
pub struct Gateway {
    state: Arc<State>,
}

impl Gateway {
    /// Whether nobody can sign in yet: the first administrator has to be made.
    pub async fn wants_first_administrator(&self) -> Result<bool, Error> {
        Ok(!self.state.store.has_administrators().await?)
    }
}

/// Makes the router, and starts what goes on in the background. The code for the first administrator is announced where
/// there is none.
pub async fn build(
    deps: Deps,
    config: Config,
    background: &Background,
) -> Result<(Gateway, axum::Router), Error> {
    let state = Arc::new(State::new(deps, config, background));
    access::first::announce(&state).await?;
    jobs::spawn(&state, background);
    let router = api::router(&state).merge(console::router(&state));
    let router = headers::around(router.with_state(Arc::clone(&state)));
    Ok((Gateway { state }, router))
}
