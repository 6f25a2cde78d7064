//! Which stores are used: `PostgreSQL`, or `SQLite` in a data directory, in files, or in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use leasehold_domain::{IdSource, InstanceId};
use leasehold_runtime::config::{Config, Postgres};
use leasehold_runtime::{Clock, SystemIds};
use leasehold_signing::MasterKey;
use leasehold_store::licensing::Instance;
use leasehold_store::{GatewayStore, LicensingStore, StoreError, SyncStore, UpdateStore};
use leasehold_store_postgres::PostgresLicensingStore;
use leasehold_store_sql::{OpenError as SqlOpenError, Place, SqlGatewayStore, SqlSyncStore, SqlUpdateStore};
use leasehold_store_sqlite::{DataDir, DataDirError, SqliteLicensingStore};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{Chosen, MasterKeyError, StartError, master_key, migrate, postgres};

/// The name of the instance that requests mean which name none.
const DEFAULT_INSTANCE: &str = "default";
/// The databases in a data directory.
pub(super) const LICENSING_DB: &str = "licensing.db";
const SYNC_DB: &str = "sync.db";
const UPDATES_DB: &str = "updates.db";
const GATEWAY_DB: &str = "gateway.db";

/// Where licence state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In the database of the configuration's `[postgres]`.
    Postgres,
    /// In a directory that [`create_data_dir`] has made, which this process locks.
    DataDir(PathBuf),
    /// In one `SQLite` file for licensing, and others beside it, without a lock, made where they are missing: for tests
    /// that start a server again.
    File(PathBuf),
    /// In memory, gone when the server stops: for tests.
    Memory,
}

impl StoreChoice {
    /// What the configuration says: its database, where it names one, else its data directory.
    pub(super) fn of(config: &Config) -> Self {
        if config.postgres.url.is_empty() {
            Self::DataDir(config.runtime.data_dir.clone())
        } else {
            Self::Postgres
        }
    }
}

/// What [`create_data_dir`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The directory is usable now, with this default instance.
    Now(InstanceId),
    /// It was usable before; nothing was changed.
    Before,
}

/// Makes a data directory with its databases and the default instance. One that an interrupted call left
/// half made is completed.
pub async fn create_data_dir(path: &Path, clock: Arc<dyn Clock>) -> Result<Created, StartError> {
    let directory = match DataDir::create(path) {
        Ok(directory) => directory,
        Err(DataDirError::Exists { .. }) => match DataDir::open(path) {
            Ok(directory) => directory,
            Err(DataDirError::Locked { .. }) => return Ok(Created::Before),
            Err(error) => return Err(error.into()),
        },
        Err(error) => return Err(error.into()),
    };
    let sync_db = directory.path().join(SYNC_DB);
    // Before the database that it seals keys in, so that a start which finds that one knows that there was a key.
    let master = master_key::in_file(&directory.path().join(master_key::FILE), sync_db.exists())?;
    let store = SqliteLicensingStore::open(&directory.licensing_db()).await?;
    let sync = SqlSyncStore::open(&Place::File(sync_db)).await?;
    let updates = SqlUpdateStore::open(&Place::File(directory.path().join(UPDATES_DB))).await?;
    let gateway = SqlGatewayStore::open(&Place::File(directory.path().join(GATEWAY_DB))).await?;
    let store = OpenStore {
        licensing: Some(Kept::Sqlite(Arc::new(store))),
        sync: Some(Arc::new(sync)),
        updates: Some((Arc::new(updates), directory.path().join("updates"))),
        passing: None,
        gateway: Some(Arc::new(gateway)),
        master,
        directory: Some(directory),
    };
    let made = match store.licensing() {
        Some(licensing) => make_default_instance(&licensing, clock).await,
        None => Ok(None),
    };
    store.close().await;
    Ok(made?.map_or(Created::Before, Created::Now))
}

/// The stores of this process, the key of what is sealed in them, and the lock on their directory where it has one.
pub(super) struct OpenStore {
    licensing: Option<Kept>,
    sync: Option<Arc<SqlSyncStore>>,
    /// With the folder of its files.
    updates: Option<(Arc<SqlUpdateStore>, PathBuf)>,
    /// A folder for what is to be gone when the server stops.
    passing: Option<TempDir>,
    gateway: Option<Arc<SqlGatewayStore>>,
    master: MasterKey,
    directory: Option<DataDir>,
}

enum Kept {
    Sqlite(Arc<SqliteLicensingStore>),
    Postgres(Arc<PostgresLicensingStore>),
}

