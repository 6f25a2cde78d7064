//! Calls on behalf of administrators: who may make them, and that the method knows for whom.

use leasehold_proto::licensing::v1::ReleaseRequest;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingServiceServer;
use leasehold_runtime::actor::{Actor, Instances, Role};
use leasehold_runtime::peer::in_process;
use leasehold_runtime::server::Options;
use leasehold_runtime::{Access, Caller, Server, Services};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::service::{MAX_MESSAGE, Obedient};

/// A server whose method is for operators, and a way to it for each of these callers.
async fn serve<const N: usize>(callers: [Caller; N]) -> [Channel; N] {
    let service = leasehold_runtime::limits!(LicensingServiceServer::new(Obedient::default()), MAX_MESSAGE);
    let operators = Access::Administrators { services: &["gateway", "admin"], roles: &[Role::Operator] };
    let services = Services::new()
        .add(service, leasehold_proto::DESCRIPTOR_SET)
        .allow("leasehold.licensing.v1.LicensingService", operators);
    let (channels, arrivals): (Vec<_>, Vec<_>) = callers.map(in_process).into_iter().unzip();
    let server = Server::new(services, Options::default()).await.unwrap().with_arrivals(arrivals);
    tokio::spawn(server.run_inside(CancellationToken::new()));
    channels.try_into().unwrap()
}

/// Who the method believes to act, or the refusal's code and reason.
async fn ask(channel: &Channel, actor: Option<&Actor>) -> Result<String, (Code, String)> {
    let mut request = Request::new(ReleaseRequest { instance: "actor".to_owned(), ..Default::default() });
    if let Some(actor) = actor {
        actor.attach(&mut request);
    }
    let answer = LicensingServiceClient::new(channel.clone()).release(request).await;
    let refused = |status: Status| (status.code(), status.get_details_error_info().unwrap().reason);
    answer.map(|answer| answer.into_inner().results.remove(0).message).map_err(refused)
}

fn refusal<T>(code: Code, reason: &str) -> Result<T, (Code, String)> {
    Err((code, reason.to_owned()))
}

#[tokio::test]
async fn only_the_gateway_and_this_machine_call_on_behalf_of_others() {
    let [gateway, admin, local, nobody] =
        serve([Caller::service("gateway"), Caller::service("admin"), Caller::Local, Caller::Anonymous]).await;
    let kim = Actor::new("kim", [Role::Operator], Instances::All);
    for channel in [&gateway, &local] {
        assert_eq!(ask(channel, Some(&kim)).await, Ok("kim".to_owned()));
    }
    for channel in [&admin, &nobody] {
        assert_eq!(ask(channel, Some(&kim)).await, refusal(Code::PermissionDenied, "ACTOR_NOT_ACCEPTED"));
    }
    let viewer = Actor::new("kim", [Role::Viewer], Instances::All);
    for channel in [&gateway, &local] {
        assert_eq!(ask(channel, Some(&viewer)).await, refusal(Code::PermissionDenied, "PERMISSION_DENIED"));
    }
    assert_eq!(ask(&gateway, None).await, refusal(Code::Unauthenticated, "ACTOR_MISSING"));
    assert_eq!(ask(&admin, None).await, Ok("admin".to_owned()));
    assert_eq!(ask(&local, None).await, Ok("nobody".to_owned()));
    assert_eq!(ask(&nobody, None).await, refusal(Code::Unauthenticated, "UNAUTHENTICATED"));
}
