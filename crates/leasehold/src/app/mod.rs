//! Starts and stops the server: the one place that chooses back ends.
//!
//! In order: bind every listener, answer the admin one, open the stores, build the services, serve, say that it is
//! ready; configuration and logs come before, they are the caller's. Stopping goes the other way. One wiring
//! function for each service stands in a file of its own.

pub mod backoffice;
mod build;
mod doors;
mod error;
mod gateway;
mod hostids;
mod inside;
mod licensing;
mod master_key;
pub mod migrate;
mod observe;
mod options;
mod postgres;
mod served;
mod store;
mod sync;
mod updates;
pub mod vendor_dir;

use std::net::SocketAddr;
use std::time::Duration;

use build::{Handles, Site};
use doors::Doors;
use leasehold_runtime::Background;
use leasehold_store_sqlite::DataDir;
use tokio_util::sync::CancellationToken;

pub use error::{StartError, StopError};
pub use leasehold_gateway::FirstCode;
pub(crate) use licensing::settings as redis_settings;
pub use master_key::MasterKeyError;
pub use observe::Observed;
pub use options::{AppOptions, Chosen, Listen};
pub(crate) use postgres::settings as postgres_settings;
use served::Served;
use store::OpenStore;
pub(crate) use store::existing_master_key;
pub use store::{Created, StoreChoice, create_data_dir};

/// How long background tasks may take to end once no call is in flight any more.
const BACKGROUND_GRACE: Duration = Duration::from_secs(5);

/// A server that runs. Dropping it leaves it running until its token is cancelled.
pub struct Running {
    handles: Handles,
    shutdown: CancellationToken,
    served: Served,
    background: Background,
    store: OpenStore,
}

/// Starts a server. When it returns, every service can be used; on an error nothing is left running.
pub async fn start(mut options: AppOptions) -> Result<Running, StartError> {
    let AppOptions { config, services, clock, .. } = &options;
    if options.store == StoreChoice::Postgres && services.licensing && config.redis.url.is_empty() {
        return Err(StartError::NoRedis);
    }
    if let StoreChoice::DataDir(path) = &options.store {
        // Before anything else is said to be in the way.
        DataDir::check(path)?;
    }
    let doors = Doors::open(&options).await?;
    let background = Background::new(options.shutdown.clone());
    let readiness = observe::observe(options.observed.as_ref(), config, clock, &background).await?;
    let store = match OpenStore::open(&options.store, *services, config, clock).await {
        Ok(store) => store,
        Err(error) => {
            // As below.
            let _ = background.stop(BACKGROUND_GRACE).await;
            return Err(error);
        }
    };
    options.restored |= store.is_restored();
    let mut served = Served::new(options.shutdown.clone());
    let site = Site { options: &options, store: &store, background: &background, readiness: &readiness };
    let handles = match Box::pin(site.build(doors, &mut served)).await {
        Ok(handles) => handles,
        Err(error) => {
            // The error counts; tasks that do not end die with the process.
            options.shutdown.cancel();
            let _ = served.wait().await;
            let _ = background.stop(BACKGROUND_GRACE).await;
            store.close().await;
            return Err(error);
        }
    };
    // From here on every instance is marked itself.
    store.forget_restored();
    observe::open(&readiness, &background).await;
    for (name, address, tls) in served.addresses() {
        tracing::info!(%address, tls, "{name} is ready");
    }
    Ok(Running { handles, shutdown: options.shutdown, served, background, store })
}

impl Running {
    /// Where licensing is served, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If it was not among the services.
    pub fn licensing_addr(&self) -> SocketAddr {
        self.addr("licensing")
    }

    /// Where synchronisation is served, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If it was not among the services.
    pub fn sync_addr(&self) -> SocketAddr {
        self.addr("sync")
    }

    /// Where updates are served over gRPC, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If they were not among the services.
    pub fn updates_addr(&self) -> SocketAddr {
        self.addr("updates")
    }

    /// Where the mirror and its files are served over HTTP, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If updates were not among the services.
    pub fn updates_http_addr(&self) -> SocketAddr {
        self.addr("updates_http")
    }

    /// Where the HTTP API and the console are served, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If the gateway was not among the services.
    pub fn gateway_addr(&self) -> SocketAddr {
        self.addr("gateway")
    }

    fn addr(&self, service: &str) -> SocketAddr {
        let mut served = self.served.addresses();
        served.find(|(name, ..)| *name == service).expect("the caller had the service started").1
    }

    /// Stops it in order: no new calls, those in flight are answered, background tasks end, stores close.
    pub async fn stop(self) -> Result<(), StopError> {
        self.shutdown.cancel();
        self.wait().await
    }

    /// Waits until its token is cancelled or something breaks, then stops it in order.
    pub async fn wait(self) -> Result<(), StopError> {
        let Self { handles, served, background, store, .. } = self;
        let served = served.wait().await;
        let background = background.stop(BACKGROUND_GRACE).await;
        drop(handles);
        store.close().await;
        served?;
        background?;
        tracing::info!("stopped");
        Ok(())
    }
}