impl OpenStore {
    /// Opens what was chosen for these services, with a default instance in it.
    pub(super) async fn open(
        choice: &StoreChoice,
        services: Chosen,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let embedded = matches!(choice, StoreChoice::DataDir(_));
        if embedded && services != Chosen::ALL {
            return Err(StartError::OnlyAll);
        }
        let directory = match choice {
            StoreChoice::DataDir(path) => Some(DataDir::open(path)?),
            StoreChoice::Postgres | StoreChoice::File(_) | StoreChoice::Memory => None,
        };
        let master = master(choice, config)?;
        if *choice == StoreChoice::Postgres {
            migrate::refuse_pending(config, &migrate::names(services)).await?;
        }
        let mut store = Self {
            licensing: None,
            sync: None,
            updates: None,
            passing: None,
            gateway: None,
            master,
            directory,
        };
        match store.open_each(choice, services, config, clock).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    async fn open_each(
        &mut self,
        choice: &StoreChoice,
        services: Chosen,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<(), StartError> {
        if services.licensing {
            let sqlite = |store| Kept::Sqlite(Arc::new(store));
            let kept = match choice {
                StoreChoice::Postgres => Kept::Postgres(Arc::new(postgres::open(&config.postgres).await?)),
                StoreChoice::Memory => sqlite(SqliteLicensingStore::open_in_memory().await?),
                StoreChoice::File(path) => sqlite(SqliteLicensingStore::open(path).await?),
                StoreChoice::DataDir(path) => {
                    sqlite(SqliteLicensingStore::open(&path.join(LICENSING_DB)).await?)
                }
            };
            let kept = self.licensing.insert(kept).handle();
            self.prepare(&kept, clock).await?;
        }
        if services.sync {
            let place = place(choice, config, SYNC_DB);
            let store = postgres::patiently(|| SqlSyncStore::open(&place), SqlOpenError::may_pass);
            self.sync = Some(Arc::new(store.await?));
        }
        if services.updates {
            let place = place(choice, config, UPDATES_DB);
            let store = postgres::patiently(|| SqlUpdateStore::open(&place), SqlOpenError::may_pass);
            let store = Arc::new(store.await?);
            let directory = self.updates_directory(choice, config)?;
            self.updates = Some((store, directory));
        }
        if services.gateway {
            let place = place(choice, config, GATEWAY_DB);
            let store = postgres::patiently(|| SqlGatewayStore::open(&place), SqlOpenError::may_pass);
            self.gateway = Some(Arc::new(store.await?));
        }
        Ok(())
    }

    /// The store of licensing, where it runs here.
    pub(super) fn licensing(&self) -> Option<Arc<dyn LicensingStore>> {
        self.licensing.as_ref().map(Kept::handle)
    }

    /// The store of synchronisation, where it runs here.
    pub(super) fn sync(&self) -> Option<Arc<dyn SyncStore>> {
        self.sync.clone().map(|store| store as Arc<dyn SyncStore>)
    }

    /// The store of updates and the folder of its files, where it runs here.
    pub(super) fn updates(&self) -> Option<(Arc<dyn UpdateStore>, PathBuf)> {
        self.updates.clone().map(|(store, directory)| (store as Arc<dyn UpdateStore>, directory))
    }

    /// Where the mirror and its files are kept.
    fn updates_directory(&mut self, choice: &StoreChoice, config: &Config) -> Result<PathBuf, StartError> {
        Ok(match choice {
            StoreChoice::DataDir(path) => config.updates.directory(path),
            StoreChoice::Postgres => config.updates.directory(&config.runtime.data_dir),
            StoreChoice::File(path) => beside(path, "updates"),
            StoreChoice::Memory => {
                self.passing.insert(TempDir::new().map_err(StartError::Folder)?).path().to_owned()
            }
        })
    }

    /// The store of the gateway, where it runs here.
    pub(super) fn gateway(&self) -> Option<Arc<dyn GatewayStore>> {
        self.gateway.clone().map(|store| store as Arc<dyn GatewayStore>)
    }

    /// What private keys at rest are sealed with.
    pub(super) fn master_key(&self) -> &MasterKey {
        &self.master
    }

    /// What licensing's store is, as readiness calls it.
    pub(super) fn name(&self) -> &'static str {
        match &self.licensing {
            Some(Kept::Postgres(_)) => "postgres",
            Some(Kept::Sqlite(_)) | None => "sqlite",
        }
    }

    /// Whether it is a data directory that a backup was restored to, on which no server has started yet.
    pub(super) fn is_restored(&self) -> bool {
        self.directory.as_ref().is_some_and(DataDir::is_restored)
    }

    /// Notes that a server has started on it.
    pub(super) fn forget_restored(&self) {
        let noted = self.directory.as_ref().map_or(Ok(()), DataDir::forget_restored);
        if let Err(error) = noted {
            tracing::warn!(%error, "the next start will take this data directory for one that was just restored");
        }
    }

    /// Closes files and connections, then lets go of the lock.
    pub(super) async fn close(self) {
        match &self.licensing {
            Some(Kept::Postgres(store)) => store.close().await,
            Some(Kept::Sqlite(store)) => {
                if let Err(error) = store.close().await {
                    tracing::warn!(%error, "the licensing database was not closed in order; its next start repairs it");
                }
            }
            None => {}
        }
        if let Some(store) = &self.sync {
            store.close().await;
        }
        if let Some((store, _)) = &self.updates {
            store.close().await;
        }
        if let Some(store) = &self.gateway {
            store.close().await;
        }
        drop(self.directory);
    }

    /// Data directories get their instance from `leasehold init`; without one, that did not finish.
    async fn prepare(
        &self,
        store: &Arc<dyn LicensingStore>,
        clock: &Arc<dyn Clock>,
    ) -> Result<(), StartError> {
        let Some(directory) = &self.directory else {
            make_default_instance(store, Arc::clone(clock)).await?;
            return Ok(());
        };
        if has_default_instance(store).await? {
            return Ok(());
        }
        Err(StartError::NoInstance { path: directory.path().to_owned() })
    }
}

impl Kept {
    fn handle(&self) -> Arc<dyn LicensingStore> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }
}

