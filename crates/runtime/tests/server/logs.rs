//! One line for each call, with what the caller is not told.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use leasehold_runtime::server::Options;
use leasehold_runtime::telemetry::JsonLines;
use serde_json::Value;
use tracing::Level;

use crate::Running;
use crate::wire::{RELEASE, SESSION, command, post};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// What all tests of this process log, from level info: a subscriber of one thread alone would miss
    /// events that another thread was the first to reach.
    fn catch() -> &'static Self {
        static LOG: LazyLock<Log> = LazyLock::new(|| {
            let log = Log::default();
            let writer = log.clone();
            let lines =
                tracing_subscriber::fmt().event_format(<JsonLines>::default()).with_max_level(Level::INFO);
            lines.with_writer(move || writer.clone()).init();
            log
        });
        &LOG
    }

    /// The lines about a call.
    fn of(&self, id: &str) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["request.id"] == id).collect()
    }
}

#[tokio::test]
async fn each_call_has_one_line() {
    let log = Log::catch();
    let server = Running::start(Options::default()).await;
    let cases = [
        ("good", RELEASE, "echo", "OK", "INFO", None),
        ("stream", SESSION, "echo", "OK", "INFO", None),
        ("missing", RELEASE, "bare not found", "NOT_FOUND", "INFO", None),
        ("unknown", "/x/y", "", "UNIMPLEMENTED", "INFO", None),
        ("panic", RELEASE, "panic", "INTERNAL", "ERROR", Some("seat 13 is cursed")),
        ("later", SESSION, "panic", "INTERNAL", "ERROR", Some("seat 14 is cursed")),
        ("bare", RELEASE, "bare internal", "INTERNAL", "ERROR", Some("password=hunter2")),
        ("detail", RELEASE, "detail", "UNAVAILABLE", "WARN", Some("password=hunter2")),
    ];
    for (id, path, text, code, level, detail) in cases {
        post(server.address, path, &[("x-request-id", id)], command(text)).await;
        let lines = log.of(id);
        assert_eq!(lines.len(), 1, "{id}: {lines:?}");
        let line = &lines[0];
        assert_eq!((&line["rpc.code"], &line["level"]), (&code.into(), &level.into()), "{id}: {line}");
        assert_eq!(line["rpc.method"], path);
        assert!(line["duration.us"].is_u64());
        match detail {
            Some(detail) => assert!(line["error"].as_str().unwrap().starts_with(detail), "{id}: {line}"),
            None => assert_eq!(line["error"], Value::Null, "{id}: {line}"),
        }
    }
}

#[tokio::test]
async fn health_checks_are_quiet_and_abandoned_calls_are_not() {
    let log = Log::catch();
    let server = Running::start(Options::default()).await;
    let check = "/grpc.health.v1.Health/Check";
    post(server.address, check, &[("x-request-id", "check")], crate::wire::frame(0, b"")).await;
    assert_eq!(log.of("check").len(), 0);

    let abandoned = tokio::spawn(post(server.address, RELEASE, &[("x-request-id", "gone")], command("wait")));
    server.service.waiting.notified().await;
    abandoned.abort();
    while log.of("gone").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(log.of("gone")[0]["rpc.code"], "CANCELLED");
}
