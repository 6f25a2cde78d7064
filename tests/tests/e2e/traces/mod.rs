//! What a collector of another make receives of a real server's traces.

mod batches;
mod jobs;
mod secured;

use std::path::Path;
use std::time::{Duration, Instant};

use leasehold_testkit::Process;
use serde_json::{Value, json};
use tonic::Request;
use tonic::metadata::MetadataValue;

use crate::calls::{Licensing, request};
use crate::foreign_client::python;
use crate::server::Server;

const PATIENCE: Duration = Duration::from_mins(1);

/// A collector, for as long as a test needs it.
pub(crate) struct Collector {
    process: Process,
    pub(crate) port: u16,
}

/// One that it has received.
pub(crate) type Span = Value;

impl Collector {
    /// One that speaks plain text, or TLS with this certificate and key.
    pub(crate) async fn start(pair: Option<(&Path, &Path)>) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/otlp_receiver.py");
        let mut command = python();
        command.arg(script);
        if let Some((certificate, key)) = pair {
            command.arg(certificate).arg(key);
        }
        let mut process = Process::spawn(command).unwrap();
        let line = process.wait_for_line("listening on ", PATIENCE).await.unwrap();
        let port = line.rsplit(' ').next().unwrap().parse().unwrap();
        Self { process, port }
    }

    /// What has come so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let text = self.process.stdout();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Waits until one of this name has come.
    async fn wait_for(&self, name: &str) -> Span {
        let start = Instant::now();
        loop {
            if let Some(found) = self.spans().into_iter().find(|span| span["name"] == name) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "no {name} in {:#?}", self.spans());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A server that sends this share of its own traces to the collector.
async fn server(collector: &Collector, sample_percent: &str) -> Server {
    let endpoint = format!("http://127.0.0.1:{}", collector.port);
    let settings =
        [("telemetry.otlp_endpoint", endpoint.as_str()), ("telemetry.sample_percent", sample_percent)];
    Server::start(&estate(), &settings).await
}

fn estate() -> Value {
    json!({"line_items": [{"id": "L1", "feature": "cad", "version": "1.0", "count": 1000}]})
}

/// Checks a count out as part of the trace and the span of this number.
async fn check_out(licensing: &mut Licensing, number: u64) {
    let mut request = Request::new(request(&format!("D{number}"), &[("cad", 1)]));
    let parent = format!("00-{}-{}-01", trace(number), caller(number));
    request.metadata_mut().insert("traceparent", MetadataValue::try_from(parent).unwrap());
    licensing.request_capabilities(request).await.unwrap();
}

fn trace(number: u64) -> String {
    format!("{:032x}", u128::from(number) | (0x0af7_u128 << 112))
}

fn caller(number: u64) -> String {
    format!("{:016x}", number | (0xb7ad << 48))
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

/// A duration in microseconds that is one of its attributes.
fn micros(of: &Value, key: &str) -> i64 {
    of[key].as_i64().unwrap_or_else(|| panic!("no {key} as a number in {of:#}"))
}
