//! Log lines as JSON objects, one a line, with all fields on one level.
//!
//! A call writes its line itself, so the form of a line is part of what every call costs; the ready-made form of
//! `tracing-subscriber` takes a tenth of a whole checkout. Not responsible for where lines go.

use std::fmt::{self, Debug, Write};

use jiff::fmt::temporal::DateTimePrinter;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::{Clock, SystemClock};

/// Most lines fit, in bytes.
const LINE: usize = 512;
/// Times are in microseconds.
const TIMES: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Writes `timestamp`, `level`, the event's fields and `target` as an object: what a layer of lines formats events with.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonLines<C = SystemClock> {
    clock: C,
}

impl<C, S, N> FormatEvent<S, N> for JsonLines<C>
where
    C: Clock,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut line = Line(String::with_capacity(LINE));
        line.0.push_str("{\"timestamp\":\"");
        TIMES.print_timestamp(&self.clock.now(), &mut line.0).map_err(|_| fmt::Error)?;
        line.0.push_str("\",\"level\":\"");
        line.0.push_str(metadata.level().as_str());
        line.0.push('"');
        event.record(&mut line);
        line.text("target", metadata.target());
        line.0.push_str("}\n");
        writer.write_str(&line.0)
    }
}

/// A line that is being written: an object that has a member already.
struct Line(String);

impl Line {
    fn name(&mut self, name: &str) {
        self.0.push_str(",\"");
        escape(name, &mut self.0);
        self.0.push_str("\":");
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push('"');
        escape(value, &mut self.0);
        self.0.push('"');
    }

    /// A value that JSON writes as Rust does.
    fn plain(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field.name());
        write!(self.0, "{value}").expect("memory takes all text");
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() { self.plain(field, value) } else { self.plain(field, "null") }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field.name());
        self.0.push('"');
        write!(Escaped(&mut self.0), "{value:?}").expect("memory takes all text");
        self.0.push('"');
    }
}

/// Text on its way into a JSON string.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(text, self.0);
        Ok(())
    }
}

/// Adds text to a JSON string (RFC 8259, section 7).
fn escape(text: &str, out: &mut String) {
    let is_special = |byte: u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    let mut done = 0;
    // Mostly there is none, which is soon found out where nothing else is asked.
    let some = text.bytes().fold(false, |some, byte| some | is_special(byte));
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| some && is_special(*byte)) {
        out.push_str(&text[done..at]);
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            other => write!(out, "\\u{other:04x}").expect("memory takes all text"),
        }
        done = at + 1;
    }
    out.push_str(&text[done..]);
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::{Value, json};

    use super::super::tests::{Lines, OTHER};
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn every_kind_of_value_comes_back_as_it_was() {
        LazyLock::force(&OTHER);
        let lines = Lines::default();
        let clock = ManualClock::new("2026-11-22T13:00:00.00000725Z".parse().unwrap());
        let format = JsonLines { clock };
        let subscriber = tracing_subscriber::fmt().event_format(format).with_writer(lines.clone()).finish();
        let every: String = (0..=0x7F).map(char::from).chain("é€🦀\u{2028}".chars()).collect();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(
                target: "a \"target\"",
                text = every, shown = %every, seen = ?"a\nb", none = None::<u64>, yes = true, least = i64::MIN,
                most = u64::MAX, half = 0.5, whole = 2.0, no_number = f64::NAN, "the \"message\""
            );
        });
        let text = lines.text();
        assert_eq!(text.lines().count(), 1, "{text}");
        let wanted = json!({
            "timestamp": "2026-11-22T13:00:00.000007Z", "level": "INFO", "target": "a \"target\"",
            "message": "the \"message\"", "text": every, "shown": every, "seen": "\"a\\nb\"", "yes": true,
            "least": i64::MIN, "most": u64::MAX, "half": 0.5, "whole": 2, "no_number": null,
        });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), wanted);
    }
}
