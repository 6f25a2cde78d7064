//! What every back end of synchronisation must do, and what either database does besides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod server;

use std::sync::{Arc, Mutex};

use leasehold_store::conformance::sync::Factory;
use leasehold_store::conformance::sync::sample::{World, exchange, identity, instance};
use leasehold_store::sync::{Change, Identity, Way};
use leasehold_store::{StoreError, SyncStore};
use leasehold_store_sql::{Place, SqlSyncStore};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use server::Database;

/// The store that was opened last.
#[derive(Default)]
struct Opened(Mutex<Option<SqlSyncStore>>);

impl Opened {
    async fn open(&self, place: &Place) -> Arc<dyn SyncStore> {
        let store = SqlSyncStore::open(place).await.unwrap();
        *self.0.lock().unwrap() = Some(store.clone());
        Arc::new(store)
    }

    async fn close(&self, store: Arc<dyn SyncStore>) {
        drop(store);
        let opened = self.0.lock().unwrap().take();
        opened.expect("it was opened before").close().await;
    }
}

/// In memory.
struct InMemory;

#[async_trait::async_trait]
impl Factory for InMemory {
    async fn open(&self) -> Arc<dyn SyncStore> {
        Arc::new(SqlSyncStore::open(&Place::Memory).await.unwrap())
    }

    async fn reopen(&self, _store: Arc<dyn SyncStore>) -> Option<Arc<dyn SyncStore>> {
        None
    }
}

/// In a file of a directory that goes with the test.
struct InFile {
    directory: TempDir,
    opened: Opened,
}

impl InFile {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), opened: Opened::default() }
    }

    fn place(&self) -> Place {
        Place::File(self.directory.path().join("sync.db"))
    }
}

#[async_trait::async_trait]
impl Factory for InFile {
    async fn open(&self) -> Arc<dyn SyncStore> {
        self.opened.open(&self.place()).await
    }

    async fn reopen(&self, store: Arc<dyn SyncStore>) -> Option<Arc<dyn SyncStore>> {
        self.opened.close(store).await;
        Some(self.open().await)
    }
}

/// On a server, in a database that goes with the test.
#[derive(Default)]
struct OnServer {
    database: OnceCell<Database>,
    opened: Opened,
}

#[async_trait::async_trait]
impl Factory for OnServer {
    async fn open(&self) -> Arc<dyn SyncStore> {
        let database = self.database.get_or_init(Database::new).await;
        self.opened.open(&database.place()).await
    }

    async fn reopen(&self, store: Arc<dyn SyncStore>) -> Option<Arc<dyn SyncStore>> {
        self.opened.close(store).await;
        Some(self.open().await)
    }
}

mod in_memory {
    use super::*;

    leasehold_store::sync_conformance_tests!(InMemory);
}

mod in_file {
    use super::*;

    leasehold_store::sync_conformance_tests!(InFile::new());
}

mod on_server {
    use super::*;

    leasehold_store::sync_conformance_tests!(OnServer::default());
}

#[tokio::test]
async fn only_a_server_is_shared() {
    let file = InFile::new();
    let database = Database::new().await;
    for (place, shared) in [(Place::Memory, false), (file.place(), false), (database.place(), true)] {
        assert_eq!(SqlSyncStore::open(&place).await.unwrap().is_shared(), shared, "{place:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_set_up_one_schema_and_see_each_other() {
    let database = Database::new().await;
    let opening: Vec<_> = (0..4)
        .map(|_| {
            let place = database.place();
            tokio::spawn(async move { SqlSyncStore::open(&place).await.unwrap() })
        })
        .collect();
    let mut stores = Vec::new();
    for store in opening {
        stores.push(World { store: Arc::new(store.await.unwrap()), instance: instance(1) });
    }
    assert!(stores[0].save(identity(1), Some(exchange(1, Way::Online))).await);
    for world in &stores {
        assert_eq!(world.exchange(1).await, Some(exchange(1, Way::Online)));
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_names_table_and_column() {
    let database = Database::new().await;
    let world = World {
        store: Arc::new(SqlSyncStore::open(&database.place()).await.unwrap()),
        instance: instance(1),
    };
    assert!(world.save(identity(1), Some(exchange(1, Way::Online))).await);
    let corrupt = |error| {
        let StoreError::Corrupt { what } = error else { panic!("{error:?}") };
        what
    };
    database.run("UPDATE sync.exchanges SET changes = 'no list'").unwrap();
    let what = corrupt(world.store.exchange(world.instance, 1).await.unwrap_err());
    assert!(what.starts_with("exchanges.changes: "), "{what}");
    database.run("UPDATE sync.identities SET license_server_id = 'seven'").unwrap();
    let what = corrupt(world.store.identity(world.instance).await.unwrap_err());
    assert!(what.starts_with("identities.license_server_id: "), "{what}");
}

#[tokio::test]
async fn the_database_itself_refuses_what_must_never_be() {
    let database = Database::new().await;
    let world = World {
        store: Arc::new(SqlSyncStore::open(&database.place()).await.unwrap()),
        instance: instance(1),
    };
    assert!(world.save(identity(1), Some(exchange(1, Way::Online))).await);
    for sql in [
        "UPDATE sync.exchanges SET state = 'DONE'",
        "UPDATE sync.exchanges SET state = 'LOST'",
        "UPDATE sync.exchanges SET ended_at = 1",
        "UPDATE sync.exchanges SET nonce = ''",
        "UPDATE sync.identities SET bundle_sequence = 1",
        "UPDATE sync.identities SET next_number = 0",
        "DELETE FROM sync.identities",
    ] {
        let said = database.run(sql).unwrap_err();
        assert!(said.contains("constraint"), "{sql}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_away_is_found_again_with_what_was_saved() {
    let mut server = leasehold_testkit::Postgres::start().await.unwrap();
    let place = Place::Postgres { url: server.url(), password: None, max_connections: 4 };
    let world = World { store: Arc::new(SqlSyncStore::open(&place).await.unwrap()), instance: instance(1) };
    assert!(world.save(identity(1), Some(exchange(1, Way::Online))).await);
    server.kill().unwrap();
    let change = Change { identity: world_identity(), exchange: None, abandon: None };
    let error = world.store.save(world.instance, &change).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    assert!(world.store.ping().await.unwrap_err().is_passing());
    server.start_again().await.unwrap();
    assert_eq!(world.exchange(1).await, Some(exchange(1, Way::Online)));
    assert!(world.save(world_identity(), Some(exchange(2, Way::File))).await);
}

/// The identity as it stands after it was saved once.
fn world_identity() -> Identity {
    Identity { revision: 1, ..identity(1) }
}
