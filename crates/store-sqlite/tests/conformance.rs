//! What every back end must do, for a database in a file and for one in memory.

#![expect(clippy::unwrap_used, reason = "the factories are part of the tests")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use leasehold_store::LicensingStore;
use leasehold_store::conformance::Factory;
use leasehold_store_sqlite::SqliteLicensingStore;
use tempfile::TempDir;

/// A database in a file of a directory that goes with the test.
struct InFile {
    directory: TempDir,
    opened: Mutex<Option<Arc<SqliteLicensingStore>>>,
}

impl InFile {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), opened: Mutex::new(None) }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("licensing.db")
    }
}

#[async_trait::async_trait]
impl Factory for InFile {
    async fn open(&self) -> Arc<dyn LicensingStore> {
        let store = Arc::new(SqliteLicensingStore::open(&self.path()).await.unwrap());
        *self.opened.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn reopen(&self, store: Arc<dyn LicensingStore>) -> Option<Arc<dyn LicensingStore>> {
        drop(store);
        let opened = self.opened.lock().unwrap().take();
        opened.expect("it was opened before").close().await.unwrap();
        Some(self.open().await)
    }
}

/// A database in memory.
struct InMemory;

#[async_trait::async_trait]
impl Factory for InMemory {
    async fn open(&self) -> Arc<dyn LicensingStore> {
        Arc::new(SqliteLicensingStore::open_in_memory().await.unwrap())
    }

    async fn reopen(&self, _store: Arc<dyn LicensingStore>) -> Option<Arc<dyn LicensingStore>> {
        None
    }

    fn reads_wait(&self) -> bool {
        // Everything goes through one connection.
        true
    }
}

mod in_file {
    use super::*;

    leasehold_store::conformance_tests!(InFile::new());
}

mod in_memory {
    use super::*;

    leasehold_store::conformance_tests!(InMemory);
}
