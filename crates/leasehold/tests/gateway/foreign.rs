//! Changes that no page of this server asks for.

use serde_json::json;

use crate::support::{PASSWORD, Site};

const SUSPEND: &str = "/api/v1/instances/~/suspend";

#[tokio::test]
async fn a_page_of_somebody_else_changes_nothing() {
    let (site, kim) = Site::with_administrator().await;
    let foreign = [
        kim.with("sec-fetch-site", "cross-site"),
        kim.with("sec-fetch-site", "same-site"),
        kim.without("sec-fetch-site").with("origin", "https://elsewhere.example"),
        kim.without("sec-fetch-site").with("origin", "null"),
    ];
    for page in foreign {
        page.post(SUSPEND, json!({})).await.is_problem(403, "FOREIGN_PAGE");
        page.ask("DELETE", "/api/v1/session", None).await.is_problem(403, "FOREIGN_PAGE");
    }
    assert!(kim.get("/api/v1/instances/~").await.is(200).json()["suspension"].is_null());
    let own = format!("http://{}", site.address());
    kim.without("sec-fetch-site").with("origin", &own).post(SUSPEND, json!({})).await.is(200);
    site.stop().await;
}

#[tokio::test]
async fn a_change_brings_the_form_token_of_its_session_along() {
    let (site, kim) = Site::with_administrator().await;
    let other = site.sign_in("kim", PASSWORD).await.json()["form_token"].as_str().unwrap().to_owned();
    for page in [kim.without("x-form-token"), kim.with("x-form-token", "x"), kim.with("x-form-token", &other)]
    {
        page.post(SUSPEND, json!({})).await.is_problem(403, "FORM_TOKEN_INVALID");
        page.post("/api/v1/instances/~/resume", json!({})).await.is_problem(403, "FORM_TOKEN_INVALID");
        page.ask("DELETE", "/api/v1/session", None).await.is_problem(403, "FORM_TOKEN_INVALID");
    }
    kim.post(SUSPEND, json!({})).await.is(200);
    site.stop().await;
}

#[tokio::test]
async fn a_form_of_the_console_brings_it_along_too() {
    let (site, kim) = Site::with_administrator().await;
    let page = kim.without("x-form-token");
    let refused = page.form("/suspend", "text=x").await;
    refused.is(403);
    assert!(refused.header("content-type").starts_with("text/html"), "{}", refused.header("content-type"));
    let session = kim.get("/api/v1/session").await.json();
    let fields = format!("text=x&form_token={}", session["form_token"].as_str().unwrap());
    page.with("sec-fetch-site", "cross-site").form("/suspend", &fields).await.is(403);
    assert!(kim.get("/api/v1/instances/~").await.json()["suspension"].is_null());
    page.form("/suspend", &fields).await.is(303);
    assert!(kim.get("/api/v1/instances/~").await.json()["suspension"].is_object());
    site.stop().await;
}

#[tokio::test]
async fn nobody_is_signed_in_by_a_page_of_somebody_else() {
    let (site, _) = Site::with_administrator().await;
    let given = json!({"name": "kim", "password": PASSWORD});
    let foreign = site.stranger().with("sec-fetch-site", "cross-site");
    foreign.post("/api/v1/session", given).await.is_problem(403, "FOREIGN_PAGE");
    let form = format!("name=kim&password={}", PASSWORD.replace(' ', "+"));
    let refused = foreign.form("/sign-in", &form).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (403, ""));
    let own = site.stranger().with("sec-fetch-site", "same-origin").form("/sign-in", &form).await;
    assert!(own.is(303).header("set-cookie").starts_with("leasehold-session="));
    site.stop().await;
}
