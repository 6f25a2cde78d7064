//! The admin listener: readiness, metrics and log levels, as a probe and an operator see them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leasehold_runtime::admin::Pages;
use leasehold_runtime::readiness::Need;
use leasehold_runtime::server::Options;
use leasehold_runtime::{Admin, Background, Metrics, Readiness, SystemClock};
use metrics_exporter_prometheus::PrometheusRecorder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Running;
use crate::wire::{RELEASE, SESSION, command, post};

const PATIENCE: Duration = Duration::from_secs(30);

/// An answer of the admin listener.
struct Page {
    status: u16,
    head: String,
    body: String,
}

impl Page {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Page {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Page { status, head: head.to_lowercase(), body: body.to_owned() }
}

async fn get(address: SocketAddr, path: &str) -> Page {
    ask(address, "GET", path, "").await
}

/// A listener with one required dependency that the test can take away.
struct Fixture {
    address: SocketAddr,
    readiness: Readiness,
    away: Arc<AtomicBool>,
    shutdown: CancellationToken,
    background: Background,
}

impl Fixture {
    async fn start(metrics: Metrics, server: Option<&Running>) -> Self {
        let shutdown = server.map_or_else(CancellationToken::new, |server| server.shutdown.clone());
        let background = Background::new(shutdown.clone());
        let readiness = Readiness::new(Arc::new(SystemClock::new()), background.draining());
        let away = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&away);
        readiness.add("store", Need::Required, Duration::from_secs(2), move || {
            let away = told.load(Ordering::SeqCst);
            async move { if away { Err("connection refused".to_owned()) } else { Ok(()) } }
        });
        let admin = Admin::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = admin.address();
        if let Some(server) = server {
            readiness.add_health(server.health.clone());
            let watching = readiness.clone().watch(background.stopping());
            background.spawn("readiness", watching);
        }
        let pages = Pages { readiness: readiness.clone(), metrics, levels: None };
        background.spawn("admin", admin.run(pages, background.stopping()));
        Self { address, readiness, away, shutdown, background }
    }

