//! The licensing service as a device's programs see it: every call goes to the relay.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingService;
use tonic::{Request, Response, Status, Streaming};

use super::relay::Line;

/// What a program calls over its line.
#[derive(Debug)]
pub(super) struct Service(pub(super) Line);

/// A stream that nobody gets.
type None<T> = tokio_stream::Empty<Result<T, Status>>;

#[tonic::async_trait]
impl LicensingService for Service {
    type SessionStream = None<pb::SessionResponse>;
    type WaitForCapabilityStream = None<pb::WaitForCapabilityResponse>;

    async fn request_capabilities(
        &self,
        request: Request<pb::RequestCapabilitiesRequest>,
    ) -> Result<Response<pb::RequestCapabilitiesResponse>, Status> {
        to_its_end(self.0.clone().request(request.into_inner())).await
    }

    async fn release(
        &self,
        request: Request<pb::ReleaseRequest>,
    ) -> Result<Response<pb::ReleaseResponse>, Status> {
        to_its_end(self.0.clone().release(request.into_inner())).await
    }

    async fn heartbeat(
        &self,
        request: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        to_its_end(self.0.clone().heartbeat(request.into_inner())).await
    }

    async fn session(
        &self,
        _: Request<Streaming<pb::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        Err(not_passed_on())
    }

    async fn wait_for_capability(
        &self,
        _: Request<pb::WaitForCapabilityRequest>,
    ) -> Result<Response<Self::WaitForCapabilityStream>, Status> {
        Err(not_passed_on())
    }

    async fn verify_seat(
        &self,
        _: Request<pb::VerifySeatRequest>,
    ) -> Result<Response<pb::VerifySeatResponse>, Status> {
        Err(not_passed_on())
    }
}

/// Whoever stops waiting stops nothing: what was sent is noted.
async fn to_its_end<T: Send + 'static>(
    call: impl Future<Output = Result<T, Status>> + Send + 'static,
) -> Result<Response<T>, Status> {
    let ended = tokio::spawn(call).await;
    ended.map_err(|_| Status::internal("the relay failed"))?.map(Response::new)
}

fn not_passed_on() -> Status {
    Status::unimplemented("the programs of the demonstration do not call this")
}
