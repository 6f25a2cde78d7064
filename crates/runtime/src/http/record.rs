//! One line in the log for each request, its span, and what is measured of it.

use std::sync::Arc;
use std::time::Instant;

use ::metrics::{SharedString, counter, gauge, histogram};
use http::{HeaderMap, Method, StatusCode, Uri};
use tracing::Span;

use super::body::InFlight;
use crate::call::CallId;
use crate::telemetry;

/// Requests that were answered, by `service`, `route` (its template), `method` and `status`.
pub const REQUESTS: &str = "leasehold_http_requests_total";
/// How long it took until an answer began, by `service`, `route` and `method`.
pub const DURATION: &str = "leasehold_http_request_duration_seconds";
/// Requests under way, until the end of their answers, by `service`.
pub const IN_FLIGHT: &str = "leasehold_http_requests_in_flight";

/// Stands for the route of requests that no route has: their callers make up the paths.
const UNKNOWN: &str = "unknown";
/// Most bytes of a path that are repeated.
const PATH_SHOWN: usize = 200;

/// A request under way. Finished once; one that is dropped before was given up by its caller.
pub(super) struct Record {
    service: &'static str,
    route: Arc<str>,
    method: &'static str,
    path: Uri,
    id: CallId,
    started: Instant,
    span: Span,
    finished: bool,
}

impl Record {
    pub(super) fn start(
        service: &'static str,
        route: Option<&str>,
        (method, path): (&Method, &Uri),
        id: CallId,
        headers: &HeaderMap,
    ) -> Self {
        let (route, method): (Arc<str>, _) = (route.unwrap_or(UNKNOWN).into(), known(method));
        let span = telemetry::request_span(service, method, &route, headers);
        Self {
            service,
            route,
            method,
            path: path.clone(),
            id,
            started: Instant::now(),
            span,
            finished: false,
        }
    }

    pub(super) fn id(&self) -> &CallId {
        &self.id
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Counts the request until the guard is dropped.
    pub(super) fn in_flight(&self) -> InFlight {
        InFlight::begin(gauge!(IN_FLIGHT, "service" => self.service))
    }

    /// The trace that it is in, where it is in one.
    pub(super) fn trace(&self) -> Option<String> {
        telemetry::trace_id(&self.span)
    }

    /// Writes the line and measures; `detail` is what the caller was not told.
    pub(super) fn finish(&mut self, status: StatusCode, detail: Option<&str>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let (took, trace) = (self.started.elapsed(), self.trace());
        self.measure(status.as_u16().to_string().into());
        self.span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            self.span.record("otel.status_code", "ERROR");
        }
        let path = self.path.path();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = self.id.as_str(),
                    http.method = self.method,
                    http.route = &*self.route,
                    http.path = &path[..path.floor_char_boundary(PATH_SHOWN)],
                    http.status = status.as_u16(),
                    duration.us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
                    trace.id = trace,
                    error = detail,
                    "request ended"
                )
            };
        }
        match status {
            StatusCode::INTERNAL_SERVER_ERROR => line!(error),
            status if status.is_server_error() => line!(warn),
            status if status.is_client_error() => line!(info),
            _ => line!(debug),
        }
    }

    fn measure(&self, status: SharedString) {
        let route = SharedString::from(Arc::clone(&self.route));
        counter!(REQUESTS, "service" => self.service, "route" => route.clone(), "method" => self.method, "status" => status)
            .increment(1);
        histogram!(DURATION, "service" => self.service, "route" => route, "method" => self.method)
            .record(self.started.elapsed());
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !std::mem::replace(&mut self.finished, true) {
            self.measure("cancelled".into());
            tracing::debug!(
                request.id = self.id.as_str(),
                http.route = &*self.route,
                "a request was given up"
            );
        }
    }
}

/// The method as a label: a caller can make up any.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
