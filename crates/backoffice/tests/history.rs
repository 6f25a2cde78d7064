//! How long exchanges are remembered, and what keys that were cleared begin with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use leasehold_runtime::Clock;
use leasehold_runtime::error::ErrorReason;
use leasehold_store::backoffice::{Exchange, LicenseServer, LicenseServerId};

use support::{World, ask, refusal};

/// Sequence numbers of the exchanges that are kept.
async fn kept(world: &World, server: &support::Server) -> Vec<u64> {
    let mut turn = world.store.begin(server_id(server)).await.unwrap().unwrap();
    turn.exchanges().await.unwrap().into_iter().map(|exchange| exchange.sequence).collect()
}

fn server_id(server: &support::Server) -> LicenseServerId {
    LicenseServerId(server.id().parse().unwrap())
}

#[tokio::test]
async fn history_is_bounded_by_what_the_server_can_still_name() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    let first = server.request();
    server.apply(&ask(&world.back_office, &first).await.unwrap());
    let old = server.request();
    ask(&world.back_office, &old).await.unwrap();
    // Its answers are lost: it goes on naming the first, and any of them may still come as a file.
    let mut last = None;
    for _ in 0..210 {
        last = Some(ask(&world.back_office, &server.request()).await.unwrap());
    }
    assert_eq!(kept(&world, &server).await.len(), 212);
    server.apply(&last.unwrap());
    let response = server.synchronize(&world.back_office).await.unwrap();
    assert_eq!(response.sequence, 213);
    assert_eq!(kept(&world, &server).await, (14..=213).collect::<Vec<_>>());
    // What is forgotten is not answered again.
    for request in [first, old] {
        assert_eq!(refusal(&world.back_office, &request).await, ErrorReason::CloneSuspected);
    }
}

#[tokio::test]
async fn a_server_that_puts_nothing_in_force_is_not_answered_for_ever() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    server.synchronize(&world.back_office).await.unwrap();
    let mut turn = world.store.begin(server_id(&server)).await.unwrap().unwrap();
    for number in 2..2_001_u64 {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        let exchange = Exchange {
            sequence: number,
            request_number: number,
            request: digest,
            response: digest,
            answered_at: world.clock.now(),
        };
        turn.add_exchange(&exchange, b"").await.unwrap();
    }
    let advanced = LicenseServer { sequence: 2_000, ..turn.license_server().clone() };
    turn.save(&advanced).await.unwrap();
    turn.commit().await.unwrap();
    server.number = 2_000;
    // 1 is named, 2 to 2,000 are not.
    let request = server.request();
    ask(&world.back_office, &request).await.unwrap();
    let error = ask(&world.back_office, &server.request()).await.unwrap_err();
    assert_eq!(error.reason, ErrorReason::LimitExceeded);
    assert!(error.message.contains("2000 times"), "{error}");
    assert_eq!(world.actions(&server).await[0], "license_server.request_refused");
    // What was answered is answered still.
    ask(&world.back_office, &request).await.unwrap();
    world.clear(&server, "its disk was full").await.unwrap();
    server.synchronize(&world.back_office).await.unwrap();
}

#[tokio::test]
async fn keys_cleared_while_a_bundle_is_in_force_are_bound_anew() {
    let world = World::new().await;
    let mut server = world.enrol("acme").await;
    server.synchronize(&world.back_office).await.unwrap();
    world.clear(&server, "a false alarm").await.unwrap();
    // Two files of the same state, of which the first answer is lost.
    let (first, second) = (server.request(), server.request());
    ask(&world.back_office, &first).await.unwrap();
    let signed = ask(&world.back_office, &second).await.unwrap();
    assert_eq!(server.apply(&signed).sequence, 3);
    assert_eq!(server.synchronize(&world.back_office).await.unwrap().sequence, 4);
}
