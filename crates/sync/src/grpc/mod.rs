//! The gRPC services: convert, call the operation, convert back. There is nothing else to find here.

mod admin;
mod internal;

use leasehold_proto::sync::v1::sync_internal_service_server::SyncInternalServiceServer;
use leasehold_proto::sync::v1::sync_service_server::SyncServiceServer;
use leasehold_runtime::{Access, ApiError, Services, limits};
use leasehold_signing::sealed_file::MAX_FILE;
use tonic::Status;

use crate::Error;
use crate::state::Shared;

/// Room for what is around a file in its message.
const AROUND_A_FILE: usize = 64 * 1024;

/// Every gRPC service of synchronisation, to be served together.
pub(crate) fn services(state: &Shared, max_message_size: usize) -> Services {
    let admin = SyncServiceServer::new(admin::Admin(state.clone()));
    let internal = SyncInternalServiceServer::new(internal::Internal(state.clone()));
    // A response file is larger than anything else that is sent.
    let with_files = max_message_size.max(MAX_FILE + AROUND_A_FILE);
    Services::new()
        .add(limits!(admin, with_files), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(internal, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .allow("leasehold.sync.v1.SyncService", Access::Services(&["gateway", "admin"]))
        .allow("leasehold.sync.v1.SyncInternalService", Access::Services(&["licensing", "updates"]))
        .quiet("/leasehold.sync.v1.SyncInternalService/CertifyAnswerKey")
}

fn status(error: Error) -> Status {
    ApiError::from(error).into()
}
