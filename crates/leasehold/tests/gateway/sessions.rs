//! Signing in and out.

use std::sync::Arc;
use std::time::Duration;

use leasehold::ManualClock;
use serde_json::json;

use crate::support::{PASSWORD, Site, Visitor};

#[tokio::test]
async fn a_cookie_is_for_no_script_and_no_other_site() {
    let (site, _) = Site::with_administrator().await;
    let answer = site.sign_in("kim", PASSWORD).await;
    answer.is(201);
    let cookie = answer.header("set-cookie");
    let parts: Vec<&str> = cookie.split("; ").collect();
    assert!(parts[0].starts_with("leasehold-session=") && parts[0].len() > 50, "{cookie}");
    assert_eq!(parts[1..], ["Path=/", "HttpOnly", "SameSite=Lax"], "{cookie}");
    assert_eq!(answer.header("cache-control"), "no-store");
    site.stop().await;
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_look_the_same() {
    let (site, kim) = Site::with_administrator().await;
    let name = site.sign_in("nobody", PASSWORD).await.is_problem(401, "UNAUTHENTICATED");
    let password = site.sign_in("kim", "wrong horse battery").await.is_problem(401, "UNAUTHENTICATED");
    assert_eq!(name["detail"], password["detail"]);
    // The audit knows.
    let audit = kim.get("/api/v1/audit?search=session.open").await.items();
    let details: Vec<_> = audit.iter().map(|record| record["detail"].as_str().unwrap()).collect();
    assert_eq!(details[..2], ["wrong password", "unknown name"], "{audit:?}");
    site.stop().await;
}

#[tokio::test]
async fn passwords_cannot_be_tried_on_and_on() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    site.first_administrator().await;
    for _ in 0..10 {
        site.sign_in("kim", "wrong horse battery").await.is_problem(401, "UNAUTHENTICATED");
    }
    let throttled = site.sign_in("kim", PASSWORD).await;
    throttled.is_problem(429, "LIMIT_EXCEEDED");
    assert_eq!(throttled.header("retry-after"), "30");
    site.sign_in("KIM", PASSWORD).await.is_problem(429, "LIMIT_EXCEEDED");
    clock.advance(Duration::from_secs(30));
    site.sign_in("kim", PASSWORD).await.is(201);
    site.stop().await;
}

#[tokio::test]
async fn one_address_cannot_try_every_name() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    for number in 0..20 {
        site.sign_in(&format!("user{number}"), PASSWORD).await.is_problem(401, "UNAUTHENTICATED");
    }
    let throttled = site.sign_in("another", PASSWORD).await;
    throttled.is_problem(429, "LIMIT_EXCEEDED");
    assert_eq!(throttled.header("retry-after"), "6");
    site.stop().await;
}

#[tokio::test]
async fn a_session_ends_when_it_is_ended_or_forgotten() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    let kim = site.first_administrator().await;
    let ended = kim.ask("DELETE", "/api/v1/session", None).await;
    ended.is(204);
    assert!(ended.header("set-cookie").ends_with("Max-Age=0"));
    kim.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");

    let opened = site.sign_in("kim", PASSWORD).await;
    let kim = Visitor::of_session(site.address(), &opened);
    for _ in 0..3 {
        clock.advance(Duration::from_mins(29));
        kim.get("/api/v1/session").await.is(200);
    }
    clock.advance(Duration::from_mins(30));
    kim.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.stop().await;
}

#[tokio::test]
async fn a_page_that_is_left_open_keeps_no_session() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    let kim = site.first_administrator().await;
    // What a page asks by itself: its numbers, and its stream of events again.
    let page = kim.with("x-leasehold-live", "1");
    let stream = kim.with("accept", "text/event-stream");
    for _ in 0..2 {
        clock.advance(Duration::from_mins(10));
        page.get("/about").await.is(200);
        stream.get("/api/v1/session").await.is(200);
    }
    clock.advance(Duration::from_mins(10));
    kim.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.stop().await;
}

#[tokio::test]
async fn a_session_ends_after_its_day_however_busy_it_is() {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let site = Site::at(Arc::new(clock.clone())).await;
    let kim = site.first_administrator().await;
    assert_eq!(kim.get("/api/v1/session").await.json()["ends_at"], "2026-01-01T12:00:00Z");
    for _ in 0..47 {
        clock.advance(Duration::from_mins(15));
        kim.get("/api/v1/session").await.is(200);
    }
    clock.advance(Duration::from_mins(15));
    kim.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.stop().await;
}

#[tokio::test]
async fn a_new_password_ends_the_sessions_and_so_does_a_disabled_account() {
    let (site, kim) = Site::with_administrator().await;
    let change = json!({"old": PASSWORD, "new": "battery horse correct"});
    kim.ask("PUT", "/api/v1/password", Some(change)).await.is(204);
    kim.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.sign_in("kim", PASSWORD).await.is_problem(401, "UNAUTHENTICATED");
    let opened = site.sign_in("kim", "battery horse correct").await;
    let kim = Visitor::of_session(site.address(), &opened);

    let lee = site.colleague(&kim, "lee", &["VIEWER"]).await;
    let found = kim.get("/api/v1/users/lee").await;
    let kim_at = kim.with("if-match", found.is(200).header("etag"));
    kim_at.ask("PATCH", "/api/v1/users/lee", Some(json!({"disabled": true}))).await.is(200);
    lee.get("/api/v1/session").await.is_problem(401, "UNAUTHENTICATED");
    site.sign_in("lee", PASSWORD).await.is_problem(401, "UNAUTHENTICATED");
    site.stop().await;
}

#[tokio::test]
async fn somebody_who_may_do_everything_is_always_left() {
    let (site, kim) = Site::with_administrator().await;
    let etag = kim.get("/api/v1/users/kim").await.header("etag").to_owned();
    let kim_at = kim.with("if-match", &etag);
    let less = json!({"roles": ["VIEWER"]});
    kim_at.ask("PATCH", "/api/v1/users/kim", Some(less)).await.is_problem(409, "LAST_ADMINISTRATOR");
    kim_at.ask("DELETE", "/api/v1/users/kim", None).await.is_problem(409, "LAST_ADMINISTRATOR");
    site.stop().await;
}
