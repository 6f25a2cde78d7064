//! Peers within the process that answer every method of a service with one function, over the real server stack.

use leasehold_runtime::server::{Options, Server};
use leasehold_runtime::{Access, Caller, Services, peer};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

pub(crate) use leasehold_testkit::raw::Handler;

leasehold_testkit::raw_services! {
    LicensingAdmin = "leasehold.licensing.v1.LicensingAdminService";
    LicensingInternal = "leasehold.licensing.v1.LicensingInternalService";
    BackOffice = "leasehold.backoffice.v1.BackOfficeService";
}

/// Serves, and the way there. It is served as long as the test's runtime lives.
pub(crate) async fn serve(services: Services, caller: Caller) -> Channel {
    let (channel, arrivals) = peer::in_process(caller);
    let server = Server::new(services, Options::default()).await.unwrap().with_arrivals([arrivals]);
    tokio::spawn(server.run_inside(CancellationToken::new()));
    channel
}

/// Everybody may call everything.
pub(crate) fn open_to_all(services: Services, names: &[&'static str]) -> Services {
    names.iter().fold(services, |services, name| services.allow(name, Access::Anyone))
}
