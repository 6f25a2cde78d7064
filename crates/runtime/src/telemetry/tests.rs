use std::sync::{Arc, LazyLock, Mutex};

use super::*;

/// While there is but one subscriber, another thread that reaches an event first decides for all that it is
/// not wanted. A second one sees to it that everybody is asked.
pub(super) static OTHER: LazyLock<tracing::Dispatch> = LazyLock::new(|| tracing::Dispatch::new(registry()));

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A subscriber for a test, from level info, and the lines that it wrote.
pub(crate) fn caught() -> (Lines, impl Subscriber + Send + Sync) {
    LazyLock::force(&OTHER);
    let lines = Lines::default();
    let settings =
        Logging { level: "info".into(), format: LogFormat::Json, file: None, file_size: 1, file_keep: 1 };
    let (_, subscriber) = subscriber(&settings, false, lines.clone(), None::<Lines>, None);
    (lines, subscriber)
}

fn logged(level: &str, format: LogFormat, terminal: bool) -> String {
    LazyLock::force(&OTHER);
    let lines = Lines::default();
    let settings = Logging { level: level.into(), format, file: None, file_size: 1, file_keep: 1 };
    let (_, subscriber) = subscriber(&settings, terminal, lines.clone(), None::<Lines>, None);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(seats = 3, "granted");
        tracing::debug!(target: "noisy", "a detail");
    });
    lines.text()
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

#[test]
fn levels_change_while_the_process_runs() {
    LazyLock::force(&OTHER);
    let (lines, file) = (Lines::default(), Lines::default());
    let settings =
        Logging { level: "warn".into(), format: LogFormat::Human, file: None, file_size: 1, file_keep: 1 };
    let (levels, subscriber) = subscriber(&settings, false, lines.clone(), Some(file.clone()), None);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("not yet");
        levels.set("info").unwrap();
        tracing::info!("granted");
        let error = levels.set("inof").unwrap_err();
        assert!(error.contains("found `inof`"), "{error}");
        assert_eq!(levels.get(), "info");
        levels.set("off").unwrap();
        tracing::error!("not any more");
    });
    assert!(lines.text().ends_with("granted\n") && lines.text().lines().count() == 1, "{}", lines.text());
    let line: serde_json::Value = serde_json::from_str(file.text().trim_end()).unwrap();
    assert_eq!(line["message"], "granted", "a file gets JSON whatever the form of the lines");
}
