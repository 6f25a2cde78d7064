//! What every back end of synchronisation must do, and what either database does besides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod places;
mod server;

use std::sync::Arc;

use leasehold_store::conformance::sync::Factory;
use leasehold_store::conformance::sync::sample::{World, exchange, identity, instance};
use leasehold_store::sync::{Change, Identity, Way};
use leasehold_store::{StoreError, SyncStore};
use leasehold_store_sql::{Place, SqlSyncStore};

use places::{Keeps, on_every_place};
use server::Database;

on_every_place! { SqlSyncStore as SyncStore, Factory, sync_conformance_tests }

#[tokio::test]
async fn only_a_server_is_shared() {
    let places = [(Keeps::in_memory(), false), (Keeps::in_file(), false), (Keeps::on_server(), true)];
    for (keeps, shared) in places {
        let store: SqlSyncStore = keeps.open_store().await;
        assert_eq!(store.is_shared(), shared);
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
