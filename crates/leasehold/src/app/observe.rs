//! How a server is watched: the admin listener, and what it depends on.

use std::sync::Arc;
use std::time::Duration;

use leasehold_domain::InstanceId;
use leasehold_leases::{LeaseError, Leases};
use leasehold_runtime::admin::{Admin, Pages};
use leasehold_runtime::readiness::Need;
use leasehold_runtime::telemetry::Levels;
use leasehold_runtime::{Background, Clock, Config, Metrics, Readiness};
use leasehold_store::{GatewayStore, LicensingStore, StoreError, SyncStore, UpdateStore};
use tokio::time::timeout;

use super::StartError;

/// How long a dependency has to answer.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long a start waits for what it depends on, which answered a moment ago.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// What the admin listener shows besides readiness.
pub struct Observed {
    /// The metrics of this process.
    pub metrics: Metrics,
    /// Its log levels.
    pub levels: Option<Levels>,
}

/// Starts the admin listener where there is something to show and the configuration says where. Nothing is
/// ready yet.
pub(super) async fn observe(
    observed: Option<&Observed>,
    config: &Config,
    clock: &Arc<dyn Clock>,
    background: &Background,
) -> Result<Readiness, StartError> {
    let readiness = Readiness::new(Arc::clone(clock), background.draining());
    let Some(Observed { metrics, levels }) = observed else { return Ok(readiness) };
    if let Some(address) = config.admin.listen {
        let admin = Admin::bind(address).await?;
        tracing::info!(address = %admin.address(), "the admin listener answers");
        let pages = Pages { readiness: readiness.clone(), metrics: metrics.clone(), levels: levels.clone() };
        background.spawn("admin", admin.run(pages, background.stopping()));
    }
    background.spawn("metrics", metrics.clone().upkeep(background.stopping()));
    Ok(readiness)
}

/// Nothing goes without the store.
pub(super) fn needs_store(readiness: &Readiness, name: &'static str, store: Arc<dyn LicensingStore>) {
    readiness.add(name, Need::Required, DEADLINE, move || {
        let store = Arc::clone(&store);
        async move { store.instances().await.map(drop).map_err(|error| because(&error)) }
    });
}

/// Nothing is synchronised without its store.
pub(super) fn needs_sync_store(readiness: &Readiness, store: Arc<dyn SyncStore>) {
    readiness.add("sync_store", Need::Required, DEADLINE, move || {
        let store = Arc::clone(&store);
        async move { store.ping().await.map_err(|error| because(&error)) }
    });
}

/// Nobody can sign in without the gateway's store.
pub(super) fn needs_gateway_store(readiness: &Readiness, store: Arc<dyn GatewayStore>) {
    readiness.add("gateway_store", Need::Required, DEADLINE, move || {
        let store = Arc::clone(&store);
        async move { store.ping().await.map_err(|error| because(&error)) }
    });
}

/// Nothing is assigned without the store of updates.
pub(super) fn needs_updates_store(readiness: &Readiness, store: Arc<dyn UpdateStore>) {
    readiness.add("updates_store", Need::Required, DEADLINE, move || {
        let store = Arc::clone(&store);
        async move { store.ping().await.map_err(|error| because(&error)) }
    });
}

/// Grants outlive the leases' absence, so that the server is ready without them. `address` is where they are.
pub(super) fn wants_leases(
    readiness: &Readiness,
    (name, address): (&'static str, String),
    leases: Arc<dyn Leases>,
    instance: InstanceId,
) {
    readiness.add(name, Need::DegradedOk, DEADLINE, move || {
        let (leases, address) = (Arc::clone(&leases), address.clone());
        async move { leases.look(instance).await.map(drop).map_err(|error| cause(&error, &address)) }
    });
}

/// Says that the services are served, watches what they depend on, and waits until health says so too.
pub(super) async fn open(readiness: &Readiness, background: &Background) {
    background.spawn("readiness", readiness.clone().watch(background.stopping()));
    readiness.open();
    if timeout(READY_WITHIN, readiness.until_ready()).await.is_err() {
        tracing::warn!("something that is needed went away while the server started; it waits for it");
    }
}

fn because(error: &StoreError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error} ({cause})"),
        None => error.to_string(),
    }
}

fn cause(error: &LeaseError, address: &str) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{address}: {cause}"),
        None => format!("{address}: {error}"),
    }
}
