//! What happens to every request before and after its handler, in the order in which it stands here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::body::AnswerBody;
use super::connection::UnderWay;
use super::record::Record;
use super::{Options, Problem};
use crate::call::CallId;
use crate::error::ApiError;
use crate::panics;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

struct Rules {
    service: &'static str,
    deadline: Duration,
    deadlines: HashMap<&'static str, Duration>,
    end_bodies: CancellationToken,
    explains_problems: bool,
}

/// The router with the stack around every route of it, and around what has none.
pub(super) fn around(
    router: Router,
    service: &'static str,
    options: &Options,
    deadlines: HashMap<&'static str, Duration>,
    end_bodies: CancellationToken,
) -> Router {
    let Options { deadline, explains_problems, .. } = *options;
    let rules = Arc::new(Rules { service, deadline, deadlines, end_bodies, explains_problems });
    router
        // A route's own limit is nearer to its handler and counts.
        .layer(DefaultBodyLimit::max(options.max_body_size))
        .layer(from_fn_with_state(rules, answer))
}

async fn answer(State(rules): State<Arc<Rules>>, mut request: Request, next: Next) -> Response {
    let id = request.headers().get(REQUEST_ID).and_then(CallId::from_header).unwrap_or_else(CallId::fresh);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map(MatchedPath::as_str);
    let deadline = route.and_then(|route| rules.deadlines.get(route)).copied().unwrap_or(rules.deadline);
    let mut record =
        Record::start(rules.service, route, (request.method(), request.uri()), id.clone(), request.headers());
    let (in_flight, under_way) = (record.in_flight(), request.extensions_mut().remove::<UnderWay>());
    request.extensions_mut().insert(id);
    let span = record.span();
    let handled = timeout(deadline, panics::guarded(next.run(request)).instrument(span)).await;
    let response = match handled {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => Problem::from(ApiError::internal(panic)).into_response(),
        Err(_) => Problem::from(ApiError::deadline_exceeded()).into_response(),
    };
    let mut response = complete(response, &mut record, rules.explains_problems);
    response.headers_mut().insert(REQUEST_ID, record.id().header());
    response.map(|body| Body::new(AnswerBody::new(body, in_flight, under_way, &rules.end_bodies)))
}

/// Makes every error a problem document that names the request, and ends the record.
fn complete(mut response: Response, record: &mut Record, explained: bool) -> Response {
    let problem = response.extensions_mut().remove::<Problem>().or_else(|| bare(&response, explained));
    let Some(problem) = problem else {
        record.finish(response.status(), None);
        return response;
    };
    let trace = record.trace();
    record.finish(response.status(), problem.detail());
    problem.told(response, explained, record.id(), trace.as_deref())
}

/// The problem of an error that says nothing but its status, or says it as plain text: those of the framework.
fn bare(response: &Response, explained: bool) -> Option<Problem> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let of_status = if explained { Problem::of_status } else { Problem::of_status_alone };
    kind.is_none_or(|kind| kind.starts_with("text/plain")).then(|| of_status(status))
}
