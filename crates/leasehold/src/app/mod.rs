//! Starts and stops the server: the one place that chooses back ends.
//!
//! In order: bind every listener, answer the admin one, open the stores, build the services, serve, say that it is
//! ready; configuration and logs come before, they are the caller's. Stopping goes the other way. One wiring
//! function for each service stands in a file of its own.

pub mod backoffice;
mod error;
mod hostids;
mod licensing;
mod master_key;
mod observe;
mod postgres;
mod served;
mod store;
mod sync;
pub mod vendor_dir;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leasehold_licensing::Licensing;
use leasehold_runtime::peer::{self, Arrivals};
use leasehold_runtime::{Background, Caller, Clock, Config, Readiness, Services};
use leasehold_sync::Sync;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub use error::{StartError, StopError};
pub use master_key::MasterKeyError;
pub use observe::Observed;
use served::{Door, Served};
use store::OpenStore;
pub use store::{Created, StoreChoice, create_data_dir};

/// How long background tasks may take to end once no call is in flight any more.
const BACKGROUND_GRACE: Duration = Duration::from_secs(5);

/// Which services run in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Licensing.
    pub licensing: bool,
    /// Synchronisation with the vendor.
    pub sync: bool,
}

impl Chosen {
    /// Every service.
    pub const ALL: Self = Self { licensing: true, sync: true };
}

/// What a server is started with.
pub struct AppOptions {
    /// The configuration.
    pub config: Config,
    /// Which services run.
    pub services: Chosen,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether `clock` decides although the store is a server's and has a clock of its own: for tests.
    pub clock_decides: bool,
    /// Where state is kept.
    pub store: StoreChoice,
    /// Whether that state comes from a backup, so that somebody has to confirm it.
    pub restored: bool,
    /// Where to serve licensing instead of `licensing.listen`; port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// Where to serve synchronisation instead of `sync.listen`; port 0 takes any free one.
    pub sync_listen: Option<SocketAddr>,
    /// What the admin listener shows; without it there is none, whatever the configuration says.
    pub observed: Option<Observed>,
    /// Cancelling it stops the server in order.
    pub shutdown: CancellationToken,
}

impl AppOptions {
    /// A server with every service, on the configuration's database or data directory, and on its addresses.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let store = StoreChoice::of(&config);
        let shutdown = CancellationToken::new();
        Self {
            config,
            services: Chosen::ALL,
            clock,
            clock_decides: false,
            store,
            restored: false,
            listen: None,
            sync_listen: None,
            observed: None,
            shutdown,
        }
    }

    /// A server for tests: state in memory, on any free ports of the loopback address, whatever the configuration
    /// says.
    pub fn in_memory(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { store: StoreChoice::Memory, ..Self::new(config, clock) }.on_free_ports()
    }

    /// The same on any free ports of the loopback address.
    #[must_use]
    pub fn on_free_ports(self) -> Self {
        let free = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { listen: free, sync_listen: free, ..self }
    }
}

/// A server that runs. Dropping it leaves it running until its token is cancelled.
pub struct Running {
    licensing: Option<(SocketAddr, Licensing)>,
    sync: Option<(SocketAddr, Sync)>,
    shutdown: CancellationToken,
    served: Served,
    background: Background,
    store: OpenStore,
}

