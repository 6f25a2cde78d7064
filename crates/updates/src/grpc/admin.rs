//! `UpdateAdminService`: what administrators call.

use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_admin_service_server::UpdateAdminService;
use tonic::{Request, Response, Status};

use super::{enter, status};
use crate::ops::{get_client, list_clients, list_products, list_releases};
use crate::state::Shared;

pub(super) struct Admin(pub(super) Shared);

#[tonic::async_trait]
impl UpdateAdminService for Admin {
    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Result<Response<pb::ListProductsResponse>, Status> {
        let (_, site, message) = enter(&self.0, request, |message| &message.instance).await?;
        list_products::list_products(&self.0, &site, message).await.map(Response::new).map_err(status)
    }

    async fn list_releases(
        &self,
        request: Request<pb::ListReleasesRequest>,
    ) -> Result<Response<pb::ListReleasesResponse>, Status> {
        let (_, site, message) = enter(&self.0, request, |message| &message.instance).await?;
        list_releases::list_releases(&self.0, &site, message).await.map(Response::new).map_err(status)
    }

    async fn list_clients(
        &self,
        request: Request<pb::ListClientsRequest>,
    ) -> Result<Response<pb::ListClientsResponse>, Status> {
        let (_, site, message) = enter(&self.0, request, |message| &message.instance).await?;
        list_clients::list_clients(&self.0, &site, message).await.map(Response::new).map_err(status)
    }

    async fn get_client(
        &self,
        request: Request<pb::GetClientRequest>,
    ) -> Result<Response<pb::GetClientResponse>, Status> {
        let (_, site, message) = enter(&self.0, request, |message| &message.instance).await?;
        get_client::get_client(&self.0, &site, message).await.map(Response::new).map_err(status)
    }
}
