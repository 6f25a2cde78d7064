//! The gRPC services: convert, call the operation, convert back. There is nothing else to find here.

mod access;
mod admin;
mod client;
mod internal;

use leasehold_proto::licensing::v1::licensing_admin_service_server::LicensingAdminServiceServer;
use leasehold_proto::licensing::v1::licensing_internal_service_server::LicensingInternalServiceServer;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingServiceServer;
use leasehold_runtime::{ApiError, CallContext, Services, limits};
use leasehold_signing::Envelope;
use tonic::{Request, Status};

use crate::Error;
use crate::state::{Shared, State};

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
    access::ACCESS.iter().fold(services, |services, (what, access)| services.allow(what, *access))
}

/// Enters a call about the instance that `named` finds in the message, if the administrator may use that.
fn enter<T>(
    state: &State,
    request: Request<T>,
    named: impl FnOnce(&T) -> &str,
) -> Result<(CallContext, T), Status> {
    let (call, message) = CallContext::enter(request)?;
    let instance = state.instance(named(&message)).map_err(status)?;
    call.may_use(&instance.id.to_string(), &instance.name)?;
    Ok((call, message))
}

fn status(error: Error) -> Status {
    ApiError::from(error).into()
}

fn not_implemented(method: &str) -> Status {
    ApiError::not_implemented(method).into()
}
