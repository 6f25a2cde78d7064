//! Starts and stops the server: the one place that chooses back ends.
//!
//! In order: bind every listener, open the stores, build the services, put a development estate in force,
//! serve, say that it is ready; configuration and logs come before, they are the caller's. Stopping goes the
//! other way. One wiring function for each service stands in a file of its own.

mod error;
mod licensing;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leasehold_licensing::Licensing;
use leasehold_runtime::server::{self, Drained, Health, Server};
use leasehold_runtime::{Background, Clock, Config, Services};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::estate_file::EstateFile;
pub use error::{StartError, StopError};
use store::OpenStore;
pub use store::{Created, StoreChoice, create_data_dir};

/// How long background tasks may take to end once no call is in flight any more.
const BACKGROUND_GRACE: Duration = Duration::from_secs(5);

/// What a server is started with.
pub struct AppOptions {
    /// The configuration.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where licence state is kept.
    pub store: StoreChoice,
    /// Where to serve licensing instead of `licensing.listen`; port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// Rights to put in force before serving.
    pub development_estate: Option<EstateFile>,
    /// Cancelling it stops the server in order.
    pub shutdown: CancellationToken,
}

impl AppOptions {
    /// A server on the configuration's data directory and address.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let store = StoreChoice::DataDir(config.runtime.data_dir.clone());
        let shutdown = CancellationToken::new();
        Self { config, clock, store, listen: None, development_estate: None, shutdown }
    }

    /// A server for tests: state in memory, on any free port of the loopback address, whatever the
    /// configuration says.
    pub fn in_memory(config: Config, clock: Arc<dyn Clock>) -> Self {
        let listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { store: StoreChoice::Memory, listen, ..Self::new(config, clock) }
    }
}

/// A server that runs. Dropping it leaves it running until its token is cancelled.
pub struct Running {
    licensing_addr: SocketAddr,
    licensing: Licensing,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<Drained, server::Error>>,
    background: Background,
    store: OpenStore,
}

/// Starts a server. When it returns, every service can be used; on an error nothing is left running.
pub async fn start(options: AppOptions) -> Result<Running, StartError> {
    let AppOptions { config, clock, store, listen, development_estate, shutdown } = options;
    let address = listen.unwrap_or(config.licensing.listen);
    let listener = server::bind(address, "licensing.listen").await?;
    let licensing_addr = listener.local_addr().map_err(StartError::Address)?;
    let store = OpenStore::open(&store, &clock).await?;

    let background = Background::new(shutdown.clone());
    let built = build(&config, &clock, &store, development_estate, &background).await;
    let (licensing, server) = match built {
        Ok(built) => built,
        Err(error) => {
            // The error counts; tasks that do not end die with the process.
            let _ = background.stop(BACKGROUND_GRACE).await;
            store.close().await;
            return Err(error);
        }
    };
    let health = server.health();
    let serving = tokio::spawn(server.run(listener, shutdown.clone()));
    ready(&health, licensing_addr).await;
    Ok(Running { licensing_addr, licensing, shutdown, serving, background, store })
}

async fn build(
    config: &Config,
    clock: &Arc<dyn Clock>,
    store: &OpenStore,
    estate: Option<EstateFile>,
    background: &Background,
) -> Result<(Licensing, Server), StartError> {
    let (licensing, services): (Licensing, Services) =
        licensing::wire(config, clock, store.licensing(), background).await?;
    if let Some(estate) = estate {
        put_in_force(&licensing, estate).await?;
    }
    let options = server::Options { grace: config.runtime.shutdown_grace, ..server::Options::default() };
    Ok((licensing, Server::new(services, options).await?))
}

async fn put_in_force(licensing: &Licensing, estate: EstateFile) -> Result<(), StartError> {
    let (name, items) = (estate.name, estate.rights.items.len());
    let changes = licensing.replace_rights("", estate.rights).await.map_err(StartError::Estate)?;
    for change in &changes {
        tracing::info!(change, "development estate");
    }
    tracing::warn!(
        estate.name = name,
        estate.line_items = items,
        changes = changes.len(),
        "rights come from a development estate file; do not use this in production"
    );
    Ok(())
}

async fn ready(health: &Health, address: SocketAddr) {
    health.serving().await;
    tracing::info!(address = %address, "licensing is ready");
}

impl Running {
    /// Where licensing is served, with the port that was chosen.
    pub fn licensing_addr(&self) -> SocketAddr {
        self.licensing_addr
    }

    /// The licensing service, to put rights in force in tests.
    pub fn licensing(&self) -> &Licensing {
        &self.licensing
    }

    /// Stops it in order: no new calls, those in flight are answered, background tasks end, stores close.
    pub async fn stop(self) -> Result<(), StopError> {
        self.shutdown.cancel();
        self.wait().await
    }

    /// Waits until its token is cancelled or something breaks, then stops it in order.
    pub async fn wait(self) -> Result<(), StopError> {
        let served = self.serving.await;
        let background = self.background.stop(BACKGROUND_GRACE).await;
        drop(self.licensing);
        self.store.close().await;
        match served {
            Ok(Ok(Drained::Complete)) => {}
            Ok(Ok(Drained::CutOff)) => {
                tracing::warn!("calls in flight were cut off at the end of the grace period");
            }
            Ok(Err(error)) => return Err(error.into()),
            Err(error) => return Err(StopError::Panicked(error)),
        }
        background?;
        tracing::info!("stopped");
        Ok(())
    }
}
