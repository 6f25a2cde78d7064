//! What every back end must do.

#![expect(clippy::unwrap_used, reason = "the factory is part of the tests")]

mod server;

use std::sync::{Arc, Mutex};

use leasehold_store::LicensingStore;
use leasehold_store::conformance::Factory;
use leasehold_store_postgres::PostgresLicensingStore;
use tokio::sync::OnceCell;

use server::Database;

/// A database that goes with the test.
#[derive(Default)]
struct OnServer {
    database: OnceCell<Database>,
    opened: Mutex<Option<Arc<PostgresLicensingStore>>>,
}

#[async_trait::async_trait]
impl Factory for OnServer {
    async fn open(&self) -> Arc<dyn LicensingStore> {
        let database = self.database.get_or_init(Database::new).await;
        let store = Arc::new(database.open().await);
        *self.opened.lock().unwrap() = Some(Arc::clone(&store));
        store
    }

    async fn reopen(&self, store: Arc<dyn LicensingStore>) -> Option<Arc<dyn LicensingStore>> {
        drop(store);
        let opened = self.opened.lock().unwrap().take();
        opened.expect("it was opened before").close().await;
        Some(self.open().await)
    }
}

leasehold_store::conformance_tests!(OnServer::default());
