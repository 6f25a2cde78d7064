use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::support::{DROP_ALLOWED, ESTATE, Going, Place, Server, until};

#[test]
fn features_are_listed_for_people_and_for_programs() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let table = server.leasehold(&place, ["feature", "list"]).expect(0).stdout;
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..4], ["FEATURE", "VERSION", "TOTAL", "USED"]);
    assert_eq!(
        rows[1],
        ["Export", "2.0", "2", "0", "1", "1", "1", "0", "2099-12-31T23:59:59Z", "2099-12-31T23:59:59Z"]
    );
    assert_eq!(rows[2][..6], ["Print", "1.0", "uncounted", "0", "0", "uncounted"]);
    assert!(!table.contains('\u{1b}'), "no colour where there is no terminal");

    let export = json!({
        "name": "Export", "version": "2.0", "total": 2, "used": 0, "reserved": 1, "reserved_idle": 1, "available": 1,
        "overdraft": 1, "overdraft_used": 0, "overage": 0, "first_expiration": "2099-12-31T23:59:59Z",
        "last_expiration": "2099-12-31T23:59:59Z", "metered": false, "counted": true,
    });
    let found =
        server.leasehold(&place, ["feature", "list", "-o", "json", "--search", "xpo"]).expect(0).json();
    assert_eq!(found, json!({"features": [export], "total": 1}));
}

#[test]
fn long_lists_are_read_to_the_end_or_the_limit() {
    let place = Place::initialised();
    let mut estate = "{\"line_items\": [{\"id\": \"0\", \"feature\": \"f000\"}".to_owned();
    for number in 1..510 {
        let _ = write!(estate, ", {{\"id\": \"{number}\", \"feature\": \"f{number:03}\"}}");
    }
    let server = place.serve(&(estate + "]}"));
    let features = server.list(&place, "feature");
    assert_eq!(features.len(), 510);
    assert!(features.is_sorted_by_key(|feature| feature["name"].as_str().unwrap().to_owned()));

    let list = |limit: &str| {
        server.leasehold(&place, ["feature", "list", "-o", "json", "--limit", limit]).expect(0).json()
    };
    assert_eq!(list("505")["features"].as_array().unwrap()[..], features[..505]);
    assert_eq!(list("3")["total"], 510);
    let table = server.leasehold(&place, ["feature", "list", "--limit", "3"]).expect(0);
    assert_eq!(table.stdout.lines().count(), 4);
    assert!(table.stderr.contains("3 of 510"), "{}", table.stderr);
    server.leasehold(&place, ["feature", "list", "--limit", "0"]).expect(2);
}

#[test]
fn an_empty_list_says_what_to_do_next() {
    let place = Place::initialised();
    let server = place.serve("{}");
    for (what, hint) in [
        ("feature", "leasehold sync identity"),
        ("device", "leasehold run"),
        ("grant", "leasehold feature list"),
    ] {
        let ended = server.leasehold(&place, [what, "list"]).expect(0);
        assert!(ended.stdout.is_empty() && ended.stderr.contains(hint), "{}", ended.stderr);
    }
    assert!(server.list(&place, "grant").is_empty());
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let place = Place::new();
    // Nobody listens there: the port was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    place
        .leasehold(["feature", "list", "--server", &free])
        .expect_error(7, &["cannot reach the licence server at", &free]);
    let parts = ["cannot reach the licence server at", free.as_str()];
    place
        .leasehold(["run", "Export", "--timeout", "1", "--server", &free, "--", "true"])
        .expect_error(7, &parts);
    place.leasehold(["feature", "list", "--server", "http://x"]).expect_error(2, &["is a URL"]);

    // Somebody listens and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let args = ["grant", "list", "--timeout", "1", "--server", &address];
    place.leasehold(args).expect_error(7, &["no answer within 1 s"]);
}

