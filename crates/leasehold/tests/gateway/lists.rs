//! Lists: their parts, and the whole of them as a file.

use std::collections::BTreeSet;

use serde_json::json;

use crate::repository::{Repository, follower};
use crate::support::Site;

/// A site where each list has at least two rows.
async fn full_site() -> (Site, crate::support::Visitor, Vec<leasehold_client::Guard>) {
    let repository = Repository::new();
    let site = Site::mirroring(&repository).await;
    let kim = site.first_administrator().await;
    site.supply().await;
    kim.post("/api/v1/updates/upstream/refresh", json!({})).await.is(200);
    let mut held = site.device("D1", &["render", "scan"]).await;
    held.extend(site.device("D2", &["render"]).await);
    follower(&site, "D1/STRING").await;
    follower(&site, "D2/STRING").await;
    site.colleague(&kim, "lee", &["VIEWER"]).await;
    let until = leasehold::Clock::now(&leasehold::SystemClock::new()) + jiff::SignedDuration::from_hours(48);
    for number in 1..=2 {
        let token =
            json!({"name": format!("t{number}"), "roles": ["VIEWER"], "expires_at": until.to_string()});
        kim.post("/api/v1/tokens", token).await.is(201);
        let group = json!({"name": format!("g{number}"), "reservations": []});
        kim.post("/api/v1/instances/~/reservation-groups", group).await.is(201);
    }
    (site, kim, held)
}

#[tokio::test]
async fn every_list_comes_in_parts_that_make_the_whole() {
    let (site, kim, held) = full_site().await;
    let api = kim.get("/api/openapi.json").await.json();
    let client =
        kim.get("/api/v1/updates/clients").await.items()[0]["client_id"].as_str().unwrap().to_owned();
    let mut lists = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        if !parameters.clone().any(|parameter| parameter["name"] == "page_size") {
            let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
            assert!(!schema.to_string().contains("Listing"), "{path} is a list without parts");
            continue;
        }
        lists += 1;
        let path = path.replace("{instance}", "~").replace("{client_id}", &client);
        // Others write activity and audit meanwhile.
        let whole = kim.get(&format!("{path}?page_size=500")).await.is(200).json();
        let few = ["denials", "usage", "history"].iter().any(|name| path.ends_with(name));
        let total = whole["total"].as_u64().unwrap();
        assert!(few || total >= 2, "{path}: {whole}");
        let (mut rows, mut token) = (BTreeSet::new(), String::new());
        for _ in 0..total {
            let part = kim.get(&format!("{path}?page_size=1&page_token={token}")).await;
            let items = part.items();
            assert_eq!(items.len(), 1, "{path}");
            rows.insert(items[0].to_string());
            let Some(next) = part.json()["next_page_token"].as_str().map(str::to_owned) else { break };
            token = next.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F");
        }
        let expected = whole["items"].as_array().unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(rows, expected, "{path}");
        if total >= 2 {
            let second = kim.get(&format!("{path}?page_size=1&skip=1")).await.items();
            assert_eq!(second, whole["items"].as_array().unwrap()[1..2], "{path}");
        }
        let problem = kim.get(&format!("{path}?page_size=501")).await.is_problem(400, "INVALID_FIELD");
        assert_eq!(problem["errors"][0]["field"], "page_size", "{path}");
        let problem = kim.get(&format!("{path}?page_token=nonsense!")).await.is_problem(400, "INVALID_FIELD");
        assert_eq!(problem["errors"][0]["field"], "page_token", "{path}");
        kim.get(&format!("{path}?page_size=x")).await.is_problem(400, "INVALID_FIELD");
    }
    assert!(lists >= 14, "only {lists} lists");
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn a_list_is_searched() {
    let (site, kim, held) = full_site().await;
    let found = kim.get("/api/v1/instances/~/features?search=REN").await;
    assert_eq!((found.items().len(), &found.items()[0]["name"]), (1, &json!("render")));
    assert_eq!(found.json()["total"], 1);
    assert_eq!(kim.get("/api/v1/users?search=le").await.items()[0]["name"], "lee");
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn a_list_is_taken_away_as_a_whole() {
    let (site, kim, held) = full_site().await;
    let csv = kim.get("/api/v1/instances/~/features?format=csv&page_size=1").await;
    assert_eq!(csv.is(200).header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(csv.header("content-disposition"), "attachment; filename=\"features.csv\"");
    let lines: Vec<&str> = csv.text().split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("name,version,total,used,"), "{lines:?}");
    assert!(lines[1].starts_with("render,1.0,5,2,"), "{lines:?}");

    let accepting = kim.with("accept", "application/x-ndjson");
    let ndjson = accepting.get("/api/v1/instances/~/grants").await;
    assert_eq!(ndjson.is(200).header("content-type"), "application/x-ndjson");
    let rows: Vec<serde_json::Value> =
        ndjson.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows, kim.get("/api/v1/instances/~/grants").await.items());
    let problem = kim.get("/api/v1/instances/~/grants?format=xml").await.is_problem(400, "INVALID_FIELD");
    assert_eq!(problem["errors"][0]["field"], "format");
    drop(held);
    site.stop().await;
}
