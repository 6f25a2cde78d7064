//! Starts and stops the server: the one place that chooses back ends.
//!
//! In order: bind every listener, answer the admin one, open the stores, build the services, put a development estate in force,
//! serve, say that it is ready; configuration and logs come before, they are the caller's. Stopping goes the
//! other way. One wiring function for each service stands in a file of its own.

mod error;
mod licensing;
mod observe;
mod postgres;
mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leasehold_licensing::Licensing;
use leasehold_runtime::server::{self, Drained, Server};
use leasehold_runtime::tls::Transport;
use leasehold_runtime::{Background, Clock, Config, Readiness, Services};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::estate_file::EstateFile;
pub use error::{StartError, StopError};
pub use observe::Observed;
use store::OpenStore;
pub use store::{Created, StoreChoice, create_data_dir};

/// How long background tasks may take to end once no call is in flight any more.
const BACKGROUND_GRACE: Duration = Duration::from_secs(5);

/// The key of the address to serve licensing on.
const LISTEN: &str = "licensing.listen";

/// What a server is started with.
pub struct AppOptions {
    /// The configuration.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether `clock` decides although the store is a server's and has a clock of its own: for tests.
    pub clock_decides: bool,
    /// Where licence state is kept.
    pub store: StoreChoice,
    /// Whether that state comes from a backup, so that somebody has to confirm it.
    pub restored: bool,
    /// Where to serve licensing instead of `licensing.listen`; port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// Rights to put in force before serving.
    pub development_estate: Option<EstateFile>,
    /// What the admin listener shows; without it there is none, whatever the configuration says.
    pub observed: Option<Observed>,
    /// Cancelling it stops the server in order.
    pub shutdown: CancellationToken,
}

impl AppOptions {
    /// A server on the configuration's database or data directory, and on its address.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let store = StoreChoice::of(&config);
        let shutdown = CancellationToken::new();
        Self {
            config,
            clock,
            clock_decides: false,
            store,
            restored: false,
            listen: None,
            development_estate: None,
            observed: None,
            shutdown,
        }
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
    let AppOptions { config, clock, clock_decides, store, restored, .. } = options;
    let AppOptions { listen, development_estate, observed, shutdown, .. } = options;
    if store == StoreChoice::Postgres && config.redis.url.is_empty() {
        return Err(StartError::NoRedis);
    }
    let address = listen.unwrap_or(config.licensing.listen);
    let transport = Transport::open(&config.tls, &config.security, address, LISTEN)?;
    let listener = server::bind(address, LISTEN).await?;
    let licensing_addr = listener.local_addr().map_err(StartError::Address)?;
    let background = Background::new(shutdown.clone());
    let readiness = observe::observe(observed, &config, &clock, &background).await?;
    let store = match OpenStore::open(&store, &config, &clock).await {
        Ok(store) => store,
        Err(error) => {
            // As below.
            let _ = background.stop(BACKGROUND_GRACE).await;
            return Err(error);
        }
    };
    let clocks = (&clock, clock_decides);
    let kept = (&store, restored);
    let built = build(&config, clocks, kept, development_estate, &background, &readiness).await;
    let (licensing, server) = match built {
        Ok(built) => built,
        Err(error) => {
            // The error counts; tasks that do not end die with the process.
            let _ = background.stop(BACKGROUND_GRACE).await;
            store.close().await;
            return Err(error);
        }
    };
    background.spawn("readiness", readiness.clone().watch(server.health(), background.stopping()));
    transport.keep_fresh(&background);
    let tls = transport.is_tls();
    let serving = tokio::spawn(server.run(listener, transport, shutdown.clone()));
    observe::open(&readiness).await;
    tracing::info!(address = %licensing_addr, tls, "licensing is ready");
    Ok(Running { licensing_addr, licensing, shutdown, serving, background, store })
}

async fn build(
    config: &Config,
    (clock, clock_decides): (&Arc<dyn Clock>, bool),
    (store, restored): (&OpenStore, bool),
    estate: Option<EstateFile>,
    background: &Background,
    readiness: &Readiness,
) -> Result<(Licensing, Server), StartError> {
    observe::needs_store(readiness, store.name(), store.licensing());
    let (licensing, services): (Licensing, Services) =
        licensing::wire(config, (clock, clock_decides), (store.licensing(), restored), background, readiness)
            .await?;
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
