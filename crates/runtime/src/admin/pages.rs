//! The pages of the admin listener.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::{Value, json};

use super::Pages;
use crate::metrics;

/// Bytes of the largest body that a request may have.
const MAX_BODY: usize = 4 * 1_024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

type Page = Response<Full<Bytes>>;

/// Answers a request: a page, or a problem in JSON that says what is wrong.
pub(super) async fn answer<B>(pages: &Pages, request: Request<B>) -> Page
where
    B: Body + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    match request.uri().path() {
        "/live" if reads => show(StatusCode::OK, &json!({ "live": true })),
        "/ready" if reads => ready(pages),
        "/metrics" if reads => {
            page(StatusCode::OK, HeaderValue::from_static(metrics::CONTENT_TYPE), pages.metrics.render())
        }
        "/log-level" if reads => log_level(pages),
        "/log-level" if *request.method() == Method::PUT => set_log_level(pages, request).await,
        "/live" | "/ready" | "/metrics" => not_allowed("GET, HEAD"),
        "/log-level" => not_allowed("GET, HEAD, PUT"),
        _ => problem(
            StatusCode::NOT_FOUND,
            "there is no such page; there are /live, /ready, /metrics and /log-level",
        ),
    }
}

/// The answer to a request whose body does not come.
pub(super) fn late() -> Page {
    problem(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive")
}

fn ready(pages: &Pages) -> Page {
    let report = pages.readiness.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    show(status, &json!(report))
}

fn log_level(pages: &Pages) -> Page {
    match &pages.levels {
        Some(levels) => show(StatusCode::OK, &json!({ "level": levels.get() })),
        None => no_levels(),
    }
}

async fn set_log_level<B>(pages: &Pages, request: Request<B>) -> Page
where
    B: Body + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Some(levels) = &pages.levels else { return no_levels() };
    let Ok(body) = Limited::new(request.into_body(), MAX_BODY).collect().await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "give the levels alone, for instance `debug`");
    };
    let body = body.to_bytes();
    let text = String::from_utf8_lossy(&body);
    let (before, wanted) = (levels.get(), text.trim());
    match levels.set(wanted) {
        Ok(()) => {
            tracing::warn!(before, after = wanted, "the log level was changed until the process ends");
            log_level(pages)
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error),
    }
}

fn no_levels() -> Page {
    problem(StatusCode::NOT_FOUND, "this process has no log level to show or change")
}

fn not_allowed(methods: &'static str) -> Page {
    let mut page = problem(StatusCode::METHOD_NOT_ALLOWED, &format!("this page knows {methods}"));
    page.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    page
}

/// A problem in the form of RFC 9457.
fn problem(status: StatusCode, detail: &str) -> Page {
    let title = status.canonical_reason().unwrap_or_default();
    let body = json!({ "status": status.as_u16(), "title": title, "detail": detail });
    page(status, PROBLEM, body.to_string())
}

fn show(status: StatusCode, body: &Value) -> Page {
    page(status, JSON, body.to_string())
}

fn page(status: StatusCode, content_type: HeaderValue, mut body: String) -> Page {
    if !body.ends_with('\n') {
        body.push('\n');
    }
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, content_type);
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}