/// The master key that goes with the configuration's data, which has to be there already.
pub(crate) fn existing_master_key(config: &Config) -> Result<MasterKey, MasterKeyError> {
    match master_key::given(config)? {
        Some(given) => Ok(given),
        None if !config.postgres.url.is_empty() => Err(MasterKeyError::NotGiven),
        None => master_key::in_file(&config.runtime.data_dir.join(master_key::FILE), true),
    }
}

/// The master key that goes with a store.
fn master(choice: &StoreChoice, config: &Config) -> Result<MasterKey, StartError> {
    if let Some(given) = master_key::given(config)? {
        return Ok(given);
    }
    match choice {
        StoreChoice::Postgres => Err(MasterKeyError::NotGiven.into()),
        StoreChoice::Memory => Ok(master_key::passing()),
        StoreChoice::File(path) => {
            Ok(master_key::in_file(&beside(path, "key"), beside(path, SYNC_DB).exists())?)
        }
        StoreChoice::DataDir(path) => {
            Ok(master_key::in_file(&path.join(master_key::FILE), path.join(SYNC_DB).exists())?)
        }
    }
}

/// A file of a server whose licensing database is `path`.
fn beside(path: &Path, name: &str) -> PathBuf {
    let mut file = path.as_os_str().to_owned();
    file.push(".");
    file.push(name);
    file.into()
}

/// Where a service other than licensing keeps its data; `file` is its own in a directory.
fn place(choice: &StoreChoice, config: &Config, file: &str) -> Place {
    match choice {
        StoreChoice::Postgres => sql_place(&config.postgres),
        StoreChoice::Memory => Place::Memory,
        StoreChoice::File(path) => Place::File(beside(path, file)),
        StoreChoice::DataDir(path) => Place::File(path.join(file)),
    }
}

/// The configuration's database, for a service other than licensing.
pub(super) fn sql_place(settings: &Postgres) -> Place {
    Place::Postgres {
        url: settings.url.clone(),
        password: settings.password().map(|password| password.expose_secret().to_owned()),
        // These services have few calls at a time.
        max_connections: settings.max_connections.min(4),
    }
}

async fn has_default_instance(store: &Arc<dyn LicensingStore>) -> Result<bool, StartError> {
    Ok(store.instances().await?.iter().any(|instance| instance.is_default))
}

/// Makes the default instance and says its id, unless there is one.
async fn make_default_instance(
    store: &Arc<dyn LicensingStore>,
    clock: Arc<dyn Clock>,
) -> Result<Option<InstanceId>, StartError> {
    if has_default_instance(store).await? {
        return Ok(None);
    }
    let id = InstanceId(SystemIds::new(clock).uuid());
    let instance = Instance { id, name: DEFAULT_INSTANCE.to_owned(), is_default: true };
    match store.create_instance(&instance).await {
        Ok(()) => Ok(Some(id)),
        // Another replica, started at the same time, was faster.
        Err(StoreError::Constraint { .. }) if has_default_instance(store).await? => Ok(None),
        Err(error) => Err(error.into()),
    }
}
