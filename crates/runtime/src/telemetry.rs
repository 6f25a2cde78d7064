//! Logs and traces: levels, form, and where they go. Metrics are in [`crate::metrics`].
//!
//! Log lines are put into a bounded buffer and written by a thread of their own: a call never waits for a
//! terminal, a pipe or a disk.

mod collector;
mod file;
mod json;
mod levels;
mod place;
mod traces;
mod writer;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, registry};

use crate::config::{LogFormat, Logging, Telemetry as Settings};
use crate::panics;
use file::LogFile;
use writer::Writer;

pub use json::JsonLines;
pub use levels::Levels;
pub use place::{Place, count};
pub use traces::{Propagate, Propagating};
pub(crate) use traces::{call_span, request_span, trace_id};

/// How long the last lines may take to be written when the process ends.
const FLUSH_DEADLINE: Duration = Duration::from_secs(2);
/// How long the last spans may take to be exported.
const LAST_SPANS_DEADLINE: Duration = Duration::from_secs(3);

/// Where this process logs: for ends that run nobody's `drop`.
static WRITERS: OnceLock<Vec<Writer>> = OnceLock::new();

/// Why logging or tracing could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process logs already.
    #[error("logging is set up already; set it up once, when the process starts")]
    AlreadyStarted,
    /// The log file's folder is missing.
    #[error(
        "cannot open the log file {}: its folder does not exist; create it, or set `logging.file` to another path", .path.display()
    )]
    NoSuchFolder {
        /// The file.
        path: PathBuf,
    },
    /// The log file is a folder.
    #[error(
        "cannot open the log file {}: this is a folder; set `logging.file` to the path of a file in it", .path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// This user may not write the log file.
    #[error(
        "cannot open the log file {}: not permitted; give this user the right to write there, or set `logging.file` to another path", .path.display()
    )]
    NotPermitted {
        /// The file.
        path: PathBuf,
    },
    /// Anything else about the log file.
    #[error("cannot open the log file {}: {source}; check `logging.file`", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("the thread that writes the log cannot be started: {0}; check the limits of this process")]
    Thread(#[source] io::Error),
    /// The CA of the collector cannot be used.
    #[error("the connection to the collector of traces cannot be secured: {0}")]
    Collector(String),
    /// The exporter cannot be built.
    #[error("traces cannot be exported: {0}; check `telemetry.otlp_endpoint`")]
    Traces(String),
}

/// Logs and traces of this process. Dropping it writes the last lines.
#[must_use = "the last lines are written when it is dropped"]
pub struct Telemetry {
    levels: Levels,
    traces: Option<SdkTracerProvider>,
}

/// Starts logging to standard error and, where configured, to a file, panics included; and exporting traces,
/// where configured. Once in a process, within the async runtime, after [`crate::metrics::install`].
pub fn init(logging: &Logging, settings: &Settings) -> Result<Telemetry, Error> {
    let terminal = io::stderr().is_terminal();
    let lines = Writer::start("stderr", writer::CAPACITY, io::stderr()).map_err(Error::Thread)?;
    let file = match &logging.file {
        None => None,
        Some(path) => {
            let file = LogFile::open(path, logging.file_size, logging.file_keep)?;
            Some(Writer::start("file", writer::CAPACITY, file).map_err(Error::Thread)?)
        }
    };
    let writers: Vec<Writer> = [lines.clone()].into_iter().chain(file.clone()).collect();
    let traces = traces::exporting(settings)?;
    let (levels, subscriber) = subscriber(logging, terminal, lines, file, traces.as_ref());
    subscriber.try_init().map_err(|_| Error::AlreadyStarted)?;
    // Only the call that succeeded gets here.
    let _ = WRITERS.set(writers);
    panics::log_panics();
    Ok(Telemetry { levels, traces })
}

/// Writes the lines that wait, before the process ends.
pub(crate) fn flush() {
    for writer in WRITERS.get().into_iter().flatten() {
        writer.flush(FLUSH_DEADLINE);
    }
}

impl Telemetry {
    /// The levels in force, to be shown and changed.
    pub fn levels(&self) -> Levels {
        self.levels.clone()
    }

    /// Exports the last spans and writes the last lines.
    pub async fn finish(mut self) {
        if let Some(traces) = self.traces.take() {
            // It blocks, and needs this runtime to go on meanwhile.
            let ended =
                tokio::task::spawn_blocking(move || traces.shutdown_with_timeout(LAST_SPANS_DEADLINE));
            // What could not be exported has been logged.
            let _ = ended.await;
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        flush();
    }
}

fn subscriber<W, F>(
    settings: &Logging,
    terminal: bool,
    writer: W,
    file: Option<F>,
    traces: Option<&SdkTracerProvider>,
) -> (Levels, impl Subscriber + Send + Sync + use<W, F>)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    F: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let human = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let (levels, filter) = Levels::new(&settings.level);
    let lines: Box<dyn Layer<Registry> + Send + Sync> =
        if human { fmt::layer().with_writer(writer).with_ansi(terminal).boxed() } else { json(writer) };
    let mut sinks = vec![lines];
    sinks.extend(file.map(json));
    // The levels are those of the log: traces have spans that the log has no line for.
    let subscriber = registry().with(sinks.with_filter(filter)).with(traces.map(traces::layer));
    (levels, subscriber)
}

/// One JSON object a line, its fields on one level.
fn json<W>(writer: W) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    fmt::layer().with_writer(writer).event_format(<JsonLines>::default()).boxed()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::caught;