/// Starts a server. When it returns, every service can be used; on an error nothing is left running.
pub async fn start(options: AppOptions) -> Result<Running, StartError> {
    let AppOptions { config, services, clock, .. } = &options;
    if options.store == StoreChoice::Postgres && services.licensing && config.redis.url.is_empty() {
        return Err(StartError::NoRedis);
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
    let mut served = Served::new(options.shutdown.clone());
    let built = async {
        let built = build(&options, &store, &background, &readiness).await?;
        doors.serve(&mut served, built, config.runtime.shutdown_grace, &readiness, &background).await
    };
    let (licensing, sync) = match built.await {
        Ok(built) => built,
        Err(error) => {
            // The error counts; tasks that do not end die with the process.
            options.shutdown.cancel();
            let _ = served.wait().await;
            let _ = background.stop(BACKGROUND_GRACE).await;
            store.close().await;
            return Err(error);
        }
    };
    observe::open(&readiness, &background).await;
    for (name, address, tls) in served.addresses() {
        tracing::info!(%address, tls, "{name} is ready");
    }
    Ok(Running { licensing, sync, shutdown: options.shutdown, served, background, store })
}

/// The listeners of the services that run here.
struct Doors {
    licensing: Option<Door>,
    sync: Option<Door>,
}

impl Doors {
    async fn open(options: &AppOptions) -> Result<Self, StartError> {
        let AppOptions { config, services, listen, sync_listen, .. } = options;
        let mut doors = Self { licensing: None, sync: None };
        if services.licensing {
            let address = listen.unwrap_or(config.licensing.listen);
            doors.licensing = Some(Door::open(config, address, "licensing.listen").await?);
        }
        if services.sync {
            let address = sync_listen.unwrap_or(config.sync.listen);
            doors.sync = Some(Door::open(config, address, "sync.listen").await?);
        }
        Ok(doors)
    }

    /// Serves what was built, each at its door; where, and the handles.
    async fn serve(
        self,
        served: &mut Served,
        built: Built,
        grace: Duration,
        readiness: &Readiness,
        background: &Background,
    ) -> Result<(At<Licensing>, At<Sync>), StartError> {
        let mut licensing = None;
        if let Some((door, (handle, services))) = self.licensing.zip(built.licensing) {
            let name = ("licensing", grace);
            licensing = Some((served.serve(door, services, name, readiness, background).await?, handle));
        }
        let mut sync = None;
        if let Some((door, (handle, services))) = self.sync.zip(built.sync) {
            let name = ("sync", grace);
            sync = Some((served.serve(door, services, name, readiness, background).await?, handle));
        }
        Ok((licensing, sync))
    }
}

/// Where a service is served, and its handle; `None` where it does not run here.
type At<T> = Option<(SocketAddr, T)>;

/// The services, and what is served of each.
#[derive(Default)]
struct Built {
    licensing: Option<(Licensing, (Services, Arrivals))>,
    sync: Option<(Sync, (Services, Arrivals))>,
}

async fn build(
    options: &AppOptions,
    store: &OpenStore,
    background: &Background,
    readiness: &Readiness,
) -> Result<Built, StartError> {
    let AppOptions { config, services, .. } = options;
    let (to_licensing, from_sync) = peer::in_process(Caller::service("sync"));
    let (to_sync, from_licensing) = peer::in_process(Caller::service("licensing"));
    let mut built = Built::default();
    if let Some(kept) = store.licensing() {
        observe::needs_store(readiness, store.name(), Arc::clone(&kept));
        let sync = way(services.sync, to_sync, config.services.sync.as_deref(), "services.sync", config)?;
        let (licensing, served) =
            licensing::wire(options, (kept, store.master_key()), sync, background, readiness).await?;
        built.licensing = Some((licensing, (served, from_sync)));
    }
    if let Some(kept) = store.sync() {
        let licensing = config.services.licensing.as_deref();
        let licensing = way(services.licensing, to_licensing, licensing, "services.licensing", config)?;
        let (sync, served) =
            sync::wire(options, (kept, store.master_key()), licensing, background, readiness).await?;
        built.sync = Some((sync, (served, from_licensing)));
    }
    Ok(built)
}

/// The way to a service: within the process where it runs here, else where the configuration says.
fn way(
    is_here: bool,
    inside: Channel,
    address: Option<&str>,
    setting: &'static str,
    config: &Config,
) -> Result<Channel, StartError> {
    match address {
        _ if is_here => Ok(inside),
        Some(address) => Ok(peer::remote(address, setting, &config.tls, &config.services)?),
        None => Err(StartError::NoPeer { setting }),
    }
}

impl Running {
    /// Where licensing is served, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If it was not among the services.
    pub fn licensing_addr(&self) -> SocketAddr {
        self.licensing.as_ref().expect("licensing was started").0
    }

    /// Where synchronisation is served, with the port that was chosen.
    ///
    /// # Panics
    ///
    /// If it was not among the services.
    pub fn sync_addr(&self) -> SocketAddr {
        self.sync.as_ref().expect("sync was started").0
    }

    /// Stops it in order: no new calls, those in flight are answered, background tasks end, stores close.
    pub async fn stop(self) -> Result<(), StopError> {
        self.shutdown.cancel();
        self.wait().await
    }

    /// Waits until its token is cancelled or something breaks, then stops it in order.
    pub async fn wait(self) -> Result<(), StopError> {
        let Self { licensing, sync, served, background, store, .. } = self;
        let served = served.wait().await;
        let background = background.stop(BACKGROUND_GRACE).await;
        drop((licensing, sync));
        store.close().await;
        served?;
        background?;
        tracing::info!("stopped");
        Ok(())
    }
}
