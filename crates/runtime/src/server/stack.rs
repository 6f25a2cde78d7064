//! What happens to every call before and after its method.
//!
//! One future and one body in place of a chain of layers, each with its own: this is the hot path. The steps
//! stand in [`Stack::call`] and below it in the order in which a chain would have them.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::{Future, pending};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderName, Request, Response};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::Instrument;

use super::body::CallBody;
use super::record::Record;
use super::services::{Method, Methods};
use super::{deadline, details};
use crate::actor;
use crate::call::{Arrival, CallId};
use crate::caller::Caller;
use crate::error::ApiError;
use crate::metrics::Meter;
use crate::panics;
use crate::tls::Peer;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the stack in the place of a router: it knows every method, and where it is.
#[derive(Clone)]
pub(super) struct StackLayer(Arc<Rules>);

struct Rules {
    methods: Methods,
    /// Measures calls of methods that there are not.
    unknown: Arc<Meter>,
    default_deadline: Duration,
    stop_streams: CancellationToken,
}

/// All methods, with the stack around them.
#[derive(Clone)]
pub(crate) struct Stack(Arc<Rules>);

impl StackLayer {
    pub(super) fn new(methods: Methods, default_deadline: Duration, stop_streams: CancellationToken) -> Self {
        let unknown = Arc::new(Meter::unknown());
        Self(Arc::new(Rules { methods, unknown, default_deadline, stop_streams }))
    }
}

impl<S> Layer<S> for StackLayer {
    type Service = Stack;

    fn layer(&self, _: S) -> Stack {
        Stack(Arc::clone(&self.0))
    }
}

impl Service<Request<Body>> for Stack {
    type Response = Response<CallBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<CallBody>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The id comes first, so that whatever happens below is logged and answered under it.
        let id =
            request.headers().get(REQUEST_ID).and_then(CallId::from_header).unwrap_or_else(CallId::fresh);
        let method = self.0.methods.get(request.uri().path()).cloned();
        // The log line starts here, so that it has the time and the fate of everything below.
        let quiet = method.as_ref().is_some_and(|method| method.quiet);
        let meter = method.as_ref().map_or(&self.0.unknown, |method| &method.meter);
        let record =
            Record::start(id.clone(), request.uri().clone(), request.headers(), quiet, Arc::clone(meter));
        let Some(method) = method else {
            let unknown = ApiError::unknown_method(record.path());
            return Box::pin(async move { Ok(refuse(unknown, record)) });
        };
        // Before anything is done for a caller it is known who it is, from the connection alone.
        let caller = caller(&request);
        let actor = actor::of_call(request.headers(), &caller)
            .and_then(|actor| method.access.check(&caller, actor.as_ref(), record.path()).map(|()| actor));
        let actor = match actor {
            Ok(actor) => actor,
            Err(refused) => return Box::pin(async move { Ok(refuse(refused, record)) }),
        };
        // The deadline is set before the method starts, so that the method knows it.
        let deadline = self.0.deadline(&request, &method);
        request.extensions_mut().insert(Arrival { id, deadline });
        request.extensions_mut().insert(caller);
        if let Some(actor) = actor {
            request.extensions_mut().insert(actor);
        }
        // The method's work belongs to the call's span.
        let span = record.span();
        let answer = span.in_scope(|| method.service.serve(request)).instrument(span);
        let rules = Arc::clone(&self.0);
        Box::pin(async move {
            Ok(match rules.limited(answer, deadline, &method).await {
                Ok(answer) => rules.complete(answer, record, &method),
                Err(error) => refuse(error, record),
            })
        })
    }
}

impl Rules {
    fn deadline(&self, request: &Request<Body>, method: &Method) -> Option<Instant> {
        let default = (!method.streaming).then_some(self.default_deadline);
        deadline::given(request.headers()).or(default).and_then(|wait| Instant::now().checked_add(wait))
    }

    /// The method's answer, unless it panics, is late, or is a stream that has not begun when streams are ended.
    async fn limited<F>(
        &self,
        answer: F,
        deadline: Option<Instant>,
        method: &Method,
    ) -> Result<Response<Body>, ApiError>
    where
        F: Future<Output = Result<Response<Body>, Infallible>>,
    {
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(ApiError::deadline_exceeded());
        }
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        let stopped =
            async { if method.streaming { self.stop_streams.cancelled().await } else { pending().await } };
        tokio::select! {
            biased;
            answer = panics::guarded(answer) => match answer {
                Ok(Ok(answer)) => Ok(answer),
                Ok(Err(never)) => match never {},
                Err(panic) => Err(ApiError::internal(panic)),
            },
            () = late => Err(ApiError::deadline_exceeded()),
            () = stopped => Err(ApiError::shutting_down()),
        }
    }

    /// Adds to an answer what every answer has: the id, and details where it is an error without.
    fn complete(&self, answer: Response<Body>, mut record: Record, method: &Method) -> Response<CallBody> {
        let (mut head, body) = answer.into_parts();
        head.headers.insert(REQUEST_ID, record.id().header());
        let body = match details::complete(&mut head.headers, record.path()) {
            Some(end) => {
                let source = head.extensions.get::<Status>().and_then(|status| status.source());
                record.finish(end.code, end.detail.or_else(|| source.map(ToString::to_string)).as_deref());
                CallBody::ended(body)
            }
            None => {
                let stop =
                    method.streaming.then(|| Box::pin(self.stop_streams.clone().cancelled_owned()) as _);
                CallBody::open(body, record, stop)
            }
        };
        Response::from_parts(head, body)
    }
}

fn caller(request: &Request<Body>) -> Caller {
    request.extensions().get::<Peer>().map(|peer| peer.caller.clone()).unwrap_or_default()
}

/// The answer that is an error of the stack itself.
fn refuse(error: ApiError, mut record: Record) -> Response<CallBody> {
    record.finish(error.code, error.detail());
    let mut answer = Status::from(error).into_http::<Body>().map(CallBody::ended);
    answer.headers_mut().insert(REQUEST_ID, record.id().header());
    answer
}
