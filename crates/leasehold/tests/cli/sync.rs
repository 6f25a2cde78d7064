//! `leasehold sync …` against a server and a back office that run.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Ended, Place, Server, ended};

/// A vendor's back office, and its directory.
struct Vendor {
    place: Place,
    server: Server,
}

impl Vendor {
    fn open() -> Self {
        let place = Place::new();
        let init = ["vendor", "init", "--dir", "v", "--vendor-id", "example", "--name", "Example Ltd"];
        place.leasehold(init.into_iter().chain(["--mail", "licences@example.com"])).expect(0);
        let command = place.command(["vendor", "serve", "--dir", "v", "--listen", "127.0.0.1:0"]);
        let server = Server::start_until(command, "backoffice is ready");
        let vendor = Self { place, server };
        vendor.run(&["vendor", "customer", "create", "ACME"]).expect(0);
        vendor
    }

    fn run(&self, args: &[&str]) -> Ended {
        ended(self.place.command(args).env("LEASEHOLD_VENDOR_SERVER", &self.server.address))
    }

    /// Adds a licence server with five counts of `Export`: its id, and what its enrolment file says.
    fn license_server(&self, name: &str) -> (String, Value) {
        let file = format!("{name}.json");
        self.run(&["vendor", "server", "create", name, "--customer", "ACME", "--out", &file]).expect(0);
        let text = std::fs::read_to_string(self.place.path(&file)).unwrap();
        let mut enrolment: Value = serde_json::from_str(&text).unwrap();
        enrolment["address"] = format!("http://{}", self.server.address).into();
        let id = enrolment["license_server_id"].as_str().unwrap().to_owned();
        self.place.write("items.json", r#"{"line_items": [{"id": "L1", "feature": "Export", "count": 5}]}"#);
        let give = ["vendor", "entitlement", "create", "--server-id", &id, "--file", "items.json"];
        self.run(&give).expect(0);
        (id, enrolment)
    }
}

/// A server without a vendor, and its directory.
struct Site {
    place: Place,
    server: Server,
    sync: String,
}

impl Site {
    fn new() -> Self {
        let place = Place::initialised();
        let mut server = place.serve_alone(&[]);
        let sync = server.line("sync is ready")["address"].as_str().unwrap().to_owned();
        Self { place, server, sync }
    }

    fn run(&self, args: &[&str]) -> Ended {
        ended(self.place.command(args).env("LEASEHOLD_SYNC_SERVER", &self.sync))
    }

    fn json(&self, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["-o", "json"]).collect();
        self.run(&args).expect(0).json()
    }

    fn enrol(&self, enrolment: &Value) -> Ended {
        self.place.write("enrolment.json", &enrolment.to_string());
        self.run(&["sync", "enrol", "--file", "enrolment.json"])
    }
}

#[test]
fn a_server_is_enrolled_and_fetches_its_rights() {
    let (vendor, site) = (Vendor::open(), Site::new());
    let (id, enrolment) = vendor.license_server("main");
    let before = site.json(&["sync", "identity"]);
    assert_eq!((&before["status"], &before["license_server_id"]), (&json!("UNENROLLED"), &json!("")));
    let told = site.run(&["sync", "identity"]).expect(0);
    assert!(told.stderr.contains("leasehold sync enrol"), "{}", told.stderr);

    let enrolled = site.enrol(&enrolment).expect(0);
    assert!(enrolled.stderr.contains("`leasehold sync now`"), "{}", enrolled.stderr);
    let again = site.enrol(&enrolment).expect(0);
    assert!(again.stderr.contains("nothing was changed"), "{}", again.stderr);
    let steps = site.json(&["sync", "test"]);
    let steps: Vec<_> =
        steps["steps"].as_array().unwrap().iter().map(|it| (&it["step"], &it["ok"])).collect();
    let expected = ["RESOLVE", "CONNECT", "EXCHANGE"].map(|step| (json!(step), json!(true)));
    assert_eq!(steps, expected.iter().map(|(step, ok)| (step, ok)).collect::<Vec<_>>());

    let now = site.run(&["sync", "now"]).expect(0).stdout;
    assert!(now.starts_with("Synchronised: bundle 1, with 1 change.\n") && now.contains("L1"), "{now}");
    assert_eq!(site.server.list(&site.place, "feature")[0]["total"], 5);
    let identity = site.json(&["sync", "identity"]);
    assert_eq!((&identity["status"], &identity["bundle_sequence"]), (&json!("SYNCHRONIZED"), &json!(1)));
    assert_eq!(
        (&identity["license_server_id"], &identity["contact"]["mail"]),
        (&json!(id), &json!("licences@example.com"))
    );
    let shown = site.run(&["sync", "identity"]).expect(0).stdout;
    assert!(
        shown.contains("Example Ltd (example)") && shown.contains(identity["fingerprint"].as_str().unwrap()),
        "{shown}"
    );

    let exchange = &site.json(&["sync", "now"])["exchanges"][0];
    assert_eq!(
        (&exchange["number"], &exchange["state"], &exchange["bundle_sequence"]),
        (&json!(2), &json!("DONE"), &json!(2))
    );
    let history = site.json(&["sync", "history", "--limit", "1"]);
    assert_eq!((&history["total"], &history["exchanges"][0]["number"]), (&json!(2), &json!(2)));
    let table = site.run(&["sync", "history"]).expect(0).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
}

