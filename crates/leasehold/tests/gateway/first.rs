//! The first administrator.

use std::sync::Arc;
use std::time::Duration;

use leasehold::ManualClock;
use serde_json::json;

use crate::support::{PASSWORD, Site, Visitor};

#[tokio::test]
async fn the_code_makes_the_first_administrator_once() {
    let site = Site::start().await;
    let [code] = site.codes().try_into().unwrap();
    let first = |name: &str| json!({"code": code, "name": name, "password": PASSWORD});
    let answer = site.stranger().post("/api/v1/first-administrator", first("kim")).await;
    answer.is(201);
    assert_eq!((&answer.json()["user"], &answer.json()["roles"]), (&json!("kim"), &json!(["ADMIN"])));
    let kim = Visitor::of_session(site.address(), &answer);
    assert_eq!(kim.get("/api/v1/session").await.is(200).json()["user"], "kim");

    let again = site.stranger().post("/api/v1/first-administrator", first("eve")).await;
    again.is_problem(401, "UNAUTHENTICATED");
    assert_eq!(kim.get("/api/v1/users").await.items().len(), 1);
    // The audit has both.
    let audit = kim.get("/api/v1/audit").await.items();
    let made: Vec<_> = audit.iter().filter(|record| record["action"] == "user.create").collect();
    assert_eq!(made.len(), 2, "{audit:?}");
    assert_eq!((&made[0]["subject"], &made[0]["actor"]), (&json!("eve"), &json!("eve")));
    assert_ne!(made[0]["result"], made[1]["result"]);
    assert_eq!(site.codes().len(), 1, "no further code is told");
    site.stop().await;
}

#[tokio::test]
async fn a_code_may_be_typed_in_small_letters_and_without_its_dashes() {
    let site = Site::start().await;
    let code = site.codes()[0].to_lowercase().replace('-', " ");
    let first = json!({"code": code, "name": "kim", "password": PASSWORD});
    site.stranger().post("/api/v1/first-administrator", first).await.is(201);
    site.stop().await;
}

#[tokio::test]
async fn a_code_is_used_up_by_wrong_tries() {
    let site = Site::start().await;
    let wrong = json!({"code": "AAAA-AAAA-AAAA-AAAA", "name": "eve", "password": PASSWORD});
    for _ in 0..10 {
        let answer = site.stranger().post("/api/v1/first-administrator", wrong.clone()).await;
        answer.is_problem(401, "UNAUTHENTICATED");
    }
    let right = json!({"code": site.codes()[0], "name": "kim", "password": PASSWORD});
    site.stranger().post("/api/v1/first-administrator", right).await.is_problem(401, "UNAUTHENTICATED");
    // Another one is told at once, and is good.
    let [_, another] = site.codes().try_into().expect("one more code");
    let right = json!({"code": another, "name": "kim", "password": PASSWORD});
    site.stranger().post("/api/v1/first-administrator", right).await.is(201);
    site.stop().await;
}

#[tokio::test]
async fn whoever_looks_for_the_first_sign_in_has_a_code_that_is_good() {
    let clock = ManualClock::new("2026-06-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    site.stranger().get("/first-sign-in").await.is(200);
    assert_eq!(site.codes().len(), 1, "the first one is still good");
    clock.advance(Duration::from_hours(25));
    site.stranger().get("/first-sign-in").await.is(200);
    assert_eq!(site.codes().len(), 2);
    site.stop().await;
}

#[tokio::test]
async fn whoever_makes_the_first_administrator_needs_a_good_name_and_password() {
    let site = Site::start().await;
    let code = &site.codes()[0];
    for (name, password, field) in
        [("", PASSWORD, "name"), ("a b", PASSWORD, "name"), ("kim", "short", "password")]
    {
        let first = json!({"code": code, "name": name, "password": password});
        let problem = site.stranger().post("/api/v1/first-administrator", first).await;
        let problem = problem.is_problem(400, "INVALID_FIELD");
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
    }
    // None of it has used the code.
    site.first_administrator().await;
    site.stop().await;
}
