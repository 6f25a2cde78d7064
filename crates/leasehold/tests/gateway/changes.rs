//! Who may change what, and whose name it bears.

use serde_json::{Value, json};

use crate::support::Site;

/// Every operation of the description that changes something, with the first example of its path.
fn changes(api: &Value) -> Vec<(String, String)> {
    let mut changes = Vec::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !["post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let mut path = path.clone();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let example = parameter["example"].as_str().unwrap_or("01890a5d-ac96-774b-bcce-b302099a8057");
                path = path.replace(&format!("{{{name}}}"), &example.replace('/', "%2F"));
            }
            changes.push((method.to_uppercase(), path));
        }
    }
    changes
}

#[tokio::test]
async fn somebody_who_only_reads_changes_nothing() {
    let (site, kim) = Site::with_administrator().await;
    let api = kim.get("/api/openapi.json").await.is(200).json();
    let lee = site.colleague(&kim, "lee", &["VIEWER"]).await.with("if-match", "\"1\"");
    // Its own session, password and tokens are its own affair; the first administrator there is already.
    let own = ["/api/v1/session", "/api/v1/password", "/api/v1/tokens", "/api/v1/first-administrator"];
    let mut refused = 0;
    for (method, path) in changes(&api) {
        if own.contains(&path.as_str()) || path.starts_with("/api/v1/tokens/") {
            continue;
        }
        let body = match path.as_str() {
            "/api/v1/users" => json!({"name": "x", "password": "long enough now", "roles": []}),
            path if path.contains("reservation-groups") => json!({"name": "g", "reservations": []}),
            path if path.ends_with("/sync") => json!({
                "license_server_id": "01890a5d-ac96-774b-bcce-b302099a8057",
                "vendor_id": "example",
                "vendor_root": "00".repeat(32),
            }),
            _ => json!({}),
        };
        let answer = lee.ask(&method, &path, Some(body)).await;
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
        answer.is_problem(403, "PERMISSION_DENIED");
        refused += 1;
    }
    assert!(refused >= 15, "only {refused} were tried");
    assert!(kim.get("/api/v1/instances/~").await.json()["suspension"].is_null());
    assert_eq!(kim.get("/api/v1/users").await.items().len(), 2);
    site.stop().await;
}

#[tokio::test]
async fn what_an_administrator_does_bears_its_name_in_the_activity() {
    let (site, kim) = Site::with_administrator().await;
    site.supply().await;
    let held = site.device("D1", &["render"]).await;
    let lee = site.colleague(&kim, "lee", &["OPERATOR", "DROP_CLIENT"]).await;
    let suspended = lee.post("/api/v1/instances/~/suspend", json!({"text": "Maintenance"})).await;
    assert_eq!(suspended.is(200).json()["changed"], true);
    lee.ask("DELETE", "/api/v1/instances/~/devices/D1%2FSTRING?reason=replaced", None).await.is(200);
    let activity = kim.get("/api/v1/instances/~/activity").await.items();
    for (kind, detail) in [("INSTANCE_CHANGED", "Maintenance"), ("DROPPED", "replaced")] {
        let found = activity.iter().find(|row| row["kind"] == kind).unwrap_or_else(|| panic!("{activity:?}"));
        assert_eq!(found["actor"], "lee", "{found}");
        assert!(found["detail"].as_str().unwrap().contains(detail), "{found}");
    }
    drop(held);
    site.stop().await;
}

#[tokio::test]
async fn an_administrator_of_some_instances_sees_no_other() {
    let (site, kim) = Site::with_administrator().await;
    let user =
        json!({"name": "lee", "password": "long enough now", "roles": ["ADMIN"], "instances": ["other"]});
    kim.post("/api/v1/users", user).await.is(201);
    let opened = site.sign_in("lee", "long enough now").await;
    let lee = crate::support::Visitor::of_session(site.address(), &opened);
    lee.get("/api/v1/instances/~/features").await.is_problem(403, "PERMISSION_DENIED");
    lee.get("/api/v1/events").await.is_problem(403, "PERMISSION_DENIED");
    site.stop().await;
}

#[tokio::test]
async fn a_change_goes_with_the_revision_that_was_read() {
    let (site, kim) = Site::with_administrator().await;
    site.supply().await;
    let groups = "/api/v1/instances/~/reservation-groups";
    let group = |count: u32| {
        let entries = json!([{"feature": "render", "count": count}]);
        json!({"name": "room", "reservations": [{"hostid": "D1/STRING", "entries": entries}]})
    };
    let made = kim.post(groups, group(1)).await;
    let place = made.is(201).header("location").to_owned();
    let old = made.header("etag").to_owned();
    kim.ask("PUT", &place, Some(group(2))).await.is_problem(428, "PRECONDITION_REQUIRED");
    kim.with("if-match", &old).ask("PUT", &place, Some(group(2))).await.is(200);
    kim.with("if-match", &old).ask("PUT", &place, Some(group(3))).await.is_problem(412, "ETAG_MISMATCH");
    let now = kim.get(&place).await;
    assert_eq!(now.json()["reservations"][0]["entries"][0]["count"], 2);
    let too_many = kim.post(
        groups,
        json!({"name": "x", "reservations": [
            {"hostid": "D2/STRING", "entries": [{"feature": "render", "count": 90}]}
        ]}),
    );
    too_many.await.is_problem(409, "RESERVATION_UNSATISFIED");
    kim.with("if-match", now.header("etag")).ask("DELETE", &place, None).await.is(204);
    kim.get(&place).await.is_problem(404, "NOT_FOUND");
    site.stop().await;
}
