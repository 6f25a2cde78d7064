//! The gateway in a process of its own, which reaches the others with its certificate.

use std::path::Path;

use serde_json::{Value, json};

use super::part::Part;
use super::{Apart, FEATURE, said};
use crate::foreign_client::python;

impl Apart {
    /// A gateway in front of these services, with these papers.
    async fn gateway(&self, papers: &'static str) -> Part {
        let database = self.postgres.url();
        let [licensing, sync] =
            [&self.licensing, &self.sync].map(|part| format!("https://localhost:{}", part.port()));
        let settings = [
            ("postgres.url", database.as_str()),
            ("services.licensing", &licensing),
            ("services.sync", &sync),
        ];
        let mut gateway = Part::gateway(self.folder.path(), papers, &settings);
        gateway.begin();
        gateway.ready().await;
        gateway
    }

    /// What a script sees through it, which makes the first administrator.
    async fn seen_through(&self, gateway: &Part) -> Value {
        let log = gateway.log();
        let line =
            log.lines().find(|line| line.contains("nobody can sign in")).unwrap_or_else(|| panic!("{log}"));
        let line: Value = serde_json::from_str(line).unwrap();
        let code = line["fields"]["code"].as_str().or_else(|| line["code"].as_str()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/gateway_client.py");
        let url = format!("https://localhost:{}", gateway.port());
        let mut command = python();
        command.arg(script).args([url.as_str(), code, "tls/ca.pem"]).current_dir(self.folder.path());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        serde_json::from_str(&said(output).unwrap_or_else(|error| panic!("{error}\n{}", gateway.log())))
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_apart_acts_in_its_administrators_names() {
    let apart = Apart::start(5).await;
    let gateway = apart.gateway("gateway").await;
    let seen = apart.seen_through(&gateway).await;
    assert_eq!((&seen["first"], &seen["token"]), (&json!(201), &json!(201)), "{seen:#}");
    let cookie = seen["cookie"].as_str().unwrap();
    assert!(cookie.starts_with("__Host-leasehold-session=") && cookie.ends_with("; Secure"), "{cookie}");
    for service in seen["services"].as_array().unwrap() {
        assert_eq!(service["ok"], true, "{seen:#}");
    }
    let feature = &seen["features"]["items"][0];
    assert_eq!((&feature["name"], &feature["total"]), (&json!(FEATURE), &json!(5)), "{seen:#}");
    assert_eq!(seen["sync"]["status"], "SYNCHRONIZED", "{seen:#}");
    assert_eq!(seen["suspended"], json!([200, {"changed": true}]), "{seen:#}");
    assert_eq!(seen["activity"][0]["actor"], "kim", "{seen:#}");
    assert_eq!(
        (&seen["denied"][0], &seen["denied"][1]["reason"]),
        (&json!(403), &json!("PERMISSION_DENIED"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_with_the_papers_of_another_service_gets_nowhere() {
    let apart = Apart::start(5).await;
    let gateway = apart.gateway("updates").await;
    let seen = apart.seen_through(&gateway).await;
    assert_eq!(seen["features"]["reason"], "ACTOR_NOT_ACCEPTED", "{seen:#}");
    assert_eq!(seen["suspended"][0], 403, "{seen:#}");
    let instance = apart.to(&apart.licensing, &["instance", "show", "-o", "json"]).await.unwrap();
    assert_ne!(instance["instances"][0]["status"], "SUSPENDED", "{instance:#}");
}
