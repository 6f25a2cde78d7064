//! Updates: the vendor's repository, what it publishes, and the clients that get it.

use serde_json::json;

use crate::repository::{Repository, follower};
use crate::support::{Site, Visitor};

const REFRESH: &str = "/api/v1/updates/upstream/refresh";
const TEST: &str = "/api/v1/updates/upstream/test-connection";

/// Every operation on updates that only reads.
const READS: [&str; 6] = [
    "/api/v1/updates/products",
    "/api/v1/updates/releases",
    "/api/v1/updates/clients",
    "/api/v1/updates/clients/01890a5d-ac96-774b-bcce-b302099a8057",
    "/api/v1/updates/clients/01890a5d-ac96-774b-bcce-b302099a8057/events",
    "/api/v1/updates/upstream",
];

async fn mirrored() -> (Repository, Site, Visitor) {
    let repository = Repository::new();
    let site = Site::mirroring(&repository).await;
    let kim = site.first_administrator().await;
    let run = kim.post(REFRESH, json!({})).await.is(200).json();
    assert_eq!((&run["fetched_files"], &run["missing_files"]), (&json!(2), &json!(0)), "{run}");
    (repository, site, kim)
}

#[tokio::test]
async fn what_a_vendor_publishes_is_there_once_somebody_gets_updates() {
    let repository = Repository::new();
    let site = Site::mirroring(&repository).await;
    let kim = site.first_administrator().await;
    assert!(kim.get("/api/v1/updates/products").await.items().is_empty());
    let steps = kim.post(TEST, json!({})).await.is(200).json()["steps"].as_array().unwrap().clone();
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["ADDRESS", "RESOLVE", "CONNECT", "METADATA"], "{steps:?}");
    assert!(steps.iter().all(|step| step["ok"] == true), "{steps:?}");
    let before = kim.get("/api/v1/updates/upstream").await.is(200).json();
    assert_eq!((&before["connection"], &before["address"]), (&json!("DIRECT"), &repository.address().into()));
    assert!(
        before["last_run"].is_null() && before["succeeded_at"].is_null(),
        "nothing has changed: {before}"
    );

    let run = kim.post(REFRESH, json!({})).await.is(200).json();
    assert_eq!((&run["fetched_files"], &run["changed"]), (&json!(2), &json!(true)), "{run}");
    assert_eq!((&run["actor"], run.get("failure_reason")), (&json!("kim"), None), "{run}");
    let after = kim.get("/api/v1/updates/upstream").await.is(200).json();
    assert_eq!((&after["last_run"], &after["address_source"]), (&run, &json!("configuration")));
    assert_eq!(
        (&after["versions"]["root"], &after["succeeded_at"]),
        (&json!(1), &run["ended_at"]),
        "{after}"
    );
    let held = after["definitions"].as_array().unwrap();
    assert_eq!(held.iter().filter(|file| file["held"] == true && file["file"] == "rules.db").count(), 2);

    let products = kim.get("/api/v1/updates/products?instance=default&search=stud").await.items();
    assert_eq!(products.len(), 1);
    assert_eq!((&products[0]["name"], &products[0]["newest_version"]), (&json!("Studio"), &json!("1.0")));
    let releases = kim.get("/api/v1/updates/releases?product=Studio").await.items();
    let [release] = releases.as_slice() else { panic!("{releases:?}") };
    for (field, value) in [
        ("kind", json!("DEFINITION")),
        ("state", json!("APPROVED")),
        ("channel", json!("stable")),
        ("target", json!("Studio/1.0/rules.db")),
        ("features", json!(["render"])),
        ("held", json!(true)),
    ] {
        assert_eq!(release[field], value, "{field} of {release}");
    }
    assert_eq!(release["sha256"].as_str().unwrap().len(), 64);
    site.stop().await;
}

