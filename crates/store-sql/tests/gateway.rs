//! What every back end of the gateway must do, and what either database does besides.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod places;
mod server;

use leasehold_store::GatewayStore;
use leasehold_store::conformance::gateway::Factory;
use leasehold_store::conformance::gateway::sample::{administrator, record, session, token};
use leasehold_store_sql::SqlGatewayStore;

use places::on_every_place;
use server::Database;

on_every_place! { SqlGatewayStore as GatewayStore, Factory, gateway_conformance_tests, beside }

#[tokio::test]
async fn the_database_itself_refuses_what_must_never_be() {
    let database = Database::new().await;
    let store = SqlGatewayStore::open(&database.place()).await.unwrap();
    assert!(store.create_administrator(&administrator("kim"), &record("made")).await.unwrap());
    store.open_session(&session(1, "kim"), None, &record("made")).await.unwrap();
    store.create_token(&token(1, "kim"), &record("made")).await.unwrap();
    for sql in [
        "INSERT INTO gateway.turns VALUES (2, 0)",
        "UPDATE gateway.administrators SET disabled = 2",
        "UPDATE gateway.sessions SET id = ''",
        "UPDATE gateway.sessions SET owner = 'nobody'",
        "UPDATE gateway.tokens SET owner = 'nobody'",
        "UPDATE gateway.audit SET result = 'MAYBE'",
        "INSERT INTO gateway.first_codes VALUES (decode(repeat('00', 32), 'hex'), 0, 0)",
    ] {
        let said = database.run(sql).unwrap_err();
        assert!(said.contains("constraint"), "{sql}: {said}");
    }
}
