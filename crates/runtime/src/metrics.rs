//! Metrics: the recorder that the `metrics` macros of the whole process write to, and its text for Prometheus.
//!
//! Responsible for what every service process measures. What a service measures of its own is described in the
//! service's `metrics.rs`.

mod calls;

use std::time::Duration;

use ::metrics::{describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Config, Origin};
use crate::http;

pub(crate) use calls::Meter;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) const CALLS: &str = "leasehold_grpc_calls_total";
pub(crate) const CALL_DURATION: &str = "leasehold_grpc_call_duration_seconds";
pub(crate) const CALLS_IN_FLIGHT: &str = "leasehold_grpc_calls_in_flight";
pub(crate) const TASKS_RUNNING: &str = "leasehold_background_tasks_running";
pub(crate) const PANICS: &str = "leasehold_panics_total";
pub(crate) const LOG_LINES_DROPPED: &str = "leasehold_log_lines_dropped_total";
pub(crate) const SPANS: &str = "leasehold_trace_spans_total";
pub(crate) const READY: &str = "leasehold_ready";
pub(crate) const DEPENDENCY_UP: &str = "leasehold_dependency_up";
const BUILD_INFO: &str = "leasehold_build_info";
const SETTINGS: &str = "leasehold_config_settings";
const START_TIME: &str = "process_start_time_seconds";

/// Upper bounds in seconds of everything that takes time.
const SECONDS: [f64; 16] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Upper bounds of what is counted: how many in a batch, for instance.
const COUNTS: [f64; 9] = [1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0];
/// How often samples are sorted into buckets; between that they take memory.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Why metrics could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process has a recorder.
    #[error("metrics are set up already; set them up once, when the process starts")]
    AlreadyStarted,
}

/// What was recorded. Clones show the same.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

/// Makes the `metrics` macros record, process-wide. Once in a process, before anything that records is built:
/// what was built before records nothing.
pub fn install() -> Result<Metrics, Error> {
    let (recorder, metrics) = Metrics::new();
    ::metrics::set_global_recorder(recorder).map_err(|_| Error::AlreadyStarted)?;
    describe();
    Ok(metrics)
}

impl Metrics {
    /// A recorder of its own and what it recorded, for tests that look at exact values.
    pub fn new() -> (PrometheusRecorder, Self) {
        let sizes = Matcher::Suffix("_size".to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets(&SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(sizes, &COUNTS))
            .expect("there are buckets")
            .build_recorder();
        let handle = recorder.handle();
        ::metrics::with_local_recorder(&recorder, describe);
        (recorder, Self(handle))
    }

    /// Everything that was recorded, in the text form of Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Sorts samples into buckets until told to stop: a background task.
    pub async fn upkeep(self, stopping: CancellationToken) {
        let mut ticks = interval(UPKEEP_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
            self.0.run_upkeep();
        }
    }
}

/// Records what stays the same while the process runs: its version, when it began, where its settings are from.
pub fn record_process(config: &Config, clock: &dyn Clock) {
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(START_TIME).set(clock.now().as_duration().as_secs_f64());
    for row in config.effective() {
        let source = match row.origin {
            Origin::Default => "default",
            Origin::File { .. } => "file",
            Origin::Environment { .. } => "environment",
            Origin::Flag => "flag",
        };
        gauge!(SETTINGS, "source" => source).increment(1.0);
    }
}

fn describe() {
    describe_counter!(CALLS, "gRPC calls that ended, by service, method and status code.");
    describe_histogram!(CALL_DURATION, "How long unary gRPC calls took.");
    describe_gauge!(CALLS_IN_FLIGHT, "gRPC calls under way, streams included.");
    describe_counter!(http::REQUESTS, "Requests over HTTP, by service, route, method and status.");
    describe_histogram!(http::DURATION, "How long it took until the answer to a request over HTTP began.");
    describe_gauge!(http::IN_FLIGHT, "Requests over HTTP under way, until the end of their answers.");
    describe_gauge!(TASKS_RUNNING, "Background tasks that run, by name.");
    describe_counter!(PANICS, "Panics anywhere in the process; each is a defect.");
    describe_counter!(LOG_LINES_DROPPED, "Log lines lost because they could not be written fast enough.");
    describe_counter!(SPANS, "Spans of traces, by whether the collector took them.");
    describe_gauge!(READY, "Whether this process is ready: 1 or 0.");
    describe_gauge!(DEPENDENCY_UP, "Whether a dependency answers: 1 or 0.");
    describe_gauge!(BUILD_INFO, "Always 1; the labels say what runs.");
    describe_gauge!(SETTINGS, "Settings in force, by where their values come from.");
    describe_gauge!(START_TIME, "When the process began, in seconds since 1970.");
}
