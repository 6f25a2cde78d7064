//! Starts and stops a vendor's back office: in a directory, or in a database.

mod answer;
mod error;
mod repository;
mod set_up;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use leasehold_backoffice::{BackOffice, Config as ServiceConfig, Deps, SERVICE, build};
use leasehold_runtime::peer::Arrivals;
use leasehold_runtime::readiness::Need;
use leasehold_runtime::{Background, Clock, Config, Readiness, Services, SystemIds};
use leasehold_signing::{MasterKey, ServiceKey};
use leasehold_store::BackOfficeStore;
use leasehold_store_sql::{OpenError, Place, SqlBackOfficeStore};
use tokio_util::sync::CancellationToken;

use super::served::{Door, Served};
use super::store::sql_place;
use super::vendor_dir::VendorDir;
use super::{
    BACKGROUND_GRACE, MasterKeyError, Observed, StartError, StopError, master_key, migrate, observe, postgres,
};
pub use error::VendorError;
use error::cause;
pub use repository::updates_dir;
pub use set_up::{create_vendor, renew_online_key};

/// How long the store has to answer.
const DEADLINE: Duration = Duration::from_secs(2);

/// Where a vendor keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VendorPlace {
    /// In a directory, which one process locks.
    Dir(PathBuf),
    /// In the database of the configuration's `[postgres]`.
    Postgres,
}

/// What a back office is started with.
pub struct VendorOptions {
    /// The configuration: addresses, TLS, the database.
    pub config: Config,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the data is.
    pub place: VendorPlace,
    /// Where licence servers reach it, whatever the vendor was set up with; empty: as that was.
    pub address: String,
    /// What the admin listener shows; without it there is none, whatever the configuration says.
    pub observed: Option<Observed>,
    /// Cancelling it stops the server in order.
    pub shutdown: CancellationToken,
}

/// A back office that runs. Dropping it leaves it running until its token is cancelled.
pub struct RunningVendor {
    address: SocketAddr,
    back_office: BackOffice,
    shutdown: CancellationToken,
    served: Served,
    background: Background,
    opened: Opened,
}

/// A store, its key, and the lock on its directory where it has one.
struct Opened {
    store: SqlBackOfficeStore,
    key: Arc<ServiceKey>,
    directory: Option<VendorDir>,
}

/// Starts a back office. When it returns it can be used; on an error nothing is left running.
pub async fn start_vendor(options: VendorOptions) -> Result<RunningVendor, VendorError> {
    let VendorOptions { config, clock, place, address, observed, shutdown } = options;
    if let VendorPlace::Dir(path) = &place {
        // Before anything else is said to be in the way.
        VendorDir::check(path)?;
    }
    let door = Door::open(&config, config.backoffice.listen, "backoffice.listen").await?;
    let repository = match &place {
        VendorPlace::Dir(path) => repository::open_door(&config, path).await?.map(|door| (door, path)),
        VendorPlace::Postgres => None,
    };
    let background = Background::new(shutdown.clone());
    let readiness = observe::observe(observed.as_ref(), &config, &clock, &background).await?;
    let opened = match Opened::open(&config, &place).await {
        Ok(opened) => opened,
        Err(error) => {
            // The error counts; tasks that do not end die with the process.
            let _ = background.stop(BACKGROUND_GRACE).await;
            return Err(error);
        }
    };
    let started = async {
        needs_store(&readiness, opened.store.clone());
        let (back_office, services) =
            wire(&config, Arc::clone(&clock), address, &opened, &background).await?;
        // Nobody comes from within the process.
        let built = (services, Vec::new());
        let (mut served, address) = serve(&config, door, built, &shutdown, &readiness, &background).await?;
        if let Some((door, path)) = repository {
            repository::tell(&back_office, path).await;
            let grace = config.runtime.shutdown_grace;
            repository::serve(&mut served, door, (path, clock), grace, &background);
        }
        Ok((back_office, served, address))
    };
    let (back_office, served, address) = match started.await {
        Ok(started) => started,
        Err(error) => {
            let _ = background.stop(BACKGROUND_GRACE).await;
            opened.close().await;
            return Err(error);
        }
    };
    observe::open(&readiness, &background).await;
    for (name, address, tls) in served.addresses() {
        tracing::info!(%address, tls, "{name} is ready");
    }
    Ok(RunningVendor { address, back_office, shutdown, served, background, opened })
}

