//! One line in the log for each call, its span, and what is measured of it.

use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, Uri};
use tonic::Code;
use tracing::Span;

use crate::call::CallId;
use crate::metrics::Meter;
use crate::telemetry;

/// Most bytes of a path that are repeated: the caller of an unknown method makes up its path.
const PATH_SHOWN: usize = 200;

/// A call under way. Finished once; one that is dropped before was given up by its caller.
pub(super) struct Record {
    id: CallId,
    uri: Uri,
    started: Instant,
    quiet: bool,
    finished: bool,
    meter: Arc<Meter>,
    span: Span,
}

impl Record {
    pub(super) fn start(id: CallId, uri: Uri, headers: &HeaderMap, quiet: bool, meter: Arc<Meter>) -> Self {
        meter.begin();
        let span = telemetry::call_span(meter.span(), meter.service(), meter.method(), headers);
        Self { id, uri, started: Instant::now(), quiet, finished: false, meter, span }
    }

    pub(super) fn id(&self) -> &CallId {
        &self.id
    }

    /// What the work for the call belongs to; disabled where nobody wants it.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The method's path, or the beginning of an overlong one.
    pub(super) fn path(&self) -> &str {
        let path = self.uri.path();
        &path[..path.floor_char_boundary(PATH_SHOWN)]
    }

    /// Writes the line and measures. `detail` is what the caller was not told.
    pub(super) fn finish(&mut self, code: Code, detail: Option<&str>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let took = self.started.elapsed();
        self.meter.end(code, took);
        let trace = self.end_span(code);
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = self.id.as_str(),
                    rpc.method = self.path(),
                    rpc.code = name(code),
                    duration.us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    trace.id = trace,
                    error = detail,
                    "call ended"
                )
            };
        }
        match code {
            Code::Ok if self.quiet => line!(debug),
            Code::Internal | Code::Unknown | Code::DataLoss => line!(error),
            Code::Unavailable | Code::DeadlineExceeded => line!(warn),
            _ => line!(info),
        }
    }

    /// Ends the span as the call ended, and says which trace it is in.
    fn end_span(&mut self, code: Code) -> Option<String> {
        let span = std::mem::replace(&mut self.span, Span::none());
        if span.is_disabled() {
            return None;
        }
        span.record("rpc.code", name(code));
        if matches!(
            code,
            Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::DeadlineExceeded
        ) {
            span.record("otel.status_code", "ERROR");
        }
        telemetry::trace_id(&span)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish(Code::Cancelled, None);
    }
}

/// The code as the protocol writes it.
pub(crate) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
