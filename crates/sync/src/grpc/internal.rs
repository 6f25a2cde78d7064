//! `SyncInternalService`: what other services call.

use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::sync_internal_service_server::SyncInternalService;
use leasehold_runtime::CallContext;
use tonic::{Request, Response, Status};

use super::status;
use crate::ops::{certify_answer_key, get_update_repository};
use crate::state::Shared;

pub(super) struct Internal(pub(super) Shared);

#[tonic::async_trait]
impl SyncInternalService for Internal {
    async fn certify_answer_key(
        &self,
        request: Request<pb::CertifyAnswerKeyRequest>,
    ) -> Result<Response<pb::CertifyAnswerKeyResponse>, Status> {
        let (call, message) = CallContext::enter(request)?;
        certify_answer_key::certify_answer_key(&self.0, &call, message)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn get_update_repository(
        &self,
        request: Request<pb::GetUpdateRepositoryRequest>,
    ) -> Result<Response<pb::GetUpdateRepositoryResponse>, Status> {
        let (_, message) = CallContext::enter(request)?;
        get_update_repository::get_update_repository(&self.0, message)
            .await
            .map(Response::new)
            .map_err(status)
    }
}
