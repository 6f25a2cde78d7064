//! `SyncService`: what administrators call.

use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::sync_service_server::SyncService;
use leasehold_runtime::CallContext;
use leasehold_runtime::actor::Instances;
use tonic::{Request, Response, Status};

use super::status;
use crate::ops::{
    enrol, export_sync_data, get_identity, import_license_file, list_exchanges, synchronize, test_connection,
};
use crate::state::Shared;

pub(super) struct Admin(pub(super) Shared);

/// Enters a call about the instance that `named` finds in the message, if the administrator may use that.
async fn enter<T>(
    state: &Shared,
    request: Request<T>,
    named: impl FnOnce(&T) -> &str,
) -> Result<(CallContext, T), Status> {
    let (call, message) = CallContext::enter(request)?;
    // Licensing is asked only where that decides anything.
    if call.on_behalf_of.as_ref().is_some_and(|actor| actor.instances != Instances::All) {
        let instance = state.instance(named(&message)).await.map_err(status)?;
        call.may_use(&instance.id.to_string(), &instance.name)?;
    }
    Ok((call, message))
}

#[tonic::async_trait]
impl SyncService for Admin {
    async fn get_identity(
        &self,
        request: Request<pb::GetIdentityRequest>,
    ) -> Result<Response<pb::GetIdentityResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance).await?;
        get_identity::get_identity(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn enrol(&self, request: Request<pb::EnrolRequest>) -> Result<Response<pb::EnrolResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance).await?;
        enrol::enrol(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn synchronize_now(
        &self,
        request: Request<pb::SynchronizeNowRequest>,
    ) -> Result<Response<pb::SynchronizeNowResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance).await?;
        synchronize::synchronize_now(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn test_connection(
        &self,
        request: Request<pb::TestConnectionRequest>,
    ) -> Result<Response<pb::TestConnectionResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance).await?;
        test_connection::test_connection(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn export_sync_data(
        &self,
        request: Request<pb::ExportSyncDataRequest>,
    ) -> Result<Response<pb::ExportSyncDataResponse>, Status> {
        let (call, message) = enter(&self.0, request, |message| &message.instance).await?;
        export_sync_data::export_sync_data(&self.0, &call, message).await.map(Response::new).map_err(status)
    }

    async fn import_license_file(
        &self,
        request: Request<pb::ImportLicenseFileRequest>,
    ) -> Result<Response<pb::ImportLicenseFileResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance).await?;
        import_license_file::import_license_file(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn list_exchanges(
        &self,
        request: Request<pb::ListExchangesRequest>,
    ) -> Result<Response<pb::ListExchangesResponse>, Status> {
        let (_, message) = enter(&self.0, request, |message| &message.instance).await?;
        list_exchanges::list_exchanges(&self.0, message).await.map(Response::new).map_err(status)
    }
}
