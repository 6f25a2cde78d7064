//! The description, the headers of every answer, and answers where there is nothing.

use leasehold_gateway::SLOW_ROUTES;
use serde_json::Value;

use crate::support::{Answer, Site};

fn is_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(!answer.header("x-request-id").is_empty());
}

#[tokio::test]
async fn every_operation_is_described_whole_and_served() {
    let site = Site::start().await;
    let stranger = site.stranger();
    let api = stranger.get("/api/openapi.json").await.is(200).json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"), "{}", api["openapi"]);
    assert_eq!(api["info"]["version"], env!("CARGO_PKG_VERSION"));
    for route in SLOW_ROUTES {
        assert!(api["paths"][route].is_object(), "{route} is slow and not there");
    }
    let mut operations = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations += 1;
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{name}");
            let responses = operation["responses"].as_object().unwrap();
            for status in ["400", "401", "403", "404", "500", "503"] {
                assert!(responses.contains_key(status), "{name} does not say {status}");
            }
            assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
            let asked = path.replace("{instance}", "~").replace(['{', '}'], "");
            let answer = stranger.ask(&method.to_uppercase(), &asked, None).await;
            // Without anything shown it is refused, and the router has it.
            assert!([400, 401, 415].contains(&answer.status), "{name}: {}", answer.text());
            is_guarded(&answer);
        }
    }
    assert!(operations >= 35, "only {operations}");
    site.stop().await;
}