async fn wire(
    config: &Config,
    clock: Arc<dyn Clock>,
    address: String,
    opened: &Opened,
    background: &Background,
) -> Result<(BackOffice, Services), VendorError> {
    let service = ServiceConfig { address, max_message_size: config.licensing.max_message_size };
    let deps = Deps {
        store: Arc::new(opened.store.clone()),
        ids: SystemIds::new(Arc::clone(&clock)),
        clock,
        key: Arc::clone(&opened.key),
    };
    Ok(build(deps, service, background).await?)
}

async fn serve(
    config: &Config,
    door: Door,
    built: (Services, Vec<Arrivals>),
    shutdown: &CancellationToken,
    readiness: &Readiness,
    background: &Background,
) -> Result<(Served, SocketAddr), VendorError> {
    let mut served = Served::new(shutdown.clone());
    let named = ("backoffice", config.runtime.shutdown_grace);
    let address = served.serve(door, built, named, readiness, background).await.map_err(StartError::from)?;
    Ok((served, address))
}

/// Nothing goes without the store.
fn needs_store(readiness: &Readiness, store: SqlBackOfficeStore) {
    readiness.add("store", Need::Required, DEADLINE, move || {
        let store = store.clone();
        async move { store.ping().await.map_err(|error| format!("{error}{}", cause(&error))) }
    });
}

impl RunningVendor {
    /// Where it is served, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The back office, to call it in this process.
    pub fn back_office(&self) -> &BackOffice {
        &self.back_office
    }

    /// Stops it in order: no new calls, those in flight are answered, background tasks end, the store closes.
    pub async fn stop(self) -> Result<(), StopError> {
        self.shutdown.cancel();
        self.wait().await
    }

    /// Waits until its token is cancelled or something breaks, then stops it in order.
    pub async fn wait(self) -> Result<(), StopError> {
        let served = self.served.wait().await;
        let background = self.background.stop(BACKGROUND_GRACE).await;
        drop(self.back_office);
        self.opened.close().await;
        served?;
        background?;
        tracing::info!("stopped");
        Ok(())
    }
}

impl Opened {
    async fn open(config: &Config, place: &VendorPlace) -> Result<Self, VendorError> {
        let given = master_key::given(config)?;
        let directory = match place {
            VendorPlace::Dir(path) => Some(VendorDir::open(path)?),
            VendorPlace::Postgres => None,
        };
        let master: MasterKey = match (given, &directory) {
            (Some(given), _) => given,
            (None, Some(directory)) => directory.master_key()?,
            (None, None) => return Err(MasterKeyError::NotGiven.into()),
        };
        let key = Arc::new(master_key::of_service(&master, SERVICE));
        let store = open_store(config, directory.as_ref()).await?;
        Ok(Self { store, key, directory })
    }

    /// Closes the store, then lets go of the lock.
    async fn close(self) {
        self.store.close().await;
        drop(self.directory);
    }
}

/// The store in this directory; without one, in the configuration's database.
async fn open_store(
    config: &Config,
    directory: Option<&VendorDir>,
) -> Result<SqlBackOfficeStore, VendorError> {
    let place = match directory {
        Some(directory) => Place::File(directory.database()),
        None => {
            migrate::refuse_pending(config, &[SERVICE]).await?;
            sql_place(&config.postgres)
        }
    };
    Ok(postgres::patiently(|| SqlBackOfficeStore::open(&place), OpenError::may_pass).await?)
}
