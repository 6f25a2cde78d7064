//! What a call sends back, watched until it ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

use super::details;
use super::record::Record;
use crate::error::ApiError;
use crate::panics;

/// Resolves when the server ends streams.
pub(super) type Stop = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The messages of an answer and its trailers.
pub(crate) struct CallBody {
    inner: Body,
    /// `None` once the call has ended.
    watch: Option<Watch>,
}

struct Watch {
    record: Record,
    stop: Option<Stop>,
}

impl CallBody {
    /// An answer that ended with its headers.
    pub(super) fn ended(inner: Body) -> Self {
        Self { inner, watch: None }
    }

    /// An answer that goes on; `stop` ends it early.
    pub(super) fn open(inner: Body, record: Record, stop: Option<Stop>) -> Self {
        Self { inner, watch: Some(Watch { record, stop }) }
    }

    fn fail(&mut self, error: ApiError) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut trailers = HeaderMap::new();
        let end = details::replace(&mut trailers, error);
        if let Some(mut watch) = self.watch.take() {
            watch.record.finish(end.code, end.detail.as_deref());
        }
        self.inner = Body::empty();
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(watch) = &mut this.watch else {
            return Pin::new(&mut this.inner).poll_frame(context);
        };
        // Before the messages, so that a stream that always has one can be ended too.
        if watch.stop.as_mut().is_some_and(|stop| stop.as_mut().poll(context).is_ready()) {
            return this.fail(ApiError::shutting_down());
        }
        match panics::guard(|| Pin::new(&mut this.inner).poll_frame(context)) {
            Err(panic) => this.fail(ApiError::internal(panic)),
            Ok(Poll::Ready(Some(Ok(mut frame)))) => {
                if let Some(end) =
                    frame.trailers_mut().and_then(|it| details::complete(it, watch.record.path()))
                {
                    watch.record.finish(end.code, end.detail.as_deref());
                    this.watch = None;
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(Poll::Ready(Some(Err(status)))) => {
                watch.record.finish(status.code(), Some(status.message()));
                this.watch = None;
                Poll::Ready(Some(Err(status)))
            }
            Ok(Poll::Ready(None)) => {
                watch.record.finish(Code::Unknown, Some("the answer ended without a status"));
                this.watch = None;
                Poll::Ready(None)
            }
            Ok(Poll::Pending) => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