/// Everything that a part of the description refers to.
fn references<'a>(part: &'a Value, found: &mut Vec<&'a str>) {
    match part {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn nothing_is_referred_to_that_is_not_there() {
    let site = Site::start().await;
    let api = site.stranger().get("/api/openapi.json").await.json();
    let mut found = Vec::new();
    references(&api, &mut found);
    assert!(found.len() > 100, "{}", found.len());
    for reference in found {
        assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    site.stop().await;
}

#[tokio::test]
async fn schemas_have_descriptions_for_every_field() {
    let site = Site::start().await;
    let api = site.stranger().get("/api/openapi.json").await.json();
    let text = |schema: &Value| schema["description"].as_str().is_some_and(|text| !text.is_empty());
    // What may be null says it beside the reference.
    let described =
        |schema: &Value| text(schema) || schema["oneOf"].as_array().is_some_and(|all| all.iter().any(text));
    for (name, schema) in api["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(described(property), "{name}.{field}: {property}");
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn the_description_is_a_page_too_and_problems_are_explained() {
    let site = Site::start().await;
    let stranger = site.stranger();
    let page = stranger.get("/api/docs").await;
    assert!(page.is(200).header("content-type").starts_with("text/html"));
    assert!(page.text().contains("GET /api/v1/instances/{instance}/features"));
    is_guarded(&page);
    assert!(page.text().contains("<body class=\"reading\">"), "the console's menu has no column here");
    assert!(!page.text().contains('`'), "code is shown as code");
    let places: Vec<&str> =
        page.text().split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(places.len() > 100, "{}", places.len());
    for place in places {
        assert_eq!(page.text().matches(&format!("id=\"{place}\"")).count(), 1, "{place}");
    }
    let icon = stranger.get("/favicon.ico").await;
    assert!(
        stranger.get(icon.is(307).header("location")).await.is(200).header("content-type").contains("svg")
    );
    let problem = stranger.get("/api/v1/users").await.is_problem(401, "UNAUTHENTICATED");
    let explained = stranger.get(problem["type"].as_str().unwrap()).await;
    assert!(explained.is(200).text().contains("UNAUTHENTICATED"));
    assert!(explained.text().contains("<body class=\"reading\">"));
    stranger.get("/problems/NOTHING").await.is(404);
    site.stop().await;
}

#[tokio::test]
async fn where_there_is_nothing_a_program_gets_a_problem_and_a_person_a_page() {
    let (site, kim) = Site::with_administrator().await;
    for path in ["/api", "/api/v1/nothing", "/api/v2"] {
        kim.get(path).await.is_problem(404, "NO_SUCH_PAGE");
    }
    let wrong = kim.ask("PATCH", "/api/v1/instances/~/features", None).await;
    wrong.is_problem(405, "METHOD_NOT_ALLOWED");
    assert!(wrong.header("allow").contains("GET"), "{:?}", wrong.headers);
    let page = kim.get("/nothing").await;
    assert!(page.is(404).header("content-type").starts_with("text/html"));
    assert!(page.text().contains("<nav"), "the way on is shown");
    is_guarded(&page);
    site.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_told_with_its_field() {
    let (site, kim) = Site::with_administrator().await;
    for (method, path, body, field) in [
        ("POST", "/api/v1/users", "{", "body"),
        ("POST", "/api/v1/users", "[]", "body"),
        ("POST", "/api/v1/users", r#"{"name": "x"}"#, "body"),
        ("POST", "/api/v1/instances/~/suspend", r#"{"txt": "x"}"#, "body"),
        ("DELETE", "/api/v1/tokens/x", "", "path"),
    ] {
        let answer = kim.begin(method, path, Some(("application/json", body.to_owned()))).await;
        assert_eq!(answer.status(), 400, "{path} {body}");
        let bytes = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            (&problem["reason"], &problem["errors"][0]["field"]),
            (&"INVALID_FIELD".into(), &field.into())
        );
    }
    let text = kim.begin("POST", "/api/v1/users", Some(("text/plain", "{}".to_owned()))).await;
    assert_eq!(text.status(), 415);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(2 << 20));
    let large = kim.begin("POST", "/api/v1/users", Some(("application/json", large))).await;
    assert_eq!(large.status(), 413);
    site.stop().await;
}

#[tokio::test]
async fn the_gateway_says_how_the_services_stand() {
    let (site, kim) = Site::with_administrator().await;
    let services = kim.get("/api/v1/services").await.is(200).json();
    let services = services.as_array().unwrap();
    assert!(services.len() >= 2 && services.iter().all(|service| service["ok"] == true), "{services:?}");
    site.stop().await;
}

#[tokio::test]
async fn the_console_opens_with_nothing_from_elsewhere() {
    let site = Site::start().await;
    let stranger = site.stranger();
    assert_eq!(stranger.get("/").await.status, 303);
    let page = stranger.get("/first-sign-in").await;
    is_guarded(page.is(200));
    let kim = site.first_administrator().await;
    for path in
        ["/", "/features", "/devices", "/activity", "/back-office", "/users", "/tokens", "/audit", "/about"]
    {
        let page = kim.get(path).await;
        is_guarded(page.is(200));
        for asset in page.text().split("href=\"").chain(page.text().split("src=\"")).skip(1) {
            let address = asset.split('"').next().unwrap();
            assert!(!address.starts_with("http") && !address.starts_with("//"), "{path}: {address}");
            if address.starts_with("/assets/") {
                let asset = kim.get(address).await;
                assert!(asset.is(200).header("cache-control").contains("immutable"), "{address}");
            }
        }
        assert!(!page.text().contains("style=\"") && !page.text().contains("onclick="), "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn the_console_says_of_every_service_which_version_it_is_and_leads_to_the_api() {
    let (site, kim) = Site::with_administrator().await;
    let page = kim.get("/about").await;
    let version = format!("<td data-l=\"version\">{}</td>", env!("CARGO_PKG_VERSION"));
    assert_eq!(page.is(200).text().matches(&version).count(), 4, "{}", page.text());
    for path in ["/about", "/tokens"] {
        assert!(kim.get(path).await.text().contains("href=\"/api/docs\""), "{path}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_refused_feature_that_nobody_owns_is_named_without_a_link() {
    let (site, kim) = Site::with_administrator().await;
    site.supply().await;
    let held = site.device("D1", &["render"]).await;
    let mut options = leasehold_client::Options::new(site.services()[0].into());
    options.hostids.push("D2".parse().unwrap());
    let client = leasehold_client::Client::connect(options).await.unwrap();
    assert!(client.checkout(leasehold_client::Checkout::new("simulation")).await.is_err());
    let page = kim.get("/activity").await;
    let text = page.is(200).text();
    assert!(text.contains("simulation") && text.contains("href=\"/features/render\""), "{text}");
    assert!(!text.contains("/features/simulation"), "{text}");
    let missing = kim.get("/features/simulation").await;
    assert!(missing.is(404).text().contains("owned now"), "{}", missing.text());
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn a_page_past_the_end_of_a_list_leads_back() {
    let (site, kim) = Site::with_administrator().await;
    site.supply().await;
    let held = site.device("D1", &["render"]).await;
    for path in ["/features", "/features/render", "/devices", "/activity", "/users", "/audit"] {
        let page = kim.get(&format!("{path}?page=9999")).await;
        assert!(page.is(200).text().contains("The list ends with page 1."), "{path}: {}", page.text());
        assert!(!kim.get(path).await.text().contains("The list ends"), "{path}");
    }
    drop(held);
    site.stop().await;
}
