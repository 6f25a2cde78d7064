//! `LicensingInternalService`: what other services call. Not all of it is served yet; the contract stands so that they
//! can be built against it.

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_internal_service_server::LicensingInternalService;
use leasehold_runtime::CallContext;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::{not_implemented, status};
use crate::ops::drop_grant::actor;
use crate::ops::{apply_bundle, check_licensed, enrol_instance, publish_notice};
use crate::state::Shared;

pub(super) struct Internal(pub(super) Shared);

#[tonic::async_trait]
impl LicensingInternalService for Internal {
    type ExportStateStream = ReceiverStream<Result<pb::ExportStateResponse, Status>>;

    async fn enrol_instance(
        &self,
        request: Request<pb::EnrolInstanceRequest>,
    ) -> Result<Response<pb::EnrolInstanceResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        enrol_instance::enrol_instance(&self.0, &message, &actor(&call))
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn apply_bundle(
        &self,
        request: Request<pb::ApplyBundleRequest>,
    ) -> Result<Response<pb::ApplyBundleResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        apply_bundle::apply_bundle(&self.0, &message, &actor(&call)).await.map(Response::new).map_err(status)
    }

    async fn list_usage_records(
        &self,
        _: Request<pb::ListUsageRecordsRequest>,
    ) -> Result<Response<pb::ListUsageRecordsResponse>, Status> {
        Err(not_implemented("ListUsageRecords"))
    }

    async fn acknowledge_usage(
        &self,
        _: Request<pb::AcknowledgeUsageRequest>,
    ) -> Result<Response<pb::AcknowledgeUsageResponse>, Status> {
        Err(not_implemented("AcknowledgeUsage"))
    }

    async fn export_state(
        &self,
        _: Request<pb::ExportStateRequest>,
    ) -> Result<Response<Self::ExportStateStream>, Status> {
        Err(not_implemented("ExportState"))
    }

    async fn import_state(
        &self,
        _: Request<Streaming<pb::ImportStateRequest>>,
    ) -> Result<Response<pb::ImportStateResponse>, Status> {
        Err(not_implemented("ImportState"))
    }

    async fn publish_notice(
        &self,
        request: Request<pb::PublishNoticeRequest>,
    ) -> Result<Response<pb::PublishNoticeResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        publish_notice::publish_notice(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn withdraw_notice(
        &self,
        request: Request<pb::WithdrawNoticeRequest>,
    ) -> Result<Response<pb::WithdrawNoticeResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        publish_notice::withdraw_notice(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn check_licensed(
        &self,
        request: Request<pb::CheckLicensedRequest>,
    ) -> Result<Response<pb::CheckLicensedResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        check_licensed::check_licensed(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn list_events(
        &self,
        _: Request<pb::ListEventsRequest>,
    ) -> Result<Response<pb::ListEventsResponse>, Status> {
        Err(not_implemented("ListEvents"))
    }
}
