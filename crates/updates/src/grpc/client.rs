//! `UpdateClientService`: what clients call.

use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_client_service_server::UpdateClientService;
use leasehold_runtime::CallContext;
use tonic::{Request, Response, Status};

use super::status;
use crate::ops::{check_in, fetch_blob, get_tuf_file, report_events};
use crate::state::Shared;

pub(super) struct Client(pub(super) Shared);

#[tonic::async_trait]
impl UpdateClientService for Client {
    type FetchBlobStream = fetch_blob::Pieces;

    async fn check_in(
        &self,
        request: Request<pb::CheckInRequest>,
    ) -> Result<Response<pb::CheckInResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        check_in::check_in(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn report_events(
        &self,
        request: Request<pb::ReportEventsRequest>,
    ) -> Result<Response<pb::ReportEventsResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        report_events::report_events(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn get_tuf_file(
        &self,
        request: Request<pb::GetTufFileRequest>,
    ) -> Result<Response<pb::GetTufFileResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        get_tuf_file::get_tuf_file(&self.0, message).await.map(Response::new).map_err(status)
    }

    async fn fetch_blob(
        &self,
        request: Request<pb::FetchBlobRequest>,
    ) -> Result<Response<Self::FetchBlobStream>, Status> {
        let (_, message) = CallContext::enter(request)?;
        fetch_blob::fetch_blob(&self.0, message).await.map(Response::new).map_err(status)
    }
}
