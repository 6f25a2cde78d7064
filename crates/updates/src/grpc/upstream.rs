//! `UpstreamService`: what administrators call about the vendor's repository.

use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::upstream_service_server::UpstreamService;
use tonic::{Request, Response, Status};

use super::{enter, status};
use crate::ops::{get_status, sync_now, test_connection};
use crate::state::Shared;

pub(super) struct Upstream(pub(super) Shared);

#[tonic::async_trait]
impl UpstreamService for Upstream {
    async fn sync_now(
        &self,
        request: Request<pb::SyncNowRequest>,
    ) -> Result<Response<pb::SyncNowResponse>, Status> {
        let (call, site, _) = enter(&self.0, request, |message| &message.instance).await?;
        sync_now::sync_now(&self.0, &site, &call).await.map(Response::new).map_err(status)
    }

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let (_, site, _) = enter(&self.0, request, |message| &message.instance).await?;
        get_status::get_status(&self.0, &site).await.map(Response::new).map_err(status)
    }

    async fn test_connection(
        &self,
        request: Request<pb::TestConnectionRequest>,
    ) -> Result<Response<pb::TestConnectionResponse>, Status> {
        let (_, site, _) = enter(&self.0, request, |message| &message.instance).await?;
        test_connection::test_connection(&self.0, &site).await.map(Response::new).map_err(status)
    }
}
