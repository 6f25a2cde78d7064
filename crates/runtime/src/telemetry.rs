//! Logs: levels, form and where they go. Metrics and traces are not here.

use std::io::{self, IsTerminal};

use tracing::Subscriber;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{LogFormat, Logging};
use crate::panics;

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The process logs already.
    #[error("logging is set up already; set it up once, when the process starts")]
    AlreadyStarted,
}

/// Starts logging to standard error, panics included. Once in a process.
pub fn init(settings: &Logging) -> Result<(), Error> {
    let terminal = io::stderr().is_terminal();
    subscriber(settings, terminal, io::stderr).try_init().map_err(|_| Error::AlreadyStarted)?;
    panics::log_panics();
    Ok(())
}

fn subscriber<W>(settings: &Logging, terminal: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let human = match settings.format {
        LogFormat::Auto => terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let lines = fmt::layer().with_writer(writer);
    let lines = if human {
        lines.with_ansi(terminal).boxed()
    } else {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    };
    registry().with(lines).with(levels(&settings.level))
}

/// The levels to log, from text that the configuration has checked.
fn levels(text: &str) -> Targets {
    text.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogFormat, terminal: bool) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let settings = Logging { level: level.into(), format };
        tracing::subscriber::with_default(subscriber(&settings, terminal, move || writer.clone()), || {
            tracing::info!(seats = 3, "granted");
            tracing::debug!(target: "noisy", "a detail");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_are_json_with_plain_fields() {
        let text = logged("info", LogFormat::Auto, false);
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(
            (&line["message"], &line["seats"], &line["level"]),
            (&"granted".into(), &3.into(), &"INFO".into())
        );
    }

    #[test]
    fn a_terminal_gets_lines_for_people() {
        let text = logged("info", LogFormat::Auto, true);
        assert!(text.contains("granted") && !text.contains('{') && text.contains('\u{1b}'), "{text}");
        assert!(!logged("info", LogFormat::Human, false).contains('\u{1b}'));
        assert!(logged("info", LogFormat::Json, true).starts_with('{'));
    }

    #[test]
    fn levels_are_obeyed() {
        assert_eq!(logged("warn", LogFormat::Json, false), "");
        assert_eq!(logged("info", LogFormat::Json, false).lines().count(), 1);
        assert_eq!(logged("off,noisy=debug", LogFormat::Json, false).lines().count(), 1);
        assert_eq!(logged("debug", LogFormat::Json, false).lines().count(), 2);
    }
}
