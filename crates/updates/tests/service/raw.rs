//! Peers within the process that answer every method of a service with one function, over the real server stack.

use leasehold_runtime::server::{Options, Server};
use leasehold_runtime::{Access, Caller, Services, peer};
use leasehold_testkit::raw::Handler;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::transport::Channel;

leasehold_testkit::raw_services! {
    LicensingAdmin = "leasehold.licensing.v1.LicensingAdminService";
    LicensingInternal = "leasehold.licensing.v1.LicensingInternalService";
    SyncInternal = "leasehold.sync.v1.SyncInternalService";
}

/// Serves licensing and synchronisation, and the way there. They are served as long as the test's runtime lives.
pub(crate) async fn serve(handler: Handler) -> Channel {
    let set = leasehold_proto::DESCRIPTOR_SET;
    let services = Services::new()
        .add(LicensingAdmin(handler.clone()), set)
        .add(LicensingInternal(handler.clone()), set)
        .add(SyncInternal(handler), set)
        .allow(LicensingAdmin::NAME, Access::Anyone)
        .allow(LicensingInternal::NAME, Access::Anyone)
        .allow(SyncInternal::NAME, Access::Anyone);
    let (channel, arrivals) = peer::in_process(Caller::service("updates"));
    let server = Server::new(services, Options::default()).await.unwrap().with_arrivals([arrivals]);
    tokio::spawn(server.run_inside(CancellationToken::new()));
    channel
}
