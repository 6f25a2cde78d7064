//! Which store is used: `SQLite` in a data directory, in a file, or in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use leasehold_domain::{IdSource, InstanceId};
use leasehold_runtime::{Clock, SystemIds};
use leasehold_store::LicensingStore;
use leasehold_store::licensing::Instance;
use leasehold_store_sqlite::{DataDir, DataDirError, SqliteLicensingStore};

use super::StartError;

/// The name of the instance that requests mean which name none.
const DEFAULT_INSTANCE: &str = "default";

/// Where licence state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// In a directory that [`create_data_dir`] has made, which this process locks.
    DataDir(PathBuf),
    /// In one `SQLite` file without a lock, made where it is missing: for tests that start a server again.
    File(PathBuf),
    /// In memory, gone when the server stops: for tests.
    Memory,
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
    let store = OpenStore::new(SqliteLicensingStore::open(&directory.licensing_db()).await?, Some(directory));
    let made = store.make_default_instance(clock).await;
    store.close().await;
    Ok(made?.map_or(Created::Before, Created::Now))
}

/// A store, and the lock on its directory where it has one.
pub(super) struct OpenStore {
    licensing: Arc<SqliteLicensingStore>,
    directory: Option<DataDir>,
}

impl OpenStore {
    /// Opens what was chosen, with a default instance in it.
    pub(super) async fn open(choice: &StoreChoice, clock: &Arc<dyn Clock>) -> Result<Self, StartError> {
        let (licensing, directory) = match choice {
            StoreChoice::Memory => (SqliteLicensingStore::open_in_memory().await?, None),
            StoreChoice::File(path) => (SqliteLicensingStore::open(path).await?, None),
            StoreChoice::DataDir(path) => {
                let directory = DataDir::open(path)?;
                (SqliteLicensingStore::open(&directory.licensing_db()).await?, Some(directory))
            }
        };
        let store = Self::new(licensing, directory);
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
        self.licensing.clone()
    }

    /// Closes the files, then lets go of the lock.
    pub(super) async fn close(self) {
        if let Err(error) = self.licensing.close().await {
            tracing::warn!(%error, "the licensing database was not closed in order; its next start repairs it");
        }
        drop(self.directory);
    }

    fn new(licensing: SqliteLicensingStore, directory: Option<DataDir>) -> Self {
        Self { licensing: Arc::new(licensing), directory }
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
        Ok(self.licensing.instances().await?.iter().any(|instance| instance.is_default))
    }

    /// Makes the default instance and says its id, unless there is one.
    async fn make_default_instance(&self, clock: Arc<dyn Clock>) -> Result<Option<InstanceId>, StartError> {
        if self.has_default_instance().await? {
            return Ok(None);
        }
        let id = InstanceId(SystemIds::new(clock).uuid());
        let instance = Instance { id, name: DEFAULT_INSTANCE.to_owned(), is_default: true };
        self.licensing.create_instance(&instance).await?;
        Ok(Some(id))
    }
}
