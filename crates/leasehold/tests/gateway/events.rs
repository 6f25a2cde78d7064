//! Live events.

use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::repository::Repository;
use crate::support::Site;

/// The data of the next event.
async fn next(body: &mut hyper::body::Incoming, text: &mut String) -> Value {
    loop {
        if let Some((event, rest)) = text.split_once("\n\n") {
            let (event, rest) = (event.to_owned(), rest.to_owned());
            *text = rest;
            if let Some(data) = event.strip_prefix("event: summary\ndata: ") {
                return serde_json::from_str(data).unwrap();
            }
            continue;
        }
        let frame = body.frame().await.expect("it goes on").unwrap();
        text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
}

fn used(summary: &Value) -> Option<i64> {
    let features = summary["features"].as_array()?;
    features.iter().find(|feature| feature["name"] == "render")?["used"].as_i64()
}

#[tokio::test]
async fn whoever_watches_hears_of_what_changes() {
    let (site, kim) = Site::with_administrator().await;
    site.supply().await;
    let answer = kim.begin("GET", "/api/v1/events", None).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let (mut body, mut text) = (answer.into_body(), String::new());
    let mut summary = next(&mut body, &mut text).await;
    assert_eq!((used(&summary), &summary["sync_status"]), (Some(0), &"SYNCHRONIZED".into()), "{summary}");
    let held = site.device("D1", &["render"]).await;
    while used(&summary) != Some(1) {
        summary = next(&mut body, &mut text).await;
    }
    assert_eq!(summary["instance_status"], kim.get("/api/v1/instances/~").await.json()["status"]);
    // A stopping server ends the stream, so that nothing is waited for.
    drop(held);
    site.stop().await;
    while body.frame().await.is_some_and(|frame| frame.is_ok()) {}
}

#[tokio::test]
async fn whoever_watches_hears_when_updates_came_and_why_they_did_not() {
    let repository = Repository::new();
    let site = Site::mirroring(&repository).await;
    let kim = site.first_administrator().await;
    let (refresh, nothing) = ("/api/v1/updates/upstream/refresh", serde_json::json!({}));
    let mut body = kim.begin("GET", "/api/v1/events", None).await.into_body();
    let mut text = String::new();
    let mut summary = next(&mut body, &mut text).await;
    assert!(summary["mirrored_at"].is_null() && summary["mirror_failure"].is_null(), "{summary}");
    let run = kim.post(refresh, nothing.clone()).await.is(200).json();
    while summary["mirrored_at"].is_null() {
        summary = next(&mut body, &mut text).await;
    }
    assert_eq!((&summary["mirrored_at"], &summary["mirror_failure"]), (&run["ended_at"], &Value::Null));
    repository.vanish();
    kim.post(refresh, nothing).await.is(503);
    while summary["mirror_failure"].is_null() {
        summary = next(&mut body, &mut text).await;
    }
    assert_eq!(summary["mirror_failure"], "UPDATE_REPOSITORY_UNREACHABLE");
    assert_eq!(summary["mirrored_at"], run["ended_at"], "what was mirrored stays");
    site.stop().await;
}

#[tokio::test]
async fn nobody_watches_who_may_not() {
    let (site, kim) = Site::with_administrator().await;
    site.stranger().get("/api/v1/events").await.is_problem(401, "UNAUTHENTICATED");
    kim.get("/api/v1/events?instance=nowhere").await.is_problem(404, "UNKNOWN_INSTANCE");
    site.stop().await;
}
