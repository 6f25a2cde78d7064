//! Places in traces: for work that is done for a call elsewhere, and together with that of others.
//!
//! Without traces there are no places, and nothing here costs anything.

use std::time::Duration;

use opentelemetry::trace::{Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Where a span that is exported stands in its trace. It does not keep the span from ending.
#[derive(Clone, Debug)]
pub struct Place(Context);

impl Place {
    /// Of the span at work; `None` where it is not exported.
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// Of this span; `None` where it is not exported.
    pub fn of(span: &Span) -> Option<Self> {
        if span.is_disabled() {
            return None;
        }
        let context = span.context();
        context.span().span_context().is_sampled().then_some(Self(context))
    }

    /// Makes a span that has just begun a part of this one.
    pub fn adopt(&self, span: &Span) {
        // It fails where spans are made for the log alone.
        let _ = span.set_parent(self.0.clone());
    }

    /// Links this span and another one, each to the other.
    pub fn link(&self, other: &Self) {
        let (own, others) = (self.0.span(), other.0.span());
        own.add_link(others.span_context().clone(), Vec::new());
        others.add_link(own.span_context().clone(), Vec::new());
    }

    /// Says how long something took, in microseconds.
    pub fn took(&self, key: &'static str, took: Duration) {
        self.0.span().set_attribute(KeyValue::new(key, micros(took)));
    }

    /// Notes that something has just been done, and how long it took.
    pub fn done(&self, event: &'static str, took: Duration) {
        self.0.span().add_event(event, vec![KeyValue::new("duration.us", micros(took))]);
    }

    /// Marks it as failed, with a reason that is a fixed word.
    pub fn failed(&self, reason: &'static str) {
        self.0.span().set_status(Status::error(reason));
    }
}

/// A count as an attribute of a span: spans write other numbers as text.
pub fn count(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn micros(took: Duration) -> i64 {
    count(took.as_micros())
}
