//! What the vendor's staff does, by commands alone.

use std::fs;

use serde_json::{Value, json};

use super::office::{Machine, Office};
use crate::support::{Place, exists};

#[test]
fn a_customer_is_served_from_its_order_to_its_response_file() {
    let place = Place::new();
    let office = Office::open(&place);
    office.vendor(&place, &["product", "create", "Studio", "--feature", "cad", "--feature", "cam"]).expect(0);
    let id = office.license_server(&place);
    let enrolment: Value = serde_json::from_slice(&fs::read(place.path("enrolment.json")).unwrap()).unwrap();
    assert_eq!((&enrolment["license_server_id"], &enrolment["vendor_id"]), (&json!(id), &json!("example")));
    assert_eq!(
        (&enrolment["address"], &enrolment["contact"]["mail"]),
        (&json!(""), &json!("help@example.com"))
    );
    let printed = office.vendor(&place, &["server", "enrolment", &id]).expect(0);
    assert_eq!(printed.json(), enrolment);

    let flags = [
        "entitlement",
        "create",
        "--server-id",
        &id,
        "--feature",
        "cad",
        "--count",
        "5",
        "--product",
        "Studio",
        "--expires",
        "2099-12-31",
    ];
    let made = office.row(&place, "entitlements", &flags);
    assert_eq!(
        (&made["customer"], &made["line_items"][0]["expires_at"]),
        (&json!("Acme"), &json!("2099-12-31T23:59:59Z"))
    );
    place.write("more.json", r#"{"line_items": [{"id": "L2", "feature": "erp", "version": "2.0"}]}"#);
    office.vendor(&place, &["entitlement", "create", "--server-id", &id, "--file", "more.json"]).expect(0);

    let machine = Machine::new(&place);
    machine.request(&place.path("request"), 1);
    let process = ["process", "request", "--out", "response", "--armored"];
    let row = office.row(&place, "responses", &process);
    assert_eq!((&row["license_server_id"], &row["bundle_sequence"]), (&json!(id), &json!(1)));
    assert!(fs::read_to_string(place.path("response")).unwrap().starts_with("-----BEGIN AGE"));
    let response = machine.response(&place.path("response"));
    let features: Vec<_> =
        response.line_items.iter().map(|item| (item.feature.as_str(), item.count)).collect();
    assert_eq!(features, [("cad", Some(5)), ("erp", None)]);

    // Nothing is overwritten without a word.
    office.vendor(&place, &process).expect_error(6, &["response is there already", "--force"]);
    let force = ["process", "request", "--out", "response", "--force"];
    office.vendor(&place, &force).expect(0);
    assert_eq!(machine.response(&place.path("response")), response, "the same request has the same answer");
}

#[test]
fn another_machine_is_refused_until_the_keys_are_cleared() {
    let place = Place::new();
    let office = Office::open(&place);
    let id = office.license_server(&place);
    let (one, other) = (Machine::new(&place), Machine::new(&place));
    one.request(&place.path("one"), 1);
    other.request(&place.path("other"), 1);
    office.vendor(&place, &["process", "one", "--out", "a"]).expect(0);
    let shown = office.row(&place, "license_servers", &["server", "show", &id]);
    assert_eq!(shown["fingerprint"], one.key.id().fingerprint().to_string());
    let fingerprint = other.key.id().fingerprint().to_string();
    let refused = office.vendor(&place, &["process", "other", "--out", "b"]);
    assert_ne!(refused.code, Some(0));
    assert!(refused.stderr.contains(&fingerprint), "{}", refused.stderr);
    assert!(!exists(&place.path("b")));

    office.vendor(&place, &["server", "clear-keys", &id]).expect_error(2, &["--reason"]);
    let clear = ["server", "clear-keys", &id, "--reason", "new machine"];
    assert_eq!(office.row(&place, "license_servers", &clear)["fingerprint"], "");
    office.vendor(&place, &["process", "other", "--out", "b"]).expect(0);
    assert_eq!(other.response(&place.path("b")).sequence, 2);

    let audit = office.vendor(&place, &["audit", "--subject", &id, "-o", "json"]).expect(0).json();
    let actions: Vec<_> = audit["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "license_server.synchronized",
            "license_server.keys_bound",
            "license_server.keys_cleared",
            "license_server.request_refused",
            "license_server.synchronized",
            "license_server.keys_bound",
            "license_server.created",
        ]
    );
    let table = office.vendor(&place, &["audit", "--limit", "1"]).expect(0);
    assert_eq!(table.stdout.lines().count(), 2);
    assert!(table.stderr.contains("1 of "), "{}", table.stderr);
}

