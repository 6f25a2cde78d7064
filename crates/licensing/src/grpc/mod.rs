//! The gRPC services: convert, call the operation, convert back. There is nothing else to find here.

mod admin;
mod client;
mod internal;

use leasehold_proto::licensing::v1::licensing_admin_service_server::LicensingAdminServiceServer;
use leasehold_proto::licensing::v1::licensing_internal_service_server::LicensingInternalServiceServer;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingServiceServer;
use leasehold_runtime::{Access, ApiError, Services, limits};
use leasehold_signing::Envelope;
use tonic::Status;

use crate::Error;
use crate::state::Shared;

/// Who may call what besides programs on the same machine; what is not named here nobody else may.
const ACCESS: [(&str, Access); 12] = [
    ("leasehold.licensing.v1.LicensingService", Access::Anyone),
    ("leasehold.licensing.v1.LicensingAdminService", Access::Services(&["gateway", "admin"])),
    (
        "/leasehold.licensing.v1.LicensingAdminService/GetInstance",
        Access::Services(&["gateway", "admin", "sync"]),
    ),
    ("/leasehold.licensing.v1.LicensingInternalService/EnrolInstance", Access::Services(&["sync"])),
    ("/leasehold.licensing.v1.LicensingInternalService/ApplyBundle", Access::Services(&["sync"])),
    ("/leasehold.licensing.v1.LicensingInternalService/ListUsageRecords", Access::Services(&["sync"])),
    ("/leasehold.licensing.v1.LicensingInternalService/AcknowledgeUsage", Access::Services(&["sync"])),
    ("/leasehold.licensing.v1.LicensingInternalService/ExportState", Access::Services(&["sync"])),
    ("/leasehold.licensing.v1.LicensingInternalService/ImportState", Access::Services(&["sync"])),
    ("/leasehold.licensing.v1.LicensingInternalService/PublishNotice", Access::Services(&["updates"])),
    ("/leasehold.licensing.v1.LicensingInternalService/CheckLicensed", Access::Services(&["updates"])),
    ("/leasehold.licensing.v1.LicensingInternalService/ListEvents", Access::Services(&["gateway"])),
];

/// Bytes of the largest bundle, with its certificates and what is around them.
const MAX_BUNDLE: usize = Envelope::MAX_PROTOBUF + 256 * 1024;

/// Every gRPC service of licensing, to be served together.
pub(crate) fn services(licensing: &Shared, max_message_size: usize) -> Services {
    let client = LicensingServiceServer::new(client::Client(licensing.clone()));
    let admin = LicensingAdminServiceServer::new(admin::Admin(licensing.clone()));
    let internal = LicensingInternalServiceServer::new(internal::Internal(licensing.clone()));
    let services = Services::new()
        .add(limits!(client, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(admin, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(internal, max_message_size.max(MAX_BUNDLE)), leasehold_proto::DESCRIPTOR_SET)
        .quiet("/leasehold.licensing.v1.LicensingService/Heartbeat");
    ACCESS.into_iter().fold(services, |services, (what, access)| services.allow(what, access))
}

fn status(error: Error) -> Status {
    ApiError::from(error).into()
}

fn not_implemented(method: &str) -> Status {
    ApiError::not_implemented(method).into()
}
