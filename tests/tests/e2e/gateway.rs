//! The gateway of the whole program: scripts of another language, and a judge of its description.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::foreign_client::python;
use crate::server::Server;

/// Runs a script of ours.
async fn script(name: &str, words: &[&str]) -> Output {
    let mut command = python();
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)).args(words);
    // What the tools leave behind goes with the folder.
    let folder = tempfile::tempdir().unwrap();
    command.current_dir(folder.path());
    output(command).await
}

async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A server with rights, what it has logged, and what a script sees through its gateway that makes the first
/// administrator.
async fn entered() -> (Server, String, Value) {
    let estate = json!({"line_items": [{"id": "L1", "feature": "render", "version": "1.0", "count": 5}]});
    let server = Server::start(&estate, &[("licensing.allow_device_drop", "true")]).await;
    let log = server.log();
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let line = |text: &str| {
        let found =
            lines.iter().find(|line| line["message"].as_str().is_some_and(|message| message.contains(text)));
        found.unwrap_or_else(|| panic!("{text} is not in {log}")).clone()
    };
    let url = format!("http://{}", line("gateway is ready")["address"].as_str().unwrap());
    let code = line("nobody can sign in")["code"].as_str().unwrap().to_owned();
    let output = script("gateway_client.py", &[&url, &code]).await;
    assert!(output.status.success(), "{}\n{log}", said(&output));
    (server, url, serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_of_an_administrator_needs_nothing_but_http() {
    let (mut server, _, seen) = entered().await;
    // Who is not known does not hear what else is wrong.
    let stranger = (&seen["stranger"][0], &seen["stranger"][1]["reason"]);
    assert_eq!(stranger, (&json!(401), &json!("UNAUTHENTICATED")), "{seen:#}");
    assert_eq!((&seen["first"], &seen["token"]), (&json!(201), &json!(201)), "{seen:#}");
    assert!(seen["cookie"].as_str().unwrap().starts_with("leasehold-session="), "{seen:#}");
    let feature = &seen["features"]["items"][0];
    assert_eq!((&feature["name"], &feature["total"]), (&json!("render"), &json!(5)), "{seen:#}");
    assert_eq!(seen["suspended"], json!([200, {"changed": true}]), "{seen:#}");
    assert_eq!(seen["activity"][0]["actor"], "kim", "{seen:#}");
    assert_eq!(
        (&seen["denied"][0], &seen["denied"][1]["reason"]),
        (&json!(403), &json!("PERMISSION_DENIED"))
    );
    // Who was made stays, and nobody is made again by a code.
    server.stop().await;
    server.serve().await;
    assert!(!server.log().contains("nobody can sign in"), "{}", server.log());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_asked_every_answer_is_as_described() {
    let (mut server, url, seen) = entered().await;
    let token = seen["everything"].as_str().unwrap();
    let output = script("gateway_described.py", &[&url, token]).await;
    assert!(output.status.success(), "{}", said(&output));
    let log = server.log();
    let failed = log.lines().find(|line| line.contains("\"level\":\"ERROR\""));
    assert_eq!(failed, None);
    server.stop().await;
}