#[test]
fn mistakes_are_told_with_the_exit_code_that_goes_with_them() {
    let place = Place::new();
    let office = Office::open(&place);
    let id = office.license_server(&place);
    let vendor = |args: &[&str]| office.vendor(&place, args);
    vendor(&["customer", "create", "Acme"]).expect_error(6, &["customer \"Acme\" already"]);
    vendor(&["customer", "create", "B", "--mail", "nowhere"]).expect_error(2, &["customer.mail"]);
    vendor(&["server", "create", "x", "--customer", "Nobody"]).expect_error(3, &["customer \"Nobody\""]);
    vendor(&["server", "create", "x", "--customer", "Acme", "--synchronize-within", "soon"])
        .expect_error(2, &["--synchronize-within: must be a length of time"]);
    vendor(&["server", "create", "x", "--customer", "Acme", "--out", "enrolment.json"])
        .expect_error(6, &["enrolment.json is there already"]);
    assert_eq!(vendor(&["server", "list", "-o", "json"]).expect(0).json()["total"], 1, "none was made");
    vendor(&["server", "show", "7"]).expect_error(2, &["license_server_id"]);
    vendor(&["entitlement", "create", "--server-id", &id]).expect_error(2, &["--feature"]);
    let flags = ["entitlement", "create", "--server-id", &id, "--feature", "cad"];
    let with = |more: &[&str]| vendor(&flags.iter().chain(more).copied().collect::<Vec<_>>());
    with(&["--expires", "soon"]).expect_error(2, &["--expires: must be a time"]);
    with(&["--product", "None"]).expect_error(2, &["line_items[0].product", "no product \"None\""]);
    let file = ["entitlement", "create", "--server-id", &id, "--file", "rights.json"];
    place.write("rights.json", "{\"line_items\": [\n{\"id\": \"L1\", \"feature\": \"f\", \"cuont\": 2}]}");
    vendor(&file)
        .expect_error(1, &["rights.json, line 2, line_items[0].cuont: unknown key (did you mean `count`?)"]);
    let reservation =
        r#"{"reservations": [{"group": "g", "hostid": "h", "entries": [{"feature": "f", "count": 1}]}]}"#;
    place.write("rights.json", reservation);
    vendor(&file).expect_error(1, &["rights.json: `reservations` are the customer's"]);
    place.write("letter.txt", "dear");
    vendor(&["process", "letter.txt", "--out", "x"]).expect_error(1, &["no sealed file"]);
    vendor(&["process", "none", "--out", "x"]).expect_error(1, &["none cannot be read"]);
}

#[test]
fn an_entitlement_is_replaced_and_removed() {
    let place = Place::new();
    let office = Office::open(&place);
    let id = office.license_server(&place);
    let create = ["entitlement", "create", "--server-id", &id, "--feature"];
    let with = |feature| create.into_iter().chain([feature]).collect::<Vec<_>>();
    let made = office.row(&place, "entitlements", &with("cad"));
    office.vendor(&place, &with("erp")).expect(0);
    let entitlement = made["entitlement_id"].as_str().unwrap();
    let update = ["entitlement", "update", entitlement, "--feature", "cam", "--count", "1"];
    assert_eq!(office.row(&place, "entitlements", &update)["revision"], 2);
    office.vendor(&place, &["entitlement", "delete", entitlement]).expect(0);
    let left =
        office.vendor(&place, &["entitlement", "list", "--server-id", &id, "-o", "json"]).expect(0).json();
    assert_eq!(
        (&left["total"], &left["entitlements"][0]["line_items"][0]["feature"]),
        (&json!(1), &json!("erp"))
    );
}
