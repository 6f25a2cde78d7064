//! `LicensingService`: what clients call.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingService;
use leasehold_runtime::CallContext;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{not_implemented, status};
use crate::ops;
use crate::state::Shared;

pub(super) struct Client(pub(super) Shared);

#[tonic::async_trait]
impl LicensingService for Client {
    type SessionStream = ops::session::Responses;
    type WaitForCapabilityStream = ReceiverStream<Result<pb::WaitForCapabilityResponse, Status>>;

    async fn request_capabilities(
        &self,
        request: Request<pb::RequestCapabilitiesRequest>,
    ) -> Result<Response<pb::RequestCapabilitiesResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        let answer = ops::request_capabilities::request_capabilities(&self.0, &call, message).await;
        answer.map(Response::new).map_err(status)
    }

    async fn release(
        &self,
        request: Request<pb::ReleaseRequest>,
    ) -> Result<Response<pb::ReleaseResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        let answer = ops::release_grants::release_grants(&self.0, &call, message).await;
        answer.map(Response::new).map_err(status)
    }

    async fn heartbeat(
        &self,
        request: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        ops::heartbeat::heartbeat(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn session(
        &self,
        request: Request<Streaming<pb::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (_, messages) = CallContext::enter(request)?;
        Ok(Response::new(ops::session::session(self.0.clone(), messages)))
    }

    async fn wait_for_capability(
        &self,
        _: Request<pb::WaitForCapabilityRequest>,
    ) -> Result<Response<Self::WaitForCapabilityStream>, Status> {
        Err(not_implemented("WaitForCapability"))
    }

    async fn verify_seat(
        &self,
        _: Request<pb::VerifySeatRequest>,
    ) -> Result<Response<pb::VerifySeatResponse>, Status> {
        Err(not_implemented("VerifySeat"))
    }
}
