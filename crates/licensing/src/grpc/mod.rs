//! The gRPC services: convert, call the operation, convert back. There is nothing else to find here.

mod admin;
mod client;
mod internal;

use leasehold_proto::licensing::v1::licensing_admin_service_server::LicensingAdminServiceServer;
use leasehold_proto::licensing::v1::licensing_internal_service_server::LicensingInternalServiceServer;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingServiceServer;
use leasehold_runtime::{ApiError, Services, limits};
use tonic::Status;

use crate::Error;
use crate::state::Shared;

/// Every gRPC service of licensing, to be served together.
pub(crate) fn services(licensing: &Shared, max_message_size: usize) -> Services {
    let client = LicensingServiceServer::new(client::Client(licensing.clone()));
    let admin = LicensingAdminServiceServer::new(admin::Admin(licensing.clone()));
    let internal = LicensingInternalServiceServer::new(internal::Internal);
    Services::new()
        .add(limits!(client, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(admin, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(internal, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .quiet("/leasehold.licensing.v1.LicensingService/Heartbeat")
}

fn status(error: Error) -> Status {
    ApiError::from(error).into()
}

fn not_implemented(method: &str) -> Status {
    ApiError::not_implemented(method).into()
}
