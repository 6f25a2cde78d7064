//! The service as its callers reach it: with the lists of who may call what.

use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::licensing::v1::licensing_internal_service_client::LicensingInternalServiceClient;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_runtime::actor::{Actor, Instances, Role};
use leasehold_runtime::server::{Options, Server};
use leasehold_runtime::{Caller, peer};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::world::World;

/// Ways to the service for one caller.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) client: LicensingServiceClient<Channel>,
    pub(crate) admin: LicensingAdminServiceClient<Channel>,
    pub(crate) internal: LicensingInternalServiceClient<Channel>,
}

impl Wire {
    /// The service is served until the test's runtime ends.
    pub(crate) async fn new(world: &World, caller: Caller) -> Self {
        let (channel, arrivals) = peer::in_process(caller);
        let services = crate::grpc::services(&world.state, 1 << 20);
        let server = Server::new(services, Options::default()).await.unwrap().with_arrivals([arrivals]);
        tokio::spawn(server.run_inside(CancellationToken::new()));
        Self {
            client: LicensingServiceClient::new(channel.clone()),
            admin: LicensingAdminServiceClient::new(channel.clone()),
            internal: LicensingInternalServiceClient::new(channel),
        }
    }
}

/// A call on behalf of an administrator.
pub(crate) fn on_behalf_of<T>(user: &str, role: Role, message: T) -> Request<T> {
    let mut request = Request::new(message);
    Actor::new(user, [role], Instances::All).attach(&mut request);
    request
}

/// The reason of a refusal.
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    answer.expect_err("it is refused").get_details_error_info().expect("it says why").reason
}
