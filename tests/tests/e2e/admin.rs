//! What an operator sees of a real server: readiness, metrics, the log level, the log file.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::calls::{beat, check_out, request};
use crate::player;
use crate::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);
const SETTINGS: [(&str, &str); 3] =
    [("admin.listen", "127.0.0.1:0"), ("logging.file", "server.log"), ("logging.level", "info")];

/// Starts a server with an admin listener, and says where that is.
async fn start() -> (Server, String) {
    let server = Server::start(&player::estate(), &SETTINGS).await;
    let log = server.log();
    let line = log.lines().find(|line| line.contains("the admin listener answers")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    (server, line["address"].as_str().unwrap().to_owned())
}

/// Asks the admin listener; status and body.
async fn ask(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_tells_how_it_is_and_what_it_did() {
    let (mut server, admin) = start().await;
    assert_eq!(ask(&admin, "GET", "/live", "").await.0, 200);
    // It takes calls a moment before it has asked all that it depends on.
    let ready = async {
        loop {
            let (status, report) = ask(&admin, "GET", "/ready", "").await;
            let report: Value = serde_json::from_str(&report).unwrap();
            if status == 200 {
                return report;
            }
            assert_eq!((status, &report["state"]), (503, &"starting".into()), "{report}");
            sleep(Duration::from_millis(10)).await;
        }
    };
    let report = timeout(Duration::from_secs(10), ready).await.expect("the server becomes ready");
    assert_eq!(report["state"], "ready", "{report}");
    let store = &report["dependencies"][0];
    assert_eq!((&store["name"], &store["ok"]), (&"sqlite".into(), &true.into()), "{report}");

    let mut licensing = server.licensing();
    let grant = check_out(&mut licensing, request("D1", &[("hot", 1)])).await;
    for _ in 0..3 {
        beat(&mut licensing, &grant).await;
    }
    let (status, text) = ask(&admin, "GET", "/metrics", "").await;
    assert_eq!(status, 200);
    let service = "service=\"leasehold.licensing.v1.LicensingService\"";
    for line in [
        format!("leasehold_grpc_calls_total{{{service},method=\"RequestCapabilities\",code=\"OK\"}} 1"),
        format!("leasehold_grpc_calls_total{{{service},method=\"Heartbeat\",code=\"OK\"}} 3"),
        format!("leasehold_grpc_calls_in_flight{{{service},method=\"Heartbeat\"}} 0"),
        "leasehold_ready 1".to_owned(),
        "leasehold_dependency_up{dependency=\"sqlite\"} 1".to_owned(),
        "leasehold_panics_total 0".to_owned(),
        format!("leasehold_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    server.stop().await;
    assert!(TcpStream::connect(&admin).await.is_err(), "the listener ends with the process");
    let file = std::fs::read_to_string(server.data().with_file_name("server.log")).unwrap();
    let last: Value = serde_json::from_str(file.lines().last().unwrap()).unwrap();
    assert_eq!(last["message"], "stopped", "the last line is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_level_changes_while_it_runs() {
    let (mut server, admin) = start().await;
    assert_eq!(ask(&admin, "GET", "/log-level", "").await, (200, "{\"level\":\"info\"}\n".to_owned()));
    let (status, problem) = ask(&admin, "PUT", "/log-level", "inof").await;
    assert_eq!(status, 400);
    assert!(
        problem.contains("give off, error, warn, info, debug or trace") && problem.contains("found `inof`")
    );

    let heartbeat = "LicensingService/Heartbeat";
    let mut licensing = server.licensing();
    let grant = check_out(&mut licensing, request("D1", &[("hot", 1)])).await;
    assert_eq!(ask(&admin, "PUT", "/log-level", "off").await, (200, "{\"level\":\"off\"}\n".to_owned()));
    beat(&mut licensing, &grant).await;
    assert_eq!(ask(&admin, "PUT", "/log-level", "trace").await.0, 200);
    let start = Instant::now();
    while !server.log().contains("\"level\":\"DEBUG\"") && !server.log().contains("\"level\":\"TRACE\"") {
        assert!(start.elapsed() < PATIENCE, "no line of the new level:\n{}", server.log());
        beat(&mut licensing, &grant).await;
        sleep(Duration::from_millis(10)).await;
    }
    let log = server.log();
    let changed: Vec<&str> = log.lines().filter(|line| line.contains("the log level was changed")).collect();
    assert_eq!(changed.len(), 1, "the line of the change to `off` is off itself: {changed:?}");
    assert!(changed[0].contains("\"before\":\"off\"") && changed[0].contains("\"after\":\"trace\""));
    let before_change = log.split("the log level was changed").next().unwrap();
    assert!(!before_change.contains(heartbeat), "a heartbeat while nothing was logged:\n{before_change}");
    server.stop().await;
}
