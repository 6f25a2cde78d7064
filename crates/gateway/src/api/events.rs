//! Live events: the summary of an instance, sent when it changes.
//!
//! A stream ends after a while and the browser connects again, so that nobody goes on watching who may not any more.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use leasehold_runtime::http::Problem;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::Reads;
use crate::extract::Query;
use crate::feed::Told;
use crate::metrics;
use crate::state::Shared;
use crate::who::Who;

/// How long a stream lasts.
const LENGTH: Duration = Duration::from_mins(2);
/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What a stream begins with: how long a browser waits before it connects again.
const BEGINNING: &str = "retry: 2000\n\n";

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(events))
}

/// What is watched.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Watched {
    /// The instance's id or name; left out or `~`: the default one.
    #[serde(default)]
    #[param(example = "~", max_length = 255)]
    instance: String,
}

/// Live numbers of an instance
///
/// Events are called `summary`; their data is a Summary in JSON. A stream ends after two minutes: connect again.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "instances", params(Watched),
    responses((status = 200, content((String = "text/event-stream"))), Reads)
)]
async fn events(
    State(state): State<Shared>,
    who: Who,
    Query(Watched { instance }): Query<Watched>,
) -> Answer<Response> {
    let place = Arc::clone(&state.streams).try_acquire_owned().map_err(|_| {
        let message = "too many streams of events are open; try again later";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "LIMIT_EXCEEDED", message)
            .with_retry_after(Duration::from_secs(10))
    })?;
    // Whether it is there, and whether whoever asks may look at it.
    let found = state.services(&who).instance(&instance).await?;
    let told = state.feeds.watch(&state, &found.instance_id);
    let body = Body::from_stream(stream::unfold(Stream::new(told, place), Stream::next));
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))], body).into_response())
}

/// One stream.
struct Stream {
    told: watch::Receiver<Told>,
    begun: bool,
    end: Instant,
    _open: metrics::Stream,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    fn new(mut told: watch::Receiver<Told>, place: OwnedSemaphorePermit) -> Self {
        // What stands already is the first event.
        told.mark_changed();
        Self {
            told,
            begun: false,
            end: Instant::now() + LENGTH,
            _open: metrics::Stream::open(),
            _place: place,
        }
    }

    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if !self.begun {
            self.begun = true;
            return Some((Ok(Bytes::from_static(BEGINNING.as_bytes())), self));
        }
        loop {
            let beat = Instant::now() + HEARTBEAT;
            tokio::select! {
                () = sleep_until(self.end) => return None,
                changed = timeout_at(beat, self.told.changed()) => match changed {
                    Err(_) => return Some((Ok(Bytes::from_static(b": alive\n\n")), self)),
                    Ok(Err(_)) => return None,
                    Ok(Ok(())) => {}
                },
            }
            let event = self
                .told
                .borrow_and_update()
                .as_ref()
                .map(|data| format!("event: summary\ndata: {data}\n\n"));
            if let Some(event) = event {
                return Some((Ok(event.into()), self));
            }
        }
    }
}
