//! The gRPC services: convert, call the operation, convert back. There is nothing else to find here.

mod access;
mod admin;
mod client;
mod upstream;

use std::sync::Arc;

use leasehold_artifacts::Limits;
use leasehold_proto::updates::v1::update_admin_service_server::UpdateAdminServiceServer;
use leasehold_proto::updates::v1::update_client_service_server::UpdateClientServiceServer;
use leasehold_proto::updates::v1::upstream_service_server::UpstreamServiceServer;
use leasehold_runtime::actor::Instances;
use leasehold_runtime::{ApiError, CallContext, Services, limits};
use tonic::{Request, Status};

use crate::Error;
use crate::site::Site;
use crate::state::Shared;

/// Room for what is around a metadata file in its message.
const AROUND_A_FILE: usize = 64 * 1024;

/// Every gRPC service of updates, to be served together.
pub(crate) fn services(state: &Shared, max_message_size: usize) -> Services {
    let client = UpdateClientServiceServer::new(client::Client(state.clone()));
    let admin = UpdateAdminServiceServer::new(admin::Admin(state.clone()));
    let upstream = UpstreamServiceServer::new(upstream::Upstream(state.clone()));
    // A targets role is larger than anything else that is sent.
    let largest =
        usize::try_from(Limits::default().targets).unwrap_or(usize::MAX).saturating_add(AROUND_A_FILE);
    let client = client.max_encoding_message_size(largest.max(max_message_size));
    let services = Services::new()
        .add(limits!(client, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(admin, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .add(limits!(upstream, max_message_size), leasehold_proto::DESCRIPTOR_SET)
        .quiet("/leasehold.updates.v1.UpdateClientService/CheckIn")
        .quiet("/leasehold.updates.v1.UpdateClientService/GetTufFile");
    access::ACCESS.iter().fold(services, |services, (what, access)| services.allow(what, *access))
}

fn status(error: Error) -> Status {
    ApiError::from(error).into()
}

/// Enters a call about the instance that `named` finds in the message, if the administrator may use that.
async fn enter<T>(
    state: &Shared,
    request: Request<T>,
    named: impl FnOnce(&T) -> &str,
) -> Result<(CallContext, Arc<Site>, T), Status> {
    let (call, message) = CallContext::enter(request)?;
    let site = state.site(named(&message)).await.map_err(status)?;
    if call.on_behalf_of.as_ref().is_some_and(|actor| actor.instances != Instances::All) {
        call.may_use(&site.instance.id.to_string(), &site.instance.name)?;
    }
    Ok((call, site, message))
}