    /// Waits until `/ready` has this status.
    async fn until(&self, status: u16) -> Page {
        let asked = async {
            loop {
                let page = get(self.address, "/ready").await;
                if page.status == status {
                    return page;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, asked).await.expect("readiness follows")
    }
}

fn recorder() -> (PrometheusRecorder, Metrics) {
    Metrics::new()
}

#[tokio::test]
async fn ready_follows_a_dependency_and_says_why() {
    let server = Running::start(Options::default()).await;
    let fixture = Fixture::start(recorder().1, Some(&server)).await;
    let page = get(fixture.address, "/ready").await;
    assert_eq!((page.status, &page.json()["state"]), (503, &"starting".into()));
    fixture.readiness.open();
    let page = fixture.until(200).await;
    assert!(
        page.head.contains("content-type: application/json") && page.head.contains("cache-control: no-store")
    );
    assert_eq!((&page.json()["state"], &page.json()["ready"]), (&"ready".into(), &true.into()));

    fixture.away.store(true, Ordering::SeqCst);
    let report = fixture.until(503).await.json();
    let standing = &report["dependencies"][0];
    assert_eq!(report["state"], "not_ready");
    assert_eq!((&standing["name"], &standing["need"]), (&"store".into(), &"required".into()));
    assert_eq!((&standing["ok"], &standing["reason"]), (&false.into(), &"connection refused".into()));
    assert!(standing["since"].as_str().unwrap().ends_with('Z'), "{standing}");
    assert_eq!(get(fixture.address, "/live").await.status, 200, "it lives all the same");

    fixture.away.store(false, Ordering::SeqCst);
    assert_eq!(fixture.until(200).await.json()["dependencies"][0]["reason"], Value::Null);
    fixture.background.stop(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn it_answers_while_the_server_drains_and_ends_with_the_process() {
    let mut server = Running::start(Options { grace: PATIENCE, ..Options::default() }).await;
    let fixture = Fixture::start(recorder().1, Some(&server)).await;
    fixture.readiness.open();
    fixture.until(200).await;
    let waiting = tokio::spawn(post(server.address, RELEASE, &[], command("wait")));
    server.service.waiting.notified().await;

    fixture.shutdown.cancel();
    let page = get(fixture.address, "/ready").await;
    assert_eq!((page.status, &page.json()["state"]), (503, &"draining".into()));
    assert_eq!(get(fixture.address, "/live").await.status, 200);
    assert!(!server.ended.is_finished(), "a call is still under way");

    server.service.go_on.notify_one();
    waiting.await.unwrap();
    timeout(PATIENCE, &mut server.ended).await.unwrap().unwrap().unwrap();
    assert_eq!(get(fixture.address, "/live").await.status, 200, "it outlives the server");
    let idle = TcpStream::connect(fixture.address).await.unwrap();
    fixture.background.stop(PATIENCE).await.unwrap();
    assert!(TcpStream::connect(fixture.address).await.is_err(), "nobody listens any more");
    drop(idle);
}

#[tokio::test]
async fn calls_are_in_the_metrics_exactly() {
    let (recorder, metrics) = recorder();
    // The tasks of this test run on this thread.
    let _guard = metrics::set_default_local_recorder(&recorder);
    let server = Running::start(Options::default()).await;
    let fixture = Fixture::start(metrics, None).await;
    for (path, text, times) in [
        (RELEASE, "echo", 3),
        (RELEASE, "bare not found", 2),
        (RELEASE, "panic", 1),
        (SESSION, "echo", 1),
        ("/made.up/Path", "", 2),
    ] {
        for _ in 0..times {
            post(server.address, path, &[], command(text)).await;
        }
    }
    let waiting = tokio::spawn(post(server.address, RELEASE, &[], command("wait")));
    server.service.waiting.notified().await;
    let page = get(fixture.address, "/metrics").await;
    assert!(page.head.contains("content-type: text/plain; version=0.0.4"), "{}", page.head);
    let licensing =
        |method: &str| format!("service=\"leasehold.licensing.v1.LicensingService\",method=\"{method}\"");
    for line in [
        format!("leasehold_grpc_calls_total{{{},code=\"OK\"}} 3", licensing("Release")),
        format!("leasehold_grpc_calls_total{{{},code=\"NOT_FOUND\"}} 2", licensing("Release")),
        format!("leasehold_grpc_calls_total{{{},code=\"INTERNAL\"}} 1", licensing("Release")),
        format!("leasehold_grpc_calls_total{{{},code=\"OK\"}} 1", licensing("Session")),
        format!("leasehold_grpc_calls_total{{{},code=\"OK\"}} 0", licensing("Heartbeat")),
        format!("leasehold_grpc_calls_in_flight{{{}}} 1", licensing("Release")),
        format!("leasehold_grpc_calls_in_flight{{{}}} 0", licensing("Session")),
        format!("leasehold_grpc_call_duration_seconds_count{{{}}} 6", licensing("Release")),
        "leasehold_grpc_calls_total{service=\"unknown\",method=\"unknown\",code=\"UNIMPLEMENTED\"} 2"
            .to_owned(),
        "leasehold_background_tasks_running{task=\"admin\"} 1".to_owned(),
    ] {
        assert!(page.body.lines().any(|found| found == line), "{line} in\n{}", page.body);
    }
    server.service.go_on.notify_one();
    waiting.await.unwrap();
    let text = get(fixture.address, "/metrics").await.body;
    assert!(
        text.contains(&format!("leasehold_grpc_calls_in_flight{{{}}} 0", licensing("Release"))),
        "{text}"
    );
}

#[tokio::test]
async fn wrong_requests_get_problems_that_say_what_is_right() {
    let fixture = Fixture::start(recorder().1, None).await;
    for (method, path, body, status, detail) in [
        ("GET", "/", "", 404, "there is no such page; there are /live, /ready, /metrics and /log-level"),
        ("POST", "/metrics", "", 405, "this page knows GET, HEAD"),
        ("DELETE", "/log-level", "", 405, "this page knows GET, HEAD, PUT"),
        ("PUT", "/log-level", "debug", 404, "this process has no log level to show or change"),
    ] {
        let page = ask(fixture.address, method, path, body).await;
        let problem = page.json();
        assert_eq!((page.status, problem["detail"].as_str().unwrap()), (status, detail), "{method} {path}");
        assert_eq!(problem["status"], status);
        assert!(page.head.contains("content-type: application/problem+json"), "{}", page.head);
        assert_eq!(page.head.contains("allow: get, head"), status == 405);
    }
    let page = ask(fixture.address, "HEAD", "/live", "").await;
    assert_eq!((page.status, page.body.as_str()), (200, ""));

    // Nonsense and half a request keep nobody else waiting.
    for bytes in [&b"\x16\x03\x01 hello\r\n\r\n"[..], b"GET /live HTTP/1.1\r\n"] {
        let mut connection = TcpStream::connect(fixture.address).await.unwrap();
        connection.write_all(bytes).await.unwrap();
        assert_eq!(get(fixture.address, "/live").await.status, 200);
    }
}
