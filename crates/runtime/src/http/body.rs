//! What a request is answered with, watched until it ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::metrics::Gauge;
use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::connection::UnderWay;
use crate::panics;

/// The parts of an answer.
pub(super) struct AnswerBody {
    inner: Body,
    /// Ends a body whose length is not known, when the server does.
    end: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _in_flight: InFlight,
    _under_way: Option<UnderWay>,
}

/// Counts a request from its beginning to the end of its answer.
pub(super) struct InFlight(Gauge);

impl InFlight {
    pub(super) fn begin(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl AnswerBody {
    pub(super) fn new(
        inner: Body,
        in_flight: InFlight,
        under_way: Option<UnderWay>,
        end: &CancellationToken,
    ) -> Self {
        let endless = http_body::Body::size_hint(&inner).exact().is_none();
        let end = endless.then(|| Box::pin(end.clone().cancelled_owned()));
        Self { inner, end, _in_flight: in_flight, _under_way: under_way }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.end.as_mut().is_some_and(|end| end.as_mut().poll(context).is_ready()) {
            this.end = None;
            this.inner = Body::empty();
        }
        match panics::guard(|| Pin::new(&mut this.inner).poll_frame(context)) {
            Ok(polled) => polled,
            Err(panic) => {
                tracing::error!(panic, "an answer panicked half way; its connection is closed");
                this.inner = Body::empty();
                Poll::Ready(Some(Err(axum::Error::new("the answer broke off"))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
