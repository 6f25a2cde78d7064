//! The gRPC services: convert, call the operation, convert back. There is nothing else to find here.

mod admin;
mod internal;

use leasehold_proto::sync::v1::sync_internal_service_server::SyncInternalServiceServer;
use leasehold_proto::sync::v1::sync_service_server::SyncServiceServer;
use leasehold_runtime::{Access, ApiError, Role, Services, limits};
use leasehold_signing::sealed_file::MAX_FILE;
use tonic::Status;

use crate::Error;
use crate::state::Shared;

/// For administrators with one of these roles.
const fn administrators(roles: &'static [Role]) -> Access {
    Access::Administrators { services: &["gateway", "admin"], roles }
}

macro_rules! admin {
    ($method:literal) => {
        concat!("/leasehold.sync.v1.SyncService/", $method)
    };
}

/// Who may call what besides programs on the same machine; what is not named here nobody else may.
const ACCESS: [(&str, Access); 9] = [
    (admin!("GetIdentity"), administrators(&Role::ALL)),
    (admin!("ListExchanges"), administrators(&Role::ALL)),
    (admin!("SynchronizeNow"), administrators(&[Role::Operator])),
    (admin!("TestConnection"), administrators(&[Role::Operator])),
    (admin!("ExportSyncData"), administrators(&[Role::Offline, Role::Operator])),
    (admin!("ImportLicenseFile"), administrators(&[Role::Offline, Role::Operator])),
    (admin!("Enrol"), administrators(&[Role::Admin])),
    ("leasehold.sync.v1.SyncInternalService", Access::Services(&["licensing", "updates"])),
    ("/leasehold.sync.v1.SyncInternalService/GetUpdateRepository", Access::Services(&["updates"])),
];

/// Room for what is around a file in its message.
const AROUND_A_FILE: usize = 64 * 1024;

/// Every gRPC service of synchronisation, to be served together.
pub(crate) fn services(state: &Shared, max_message_size: usize) -> Services {
    let admin = SyncServiceServer::new(admin::Admin(state.clone()));
    let internal = SyncInternalServiceServer::new(internal::Internal(state.clone()));
    // A response file is larger than anything else that is sent.
    let with_files = max_message_size.max(MAX_FILE + AROUND_A_FILE);
    let services = Services::new()
        .add(limits!(admin, with_files), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(internal, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .quiet("/leasehold.sync.v1.SyncInternalService/CertifyAnswerKey")
        .quiet("/leasehold.sync.v1.SyncInternalService/GetUpdateRepository");
    ACCESS.into_iter().fold(services, |services, (what, access)| services.allow(what, access))
}

fn status(error: Error) -> Status {
    ApiError::from(error).into()
}
