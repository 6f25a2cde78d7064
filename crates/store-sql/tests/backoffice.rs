//! What every back end of the back office must do, and what either database does besides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod places;
mod server;

use std::sync::Arc;

use leasehold_store::conformance::backoffice::Factory;
use leasehold_store::conformance::backoffice::sample::{
    World, bound, entitlement, exchange, product, record, vendor,
};
use leasehold_store::{BackOfficeStore, StoreError};
use leasehold_store_sql::SqlBackOfficeStore;

use places::on_every_place;
use server::Database;

on_every_place! { SqlBackOfficeStore as BackOfficeStore, Factory, backoffice_conformance_tests, beside }

async fn filled(database: &Database) -> World {
    let store = Arc::new(SqlBackOfficeStore::open(&database.place()).await.unwrap());
    assert!(
        store
            .create_customer(
                &leasehold_store::conformance::backoffice::sample::customer("c"),
                &record("made")
            )
            .await
            .unwrap()
    );
    let world = World { store };
    world.store.create_vendor(&vendor(), &record("set_up")).await.unwrap();
    world.store.create_product(&product("p"), &record("made")).await.unwrap();
    world.add(&bound(1, "c", "one")).await;
    world.entitle(&entitlement(1, 1, &["a", "b"])).await;
    world.exchange(&[exchange(1, 1)]).await;
    world
}

#[tokio::test]
async fn the_database_itself_refuses_what_must_never_be() {
    let database = Database::new().await;
    filled(&database).await;
    for sql in [
        "INSERT INTO backoffice.vendor SELECT 2, id, name, mail, web, phone, address, root_key, online_seed, \
         online_certificate, identity, created_at FROM backoffice.vendor",
        "UPDATE backoffice.vendor SET root_key = ''",
        "UPDATE backoffice.license_servers SET signing_key = NULL",
        "UPDATE backoffice.license_servers SET recipient = NULL",
        "UPDATE backoffice.license_servers SET signing_key = ''",
        "UPDATE backoffice.license_servers SET customer = 'nobody'",
        "UPDATE backoffice.license_servers SET sequence = -1",
        "UPDATE backoffice.line_items SET id = 'a'",
        "UPDATE backoffice.line_items SET entitlement = 'none'",
        "UPDATE backoffice.exchanges SET request = ''",
        "UPDATE backoffice.exchanges SET response = ''",
        "DELETE FROM backoffice.license_servers",
        "DELETE FROM backoffice.customers",
    ] {
        let said = database.run(sql).unwrap_err();
        assert!(said.contains("constraint"), "{sql}: {said}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_is_named() {
    let database = Database::new().await;
    let world = filled(&database).await;
    database.run("UPDATE backoffice.license_servers SET hostids = 'x/NOTHING'").unwrap();
    let page = leasehold_store::conformance::backoffice::sample::all();
    let error = world.store.license_servers(&page).await.unwrap_err();
    let StoreError::Corrupt { what } = error else { panic!("{error:?}") };
    assert!(what.contains("hostids"), "{what}");
}
