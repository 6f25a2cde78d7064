//! What every back end of updates must do, and what either database does besides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod places;
mod server;

use std::sync::Arc;

use leasehold_domain::updates::UpdateState;
use leasehold_store::conformance::updates::Factory;
use leasehold_store::conformance::updates::sample::{World, at, check_in, event, id, instance, release};
use leasehold_store::{StoreError, UpdateStore};
use leasehold_store_sql::SqlUpdateStore;

use places::on_every_place;
use server::Database;

on_every_place! { SqlUpdateStore as UpdateStore, Factory, update_conformance_tests }

async fn on(database: &Database) -> World {
    let store = SqlUpdateStore::open(&database.place()).await.unwrap();
    World { store: Arc::new(store), instance: instance(1) }
}

#[tokio::test]
async fn what_cannot_be_read_back_names_the_column() {
    let database = Database::new().await;
    let world = on(&database).await;
    assert!(world.put(&[release("1")], &[]).await);
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    database.run("UPDATE updates.clients SET hostid = 'x/NOTHING'").unwrap();
    let StoreError::Corrupt { what } = world.store.client(world.instance, id(1)).await.unwrap_err() else {
        panic!()
    };
    assert!(what.contains("hostid"), "{what}");
    database.run("UPDATE updates.releases SET released_at = 9223372036854775807").unwrap();
    let StoreError::Corrupt { what } = world.store.catalogue(world.instance).await.unwrap_err() else {
        panic!()
    };
    assert!(what.contains("released_at"), "{what}");
}

#[tokio::test]
async fn the_database_itself_refuses_what_must_never_be() {
    let database = Database::new().await;
    let world = on(&database).await;
    assert!(world.put(&[release("1")], &[]).await);
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    world.report(id(1), &[event(1, UpdateState::Accepted)], at(1)).await;
    for sql in [
        "UPDATE updates.releases SET sha256 = ''",
        "UPDATE updates.releases SET state = 'LOST'",
        "UPDATE updates.client_products SET state_at = NULL",
        "UPDATE updates.client_products SET assigned_target = 'x'",
        "UPDATE updates.events SET sequence = 0",
        "UPDATE updates.catalogues SET revision = 0",
        "DELETE FROM updates.clients",
        "DELETE FROM updates.catalogues",
    ] {
        let said = database.run(sql).unwrap_err();
        assert!(said.contains("constraint"), "{sql}: {said}");
    }
}
