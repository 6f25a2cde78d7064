//! `SyncService`: what administrators call.

use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::sync_service_server::SyncService;
use leasehold_runtime::CallContext;
use tonic::{Request, Response, Status};

use super::status;
use crate::ops::{
    enrol, export_sync_data, get_identity, import_license_file, list_exchanges, synchronize, test_connection,
};
use crate::state::Shared;

pub(super) struct Admin(pub(super) Shared);

#[tonic::async_trait]
impl SyncService for Admin {
    async fn get_identity(
        &self,
        request: Request<pb::GetIdentityRequest>,
    ) -> Result<Response<pb::GetIdentityResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        get_identity::get_identity(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn enrol(&self, request: Request<pb::EnrolRequest>) -> Result<Response<pb::EnrolResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        enrol::enrol(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn synchronize_now(
        &self,
        request: Request<pb::SynchronizeNowRequest>,
    ) -> Result<Response<pb::SynchronizeNowResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        synchronize::synchronize_now(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn test_connection(
        &self,
        request: Request<pb::TestConnectionRequest>,
    ) -> Result<Response<pb::TestConnectionResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        test_connection::test_connection(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn export_sync_data(
        &self,
        request: Request<pb::ExportSyncDataRequest>,
    ) -> Result<Response<pb::ExportSyncDataResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        export_sync_data::export_sync_data(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn import_license_file(
        &self,
        request: Request<pb::ImportLicenseFileRequest>,
    ) -> Result<Response<pb::ImportLicenseFileResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        import_license_file::import_license_file(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn list_exchanges(
        &self,
        request: Request<pb::ListExchangesRequest>,
    ) -> Result<Response<pb::ListExchangesResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        list_exchanges::list_exchanges(&self.0, message).await.map(Response::new).map_err(status)
    }
}