#[test]
fn requests_and_responses_go_by_files() {
    let (vendor, site) = (Vendor::open(), Site::new());
    let (_, mut enrolment) = vendor.license_server("main");
    enrolment["address"] = "".into();
    let enrolled = site.enrol(&enrolment).expect(0);
    assert!(enrolled.stderr.contains("leasehold sync export"), "{}", enrolled.stderr);
    site.run(&["sync", "now"]).expect_error(7, &["no back office on the network", "leasehold sync export"]);

    site.run(&["sync", "export", "request", "--armored"]).expect(0);
    site.run(&["sync", "export", "request"]).expect_error(6, &["is there already", "--force"]);
    assert_eq!(site.json(&["sync", "identity"])["outstanding"], 1);
    site.run(&["sync", "export", "request", "--armored", "--force"]).expect(0);
    let request = site.place.path("request");
    let request = request.to_str().unwrap();
    vendor.run(&["vendor", "process", request, "--out", "response", "--armored"]).expect(0);

    // As text in a mail, from standard input.
    let response = std::fs::read_to_string(vendor.place.path("response")).unwrap();
    let mail = format!("Hello,\r\n\r\n{}\r\nBye\r\n", response.replace('\n', "\r\n"));
    let mut command = site.place.command(["sync", "import", "-"]);
    command.env("LEASEHOLD_SYNC_SERVER", &site.sync).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(mail.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.server.list(&site.place, "feature")[0]["total"], 5);

    site.place.write("response", &response);
    site.run(&["sync", "import", "response"]).expect_error(6, &["was answered before", "make a new request"]);
    site.run(&["sync", "import", request]).expect_error(1, &["somebody else"]);
    site.place.write("noise", "no file of ours");
    site.run(&["sync", "import", "noise"]).expect_error(1, &["cannot be read", "BEGIN AGE ENCRYPTED FILE"]);
    site.run(&["sync", "import", "nowhere"]).expect_error(1, &["nowhere cannot be read"]);
}

#[test]
fn failures_say_what_to_do() {
    let (vendor, site) = (Vendor::open(), Site::new());
    let (id, enrolment) = vendor.license_server("main");
    site.run(&["sync", "now"]).expect_error(1, &["leasehold sync enrol"]);
    site.run(&["sync", "identity", "--instance", "other"]).expect_error(3, &["other"]);
    site.run(&["sync", "enrol"]).expect(2);
    site.run(&["sync", "enrol", "--license-server-id", &id]).expect(2);
    site.run(&["sync", "enrol", "--file", "nowhere"]).expect_error(1, &["nowhere cannot be read"]);
    site.place.write("broken.json", "{\"vendor_id\": \"x\"}");
    site.run(&["sync", "enrol", "--file", "broken.json"])
        .expect_error(2, &["is no enrolment file", "license_server_id"]);
    let mut wrong = enrolment.clone();
    wrong["vendor_root"] = "12".into();
    site.enrol(&wrong).expect_error(2, &["enrolment.vendor_root"]);
    assert_eq!(site.json(&["sync", "identity"])["status"], "UNENROLLED");

    // Nobody listens there: the port was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut astray = enrolment.clone();
    astray["address"] = format!("http://{free}").into();
    site.enrol(&astray).expect(0);
    site.run(&["sync", "now"]).expect_error(7, &["the vendor cannot be reached", "firewall"]);
    let walked = site.run(&["sync", "test"]).expect(7);
    assert!(walked.stdout.contains("CONNECT") && walked.stderr.contains("at CONNECT"), "{}", walked.stderr);
    let failed = site.json(&["sync", "history"]);
    let failed = &failed["exchanges"][0];
    assert_eq!((&failed["state"], &failed["failed_step"]), (&json!("REQUESTED"), &json!("CONNECT")));
    site.run(&["sync", "identity", "--server", &free]).expect_error(7, &["cannot reach", &free]);

    // Another server has the id already.
    let first = Site::new();
    first.enrol(&enrolment).expect(0);
    first.run(&["sync", "now"]).expect(0);
    site.enrol(&enrolment).expect(0);
    let fingerprint = site.json(&["sync", "identity"])["fingerprint"].as_str().unwrap().to_owned();
    let parts = ["licences@example.com", &id, &fingerprint];
    site.run(&["sync", "now"]).expect_error(5, &parts);
    assert_eq!(site.json(&["sync", "history"])["exchanges"][0]["failure_reason"], "KEY_ALREADY_BOUND");
    let mut other = enrolment;
    other["vendor_id"] = "other".into();
    first.enrol(&other).expect_error(6, &["of its own"]);
}
