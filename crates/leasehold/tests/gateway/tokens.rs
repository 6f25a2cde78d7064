//! API tokens.

use std::sync::Arc;
use std::time::Duration;

use leasehold::ManualClock;
use serde_json::{Value, json};

use crate::support::{Site, Visitor};

async fn token(of: &Visitor, name: &str, roles: &[&str]) -> (String, String) {
    let input = json!({"name": name, "roles": roles, "expires_at": "2026-06-01T00:00:00Z"});
    let made = of.post("/api/v1/tokens", input).await;
    let made = made.is(201).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["token"]["id"]), text(&made["secret"]))
}

async fn site() -> (Site, ManualClock, Visitor) {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    let kim = site.first_administrator().await;
    (site, clock, kim)
}

#[tokio::test]
async fn a_token_does_what_its_roles_may_and_no_more() {
    let (site, clock, kim) = site().await;
    let (_, reader) = token(&kim, "nightly report", &["VIEWER"]).await;
    let (_, operator) = token(&kim, "maintenance", &["OPERATOR"]).await;
    assert!(reader.starts_with("lht_"), "{reader}");
    let (reader, operator) = (site.program(&reader), site.program(&operator));
    reader.get("/api/v1/instances/~/features").await.is(200);
    let suspend = "/api/v1/instances/~/suspend";
    reader.post(suspend, json!({})).await.is_problem(403, "PERMISSION_DENIED");
    reader.get("/api/v1/users").await.is_problem(403, "PERMISSION_DENIED");
    // A program needs no form token and comes from no page.
    assert_eq!(operator.post(suspend, json!({})).await.is(200).json()["changed"], true);
    operator.get("/api/v1/users").await.is_problem(403, "PERMISSION_DENIED");

    clock.advance(Duration::from_hours(152 * 24));
    reader.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.stop().await;
}

#[tokio::test]
async fn a_token_never_does_more_than_its_owner() {
    let (site, _, kim) = site().await;
    let lee = site.colleague(&kim, "lee", &["OPERATOR", "VIEWER"]).await;
    let input = json!({"name": "x", "roles": ["ADMIN"], "expires_at": "2026-06-01T00:00:00Z"});
    let problem = lee.post("/api/v1/tokens", input).await.is_problem(400, "INVALID_FIELD");
    assert_eq!(problem["errors"][0]["field"], "roles[0]");
    let (_, secret) = token(&lee, "x", &["OPERATOR", "VIEWER"]).await;
    let program = site.program(&secret);
    program.post("/api/v1/instances/~/suspend", json!({})).await.is(200);

    let etag = kim.get("/api/v1/users/lee").await.header("etag").to_owned();
    let less = json!({"roles": ["VIEWER"]});
    kim.with("if-match", &etag).ask("PATCH", "/api/v1/users/lee", Some(less)).await.is(200);
    program.post("/api/v1/instances/~/resume", json!({})).await.is_problem(403, "PERMISSION_DENIED");
    program.get("/api/v1/instances/~").await.is(200);
    site.stop().await;
}

#[tokio::test]
async fn a_token_makes_no_tokens_and_is_gone_when_it_is_revoked() {
    let (site, _, kim) = site().await;
    let (id, secret) = token(&kim, "all", &["ADMIN"]).await;
    let program = site.program(&secret);
    let input = json!({"name": "more", "roles": ["ADMIN"], "expires_at": "2026-06-01T00:00:00Z"});
    program.post("/api/v1/tokens", input).await.is_problem(403, "PERMISSION_DENIED");
    let listed = kim.get("/api/v1/tokens").await;
    assert_eq!(listed.items()[0]["name"], "all");
    assert!(!listed.text().contains(&secret), "it is shown once");

    let lee = site.colleague(&kim, "lee", &["OPERATOR"]).await;
    assert!(lee.get("/api/v1/tokens").await.items().is_empty(), "those of others are not lee's");
    let path = format!("/api/v1/tokens/{id}");
    lee.ask("DELETE", &path, None).await.is_problem(404, "NOT_FOUND");
    kim.ask("DELETE", &path, None).await.is(204);
    program.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.stop().await;
}

#[tokio::test]
async fn what_is_no_token_is_told_so() {
    let (site, _, _) = site().await;
    for value in ["Bearer lht_nothing", "Bearer ", "Basic a2ltOng=", "lht_x"] {
        let program = site.stranger().with("authorization", value);
        program.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    }
    site.stop().await;
}
