//! Which store is used: `PostgreSQL`, or `SQLite` in a data directory, in a file, or in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use leasehold_domain::{IdSource, InstanceId};
use leasehold_runtime::config::Config;
use leasehold_runtime::{Clock, SystemIds};
use leasehold_store::licensing::Instance;
use leasehold_store::{LicensingStore, StoreError};
use leasehold_store_postgres::PostgresLicensingStore;
use leasehold_store_sqlite::{DataDir, DataDirError, SqliteLicensingStore};

use super::{StartError, postgres};

/// The name of the instance that requests mean which name none.
const DEFAULT_INSTANCE: &str = "default";

/// Where licence state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In the database of the configuration's `[postgres]`.
    Postgres,
    /// In a directory that [`create_data_dir`] has made, which this process locks.
    DataDir(PathBuf),
    /// In one `SQLite` file without a lock, made where it is missing: for tests that start a server again.
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
    let store = SqliteLicensingStore::open(&directory.licensing_db()).await?;
    let store = OpenStore { licensing: Kept::Sqlite(Arc::new(store)), directory: Some(directory) };
    let made = store.make_default_instance(clock).await;
    store.close().await;
    Ok(made?.map_or(Created::Before, Created::Now))
}

/// A store, and the lock on its directory where it has one.
pub(super) struct OpenStore {
    licensing: Kept,
    directory: Option<DataDir>,
}

enum Kept {
    Sqlite(Arc<SqliteLicensingStore>),
    Postgres(Arc<PostgresLicensingStore>),
}

impl OpenStore {
    /// Opens what was chosen, with a default instance in it.
    pub(super) async fn open(
        choice: &StoreChoice,
        config: &Config,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        let sqlite = |store| Kept::Sqlite(Arc::new(store));
        let (licensing, directory) = match choice {
            StoreChoice::Postgres => {
                (Kept::Postgres(Arc::new(postgres::open(&config.postgres).await?)), None)
            }
            StoreChoice::Memory => (sqlite(SqliteLicensingStore::open_in_memory().await?), None),
            StoreChoice::File(path) => (sqlite(SqliteLicensingStore::open(path).await?), None),
            StoreChoice::DataDir(path) => {
                let directory = DataDir::open(path)?;
                (sqlite(SqliteLicensingStore::open(&directory.licensing_db()).await?), Some(directory))
            }
        };
        let store = Self { licensing, directory };
        match store.prepare(clock).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The store of licensing.
    pub(super) fn licensing(&self) -> Arc<dyn LicensingStore> {
        match &self.licensing {
            Kept::Sqlite(store) => store.clone(),
            Kept::Postgres(store) => store.clone(),
        }
    }

    /// What it is, as readiness calls it.
    pub(super) fn name(&self) -> &'static str {
        match &self.licensing {
            Kept::Sqlite(_) => "sqlite",
            Kept::Postgres(_) => "postgres",
        }
    }

    /// Closes files and connections, then lets go of the lock.
    pub(super) async fn close(self) {
        match &self.licensing {
            Kept::Postgres(store) => store.close().await,
            Kept::Sqlite(store) => {
                if let Err(error) = store.close().await {
                    tracing::warn!(%error, "the licensing database was not closed in order; its next start repairs it");
                }
            }
        }
        drop(self.directory);
    }

    /// Data directories get their instance from `leasehold init`; without one, that did not finish.
    async fn prepare(&self, clock: &Arc<dyn Clock>) -> Result<(), StartError> {
        let Some(directory) = &self.directory else {
            self.make_default_instance(Arc::clone(clock)).await?;
            return Ok(());
        };
        if self.has_default_instance().await? {
            return Ok(());
        }
        Err(StartError::NoInstance { path: directory.path().to_owned() })
    }

    async fn has_default_instance(&self) -> Result<bool, StartError> {
        Ok(self.licensing().instances().await?.iter().any(|instance| instance.is_default))
    }

    /// Makes the default instance and says its id, unless there is one.
    async fn make_default_instance(&self, clock: Arc<dyn Clock>) -> Result<Option<InstanceId>, StartError> {
        if self.has_default_instance().await? {
            return Ok(None);
        }
        let id = InstanceId(SystemIds::new(clock).uuid());
        let instance = Instance { id, name: DEFAULT_INSTANCE.to_owned(), is_default: true };
        match self.licensing().create_instance(&instance).await {
            Ok(()) => Ok(Some(id)),
            // Another replica, started at the same time, was faster.
            Err(StoreError::Constraint { .. }) if self.has_default_instance().await? => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
