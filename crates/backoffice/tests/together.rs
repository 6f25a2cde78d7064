//! Many at once, in one process and in two on one database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod support;

use std::collections::BTreeSet;

use leasehold_backoffice::BackOffice;
use leasehold_proto::backoffice::v1 as pb;
use leasehold_runtime::error::ErrorReason;
use leasehold_store_sql::Place;
use leasehold_testkit::Postgres;

use support::{World, ask, item};

/// Twenty of one request at once get one response.
async fn one_request_is_answered_once(world: &World, replicas: &[BackOffice]) {
    let mut server = world.enrol("acme").await;
    let request = server.request();
    let tasks: Vec<_> = (0..20)
        .map(|task| {
            let (back_office, request) = (replicas[task % replicas.len()].clone(), request.clone());
            tokio::spawn(async move { ask(&back_office, &request).await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(server.apply(&answers[0]).sequence, 1);
    assert_eq!(world.look(&server).await.bundle_sequence, 1);
    let synchronized = world.actions(&server).await.iter().filter(|a| a.ends_with(".synchronized")).count();
    assert_eq!(synchronized, 1);
}

/// Of two servers with one id that come first at once, one is bound.
async fn one_of_two_is_bound(world: &World, replicas: &[BackOffice]) {
    for round in 0..5 {
        let one = world.enrol(&format!("twins {round}")).await;
        let mut twins = [one.clone(), one.reinstalled()];
        let requests = twins.each_mut().map(support::Server::request);
        let tasks: Vec<_> = (0..10)
            .map(|task| {
                let back_office = replicas[task % replicas.len()].clone();
                let request = requests[(task / 2) % 2].clone();
                tokio::spawn(async move { ask(&back_office, &request).await.map_err(|error| error.reason) })
            })
            .collect();
        let mut answered = [0, 0];
        for (task, outcome) in tasks.into_iter().enumerate() {
            match outcome.await.unwrap() {
                Ok(_) => answered[(task / 2) % 2] += 1,
                Err(reason) => assert_eq!(reason, ErrorReason::KeyAlreadyBound),
            }
        }
        assert!(answered.contains(&0) && answered.iter().any(|count| *count > 0), "{answered:?}");
        assert_eq!(world.look(&one).await.bundle_sequence, 1);
    }
}

/// Files that come at once get one sequence number each.
async fn sequence_numbers_are_given_once(world: &World, replicas: &[BackOffice]) {
    let mut server = world.enrol("files").await;
    server.synchronize(&replicas[0]).await.unwrap();
    let requests: Vec<_> = (0..20).map(|_| server.request()).collect();
    let tasks: Vec<_> = requests
        .into_iter()
        .enumerate()
        .map(|(task, request)| {
            let back_office = replicas[task % replicas.len()].clone();
            tokio::spawn(async move { ask(&back_office, &request).await.unwrap() })
        })
        .collect();
    let mut sequences = BTreeSet::new();
    for task in tasks {
        sequences.insert(server.verify(&task.await.unwrap()).sequence);
    }
    assert_eq!(sequences, (2..=21).collect());
}

/// Of entitlements with one line item id that are made at once, one is.
async fn a_line_item_id_is_given_once(world: &World, replicas: &[BackOffice]) {
    let server = world.enrol("rights").await;
    let tasks: Vec<_> = (0..10)
        .map(|task| {
            let back_office = replicas[task % replicas.len()].clone();
            let request = pb::CreateEntitlementRequest {
                license_server_id: server.id(),
                line_items: vec![item("L1", "cad", 1)],
            };
            tokio::spawn(async move { back_office.create_entitlement("kim", request).await })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.reason, ErrorReason::AlreadyExists, "{error}"),
        }
    }
    assert_eq!(made, 1);
}

async fn all(world: &World, replicas: &[BackOffice]) {
    one_request_is_answered_once(world, replicas).await;
    one_of_two_is_bound(world, replicas).await;
    sequence_numbers_are_given_once(world, replicas).await;
    a_line_item_id_is_given_once(world, replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_process() {
    let world = World::new().await;
    let replicas = [world.back_office.clone()];
    all(&world, &replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_two_on_one_database() {
    let postgres = Postgres::start().await.unwrap();
    let place = Place::Postgres { url: postgres.url(), password: None, max_connections: 8 };
    let world = World::on(&place).await;
    let replicas = [world.back_office.clone(), world.replica(&place).await];
    all(&world, &replicas).await;
}