#[test]
fn an_instance_that_is_not_there_is_not_found() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    server.leasehold(&place, ["feature", "list", "--instance", "default"]).expect(0);
    server.leasehold(&place, ["feature", "list", "--instance", "other"]).expect_error(3, &["other"]);
}

#[test]
fn ending_a_grant_needs_the_policy() {
    let place = Place::initialised();
    let server = place.serve(ESTATE);
    let holder = ["run", "Export", "--server", &server.address, "--", "sleep", "300"];
    let _holder = Going::start(&mut place.command(holder));
    let grant = until("the grant is there", || server.list(&place, "grant").pop());
    let id = grant["grant_id"].as_str().unwrap();
    server.leasehold(&place, ["grant", "release", id]).expect_error(5, &["licensing.allow_device_drop"]);
    assert_eq!(server.list(&place, "grant").len(), 1);
}

#[test]
fn a_grant_is_ended_without_its_holder() {
    let place = Place::initialised();
    let server = place.serve_with(ESTATE, DROP_ALLOWED);
    let holder = [
        "run",
        "Export",
        "--hostid",
        "D7",
        "--on-lost",
        "stop",
        "--server",
        &server.address,
        "--",
        "sleep",
        "300",
    ];
    let mut holder = Going::start(&mut place.command(holder));
    let grant = until("the grant is there", || server.list(&place, "grant").pop());
    assert_eq!(
        (&grant["feature"], &grant["hostid"], &grant["mode"]),
        (&json!("Export"), &json!("D7/STRING"), &json!("ONLINE"))
    );
    assert_eq!(
        (&grant["parts"][0]["line_item_id"], &grant["parts"][0]["source"]),
        (&json!("L1"), &json!("default"))
    );
    let none = server.leasehold(&place, ["grant", "list", "-o", "json", "--device", "D8"]).expect(0).json();
    assert_eq!(none["total"], 0);
    let devices = server.list(&place, "device");
    assert_eq!((&devices[0]["hostid"], &devices[0]["counts"]), (&json!("D7/STRING"), &json!(1)));

    let id = grant["grant_id"].as_str().unwrap();
    let ended = server.leasehold(&place, ["grant", "release", id, "--reason", "maintenance"]).expect(0);
    assert!(ended.stderr.contains("Ended: 1 of Export, which D7/STRING held."), "{}", ended.stderr);
    assert!(server.list(&place, "grant").is_empty());
    assert_eq!(server.list(&place, "feature")[0]["used"], 0);
    server.leasehold(&place, ["grant", "release", id]).expect_error(3, &[id]);
    server.leasehold(&place, ["grant", "release", "7"]).expect_error(2, &["grant_id"]);

    // The holder learns it, and its program is stopped because that was asked for.
    assert_eq!(holder.wait().0, Some(128 + 15));
}

#[test]
fn confirming_says_whether_there_was_anything_to_confirm() {
    let place = Place::initialised();
    let mut command = place.command(["serve", "--listen", "127.0.0.1:0", "--restored"]);
    command.env("LEASEHOLD__ADMIN__LISTEN", "127.0.0.1:0");
    let mut server = Server::start(command);
    let admin = server.line("the admin listener answers")["address"].as_str().unwrap().to_owned();
    assert_eq!(restored(&admin), "1");
    let confirm = || server.leasehold(&place, ["instance", "confirm-restored"]).expect(0).stderr;
    let told = confirm();
    assert!(told.contains("Confirmed: borrows are granted again"), "{told}");
    assert_eq!(restored(&admin), "0");
    let told = confirm();
    assert!(told.contains("Nothing to confirm") && !told.contains("Confirmed"), "{told}");
}

/// What is measured of a restored instance.
fn restored(admin: &str) -> String {
    let mut connection = TcpStream::connect(admin).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let value = answer.lines().find_map(|line| line.strip_prefix("leasehold_licensing_restored "));
    value.unwrap_or_else(|| panic!("{answer}")).to_owned()
}
