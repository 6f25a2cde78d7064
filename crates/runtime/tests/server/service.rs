//! A service that does what its caller asks for, good and bad: the command is the request's `instance`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_server::{LicensingService, LicensingServiceServer};
use leasehold_runtime::server::Options;
use leasehold_runtime::{Access, ApiError, CallContext, Server, Services};
use tokio::sync::Notify;
use tonic::{Request, Response, Status, Streaming};

/// The largest message that the service takes.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;

/// What the test and the service tell each other.
#[derive(Clone, Default)]
pub(crate) struct Obedient {
    /// The service says that a call has begun to wait.
    pub(crate) waiting: Arc<Notify>,
    /// The test lets a waiting call go on.
    pub(crate) go_on: Arc<Notify>,
    /// Calls that wait, or have waited.
    pub(crate) waits: Arc<AtomicUsize>,
}

/// Characters of an answer that is called long.
pub(crate) const LONG_ANSWER: usize = 2_000;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Obedient {
    pub(crate) async fn server(&self, options: Options) -> Server {
        let service = leasehold_runtime::limits!(LicensingServiceServer::new(self.clone()), MAX_MESSAGE);
        let services = Services::new()
            .add(service, leasehold_proto::DESCRIPTOR_SET)
            .allow("leasehold.licensing.v1.LicensingService", Access::Services(&["sync"]));
        Server::new(services, options).await.unwrap()
    }
}

#[async_trait::async_trait]
impl LicensingService for Obedient {
    async fn release(
        &self,
        request: Request<pb::ReleaseRequest>,
    ) -> Result<Response<pb::ReleaseResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        match message.instance.as_str() {
            "wait" | "wait for long" => {
                let go_on = self.go_on.notified();
                self.waits.fetch_add(1, Ordering::Relaxed);
                self.waiting.notify_one();
                go_on.await;
            }
            "panic" => panic!("seat 13 is cursed"),
            "bare not found" => return Err(Status::not_found("no such thing")),
            "bare internal" => return Err(Status::internal("password=hunter2")),
            "detail" => return Err(ApiError::store_unavailable("password=hunter2").into()),
            _ => {}
        }
        let left = call.remaining().map_or(0, |left| left.as_secs());
        let text = match message.instance.as_str() {
            "wait for long" => "x".repeat(LONG_ANSWER),
            "actor" => call.actor().unwrap_or("nobody").to_owned(),
            _ => format!("{} peer={} left={left}", call.request_id, call.peer.is_some()),
        };
        let result = pb::LeaseResult { message: text, ..Default::default() };
        Ok(Response::new(pb::ReleaseResponse { results: vec![result], ..Default::default() }))
    }

    type SessionStream = Answers<pb::SessionResponse>;

    async fn session(
        &self,
        request: Request<Streaming<pb::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (_, mut messages) = CallContext::enter(request)?;
        let first = messages.message().await?.unwrap_or_default();
        let answer = || stream::iter([Ok(pb::SessionResponse::default())]);
        let answers: Self::SessionStream = match first.instance.as_str() {
            "panic" => answer()
                .chain(stream::once(async {
                    tokio::task::yield_now().await;
                    panic!("seat 14 is cursed")
                }))
                .boxed(),
            "bare not found" => {
                answer().chain(stream::iter([Err(Status::not_found("no such thing"))])).boxed()
            }
            "read" => answer()
                .chain(messages.map(|message| message.map(|_| pb::SessionResponse::default())))
                .boxed(),
            "busy" => stream::repeat_with(|| Ok(pb::SessionResponse::default()))
                .then(|item| async {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    item
                })
                .boxed(),
            "open" => {
                self.waiting.notify_one();
                answer().chain(stream::pending()).boxed()
            }
            "silent" => {
                self.waiting.notify_one();
                std::future::pending().await
            }
            _ => answer().boxed(),
        };
        Ok(Response::new(answers))
    }

    type WaitForCapabilityStream = Answers<pb::WaitForCapabilityResponse>;

    async fn wait_for_capability(
        &self,
        _: Request<pb::WaitForCapabilityRequest>,
    ) -> Result<Response<Self::WaitForCapabilityStream>, Status> {
        Err(ApiError::not_implemented("WaitForCapability").into())
    }

    async fn request_capabilities(
        &self,
        _: Request<pb::RequestCapabilitiesRequest>,
    ) -> Result<Response<pb::RequestCapabilitiesResponse>, Status> {
        Err(ApiError::not_implemented("RequestCapabilities").into())
    }

    async fn heartbeat(
        &self,
        _: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        Err(ApiError::not_implemented("Heartbeat").into())
    }

    async fn verify_seat(
        &self,
        _: Request<pb::VerifySeatRequest>,
    ) -> Result<Response<pb::VerifySeatResponse>, Status> {
        Err(ApiError::not_implemented("VerifySeat").into())
    }
}