#[tokio::test]
async fn a_client_is_seen_with_what_it_did() {
    let (_repository, site, kim) = mirrored().await;
    site.supply().await;
    let held = site.device("D1", &["render"]).await;
    let id = follower(&site, "D1/STRING").await;
    let clients = kim.get("/api/v1/updates/clients?product=Studio").await.items();
    let [client] = clients.as_slice() else { panic!("{clients:?}") };
    assert_eq!((&client["client_id"], &client["hostid"]), (&json!(id.to_string()), &json!("D1/STRING")));
    assert_eq!((&client["alias"], &client["free_bytes"]), (&json!("workbench"), &json!(null)), "{client}");
    let product = &client["products"][0];
    assert_eq!((&product["product"], &product["assigned_version"]), (&json!("Studio"), &json!("1.0")));
    assert_eq!((&product["state"], product.get("version")), (&json!("FAILED"), None), "{product}");
    assert!(kim.get("/api/v1/updates/clients?product=Scanner").await.items().is_empty());
    let follows = &kim.get("/api/v1/updates/products?search=studio").await.items()[0];
    assert_eq!((&follows["clients"], &follows["current_clients"]), (&json!(1), &json!(0)));

    let one = format!("/api/v1/updates/clients/{id}");
    assert_eq!(kim.get(&one).await.is(200).json(), *client);
    let events = kim.get(&format!("{one}/events")).await.items();
    let states: Vec<_> = events.iter().map(|event| event["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["FAILED", "ACCEPTED"], "newest first");
    assert!(events.iter().all(|event| event["received_at"].is_string() && event["at"].is_string()));
    let found = kim.get(&format!("{one}/events?page_size=1&skip=1")).await.items();
    assert_eq!(found, events[1..]);
    for path in [&one, &format!("{one}/events")] {
        let other = path.replace(&id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
        kim.get(&other).await.is_problem(404, "NOT_FOUND");
        let problem = kim.get(&path.replace(&id.to_string(), "x")).await.is_problem(400, "INVALID_FIELD");
        assert_eq!(problem["errors"][0]["field"], "client_id");
    }
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn lists_of_updates_are_taken_away_as_a_whole() {
    let (_repository, site, kim) = mirrored().await;
    site.supply().await;
    let held = site.device("D1", &["render"]).await;
    let id = follower(&site, "D1/STRING").await;
    let events = format!("clients/{id}/events");
    for (list, rows, begins) in [
        ("products", 2, "name,releases,newest_version,"),
        ("releases", 2, "product,version,kind,channel,"),
        ("clients", 1, "client_id,hostid,alias,"),
        (events.as_str(), 2, "sequence,at,received_at,"),
    ] {
        let csv = kim.get(&format!("/api/v1/updates/{list}?format=csv&page_size=1")).await;
        assert_eq!(csv.is(200).header("content-type"), "text/csv; charset=utf-8");
        let lines: Vec<&str> = csv.text().split_terminator("\r\n").collect();
        assert_eq!(lines.len(), rows + 1, "{list}: {lines:?}");
        assert!(lines[0].starts_with(begins), "{list}: {lines:?}");
        let columns = lines[0].split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == columns), "{list}: {lines:?}");
        let ndjson = kim.get(&format!("/api/v1/updates/{list}?format=ndjson")).await;
        assert_eq!(ndjson.is(200).text().lines().count(), rows, "{list}");
    }
    let releases = kim.get("/api/v1/updates/releases?format=csv").await;
    assert!(releases.text().contains(",'=Better,"), "a vendor's notes run nowhere: {}", releases.text());
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn whoever_reads_sees_updates_and_an_operator_gets_them() {
    let (_repository, site, kim) = mirrored().await;
    let lee = site.colleague(&kim, "lee", &["VIEWER"]).await;
    for path in READS.iter().filter(|path| !path.contains("/clients/")) {
        lee.get(path).await.is(200);
    }
    lee.post(REFRESH, json!({})).await.is_problem(403, "PERMISSION_DENIED");
    lee.post(TEST, json!({})).await.is_problem(403, "PERMISSION_DENIED");
    let sam = site.colleague(&kim, "sam", &["OPERATOR"]).await;
    sam.post(TEST, json!({})).await.is(200);
    sam.without("x-form-token").post(REFRESH, json!({})).await.is_problem(403, "FORM_TOKEN_INVALID");
    assert_eq!(sam.post(REFRESH, json!({})).await.is(200).json()["actor"], "sam");

    let other =
        json!({"name": "ann", "password": "long enough now", "roles": ["ADMIN"], "instances": ["other"]});
    kim.post("/api/v1/users", other).await.is(201);
    let opened = site.sign_in("ann", "long enough now").await;
    let ann = Visitor::of_session(site.address(), &opened);
    for path in READS {
        ann.get(path).await.is_problem(403, "PERMISSION_DENIED");
        kim.get(&format!("{path}?instance=nowhere")).await.is_problem(404, "UNKNOWN_INSTANCE");
    }
    ann.post(REFRESH, json!({})).await.is_problem(403, "PERMISSION_DENIED");
    site.stop().await;
}

#[tokio::test]
async fn a_repository_that_cannot_be_had_is_told_with_what_to_do() {
    let (repository, site, kim) = mirrored().await;
    repository.vanish();
    kim.post(REFRESH, json!({})).await.is_problem(503, "UPDATE_REPOSITORY_UNREACHABLE");
    let status = kim.get("/api/v1/updates/upstream").await.json();
    assert_eq!(status["last_run"]["failure_reason"], "UPDATE_REPOSITORY_UNREACHABLE", "{status}");
    assert!(status["last_run"]["message"].is_string() && status["succeeded_at"].is_string(), "{status}");
    assert_eq!(kim.get("/api/v1/updates/releases").await.items().len(), 2, "what was mirrored stays");
    let steps = kim.post(TEST, json!({})).await.is(200).json()["steps"].as_array().unwrap().clone();
    let last = steps.last().unwrap();
    assert_eq!((&last["step"], &last["ok"]), (&json!("METADATA"), &json!(false)), "{steps:?}");
    site.stop().await;

    let (site, kim) = Site::with_administrator().await;
    kim.post(REFRESH, json!({})).await.is_problem(409, "NO_UPDATE_REPOSITORY");
    let tested = kim.post(TEST, json!({})).await.is(200).json();
    assert_eq!((&tested["steps"][0]["step"], &tested["steps"][0]["ok"]), (&json!("ADDRESS"), &json!(false)));
    let status = kim.get("/api/v1/updates/upstream").await.is(200).json();
    assert_eq!((&status["connection"], status.get("address")), (&json!("NONE"), None), "{status}");
    site.stop().await;
}

#[tokio::test]
async fn where_nobody_serves_updates_that_is_what_is_said() {
    let site = Site::without_updates().await;
    let kim = site.first_administrator().await;
    site.stranger().get(READS[0]).await.is_problem(401, "UNAUTHENTICATED");
    for path in READS {
        kim.get(path).await.is_problem(404, "UPDATES_NOT_SERVED");
    }
    for path in [REFRESH, TEST] {
        let problem = kim.post(path, json!({})).await.is_problem(404, "UPDATES_NOT_SERVED");
        assert!(problem["detail"].as_str().unwrap().contains("services.updates"), "{problem}");
    }
    kim.get("/problems/UPDATES_NOT_SERVED").await.is(200);
    let services = kim.get("/api/v1/services").await.json();
    assert!(services.as_array().unwrap().iter().all(|service| service["name"] != "updates"), "{services}");
    site.stop().await;
}
