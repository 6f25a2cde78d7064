//! Which administrator may do what: by the role, and by the instances that are theirs.

use leasehold_proto::sync::v1 as pb;
use leasehold_runtime::Role;
use leasehold_runtime::actor::{Actor, Instances};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::licensing::{INSTANCE, NAME};
use crate::world::{Process, World};

const LOCAL: usize = 0;
const GATEWAY: usize = 3;

/// Calls a method as the gateway does, on behalf of this administrator or of nobody.
async fn call(process: &Process, method: &str, actor: Option<&Actor>) -> Result<(), Status> {
    call_as(process, GATEWAY, method, actor).await
}

async fn call_as(
    process: &Process,
    caller: usize,
    method: &str,
    actor: Option<&Actor>,
) -> Result<(), Status> {
    fn request<T>(message: T, actor: Option<&Actor>) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(actor) = actor {
            actor.attach(&mut request);
        }
        request
    }
    let mut stub = process.admin_of(caller);
    match method {
        "GetIdentity" => stub.get_identity(request(pb::GetIdentityRequest::default(), actor)).await.map(drop),
        "ListExchanges" => {
            stub.list_exchanges(request(pb::ListExchangesRequest::default(), actor)).await.map(drop)
        }
        "SynchronizeNow" => {
            stub.synchronize_now(request(pb::SynchronizeNowRequest::default(), actor)).await.map(drop)
        }
        "TestConnection" => {
            stub.test_connection(request(pb::TestConnectionRequest::default(), actor)).await.map(drop)
        }
        "ExportSyncData" => {
            stub.export_sync_data(request(pb::ExportSyncDataRequest::default(), actor)).await.map(drop)
        }
        "ImportLicenseFile" => {
            stub.import_license_file(request(pb::ImportLicenseFileRequest::default(), actor)).await.map(drop)
        }
        "Enrol" => stub.enrol(request(pb::EnrolRequest::default(), actor)).await.map(drop),
        other => panic!("{other}"),
    }
}

/// Whether a call was let through to the method, whatever that said then.
fn entered(answer: &Result<(), Status>) -> bool {
    let refused = |status: &Status| status.get_details_error_info().map(|info| info.reason);
    !matches!(answer.as_ref().err().and_then(refused).as_deref(), Some("PERMISSION_DENIED" | "ACTOR_MISSING"))
}

#[tokio::test]
async fn each_method_takes_its_roles_and_no_others() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let operators = &[Role::Operator][..];
    let by_file = &[Role::Offline, Role::Operator][..];
    for (method, roles) in [
        ("GetIdentity", &Role::ALL[..]),
        ("ListExchanges", &Role::ALL),
        ("SynchronizeNow", operators),
        ("TestConnection", operators),
        ("ExportSyncData", by_file),
        ("ImportLicenseFile", by_file),
        ("Enrol", &[]),
    ] {
        for role in Role::ALL {
            let kim = Actor::new("kim", [role], Instances::All);
            let answer = call(&process, method, Some(&kim)).await;
            let may = roles.contains(&role) || role == Role::Admin;
            assert_eq!(entered(&answer), may, "{method} {role}: {answer:?}");
            if let Err(refused) = answer
                && !may
            {
                assert_eq!(refused.code(), Code::PermissionDenied, "{method} {role}");
                assert!(refused.message().contains("ADMIN"), "{refused:?}");
            }
        }
        let answer = call(&process, method, None).await;
        assert_eq!(answer.as_ref().unwrap_err().code(), Code::Unauthenticated, "{method}: {answer:?}");
        assert!(entered(&call_as(&process, LOCAL, method, None).await), "{method}");
    }
}

#[tokio::test]
async fn an_administrator_stays_within_their_instances() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let actor = |one: &str| Actor::new("kim", [Role::Admin], Instances::Only(vec![one.to_owned()]));
    for (one, may) in [(INSTANCE, true), (NAME, true), ("other", false)] {
        for method in
            ["GetIdentity", "ListExchanges", "SynchronizeNow", "TestConnection", "ExportSyncData", "Enrol"]
        {
            let answer = call(&process, method, Some(&actor(one))).await;
            assert_eq!(entered(&answer), may, "{method} {one}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn the_history_names_the_administrator() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let kim = Actor::new("kim", [Role::Operator], Instances::All);
    call(&process, "SynchronizeNow", Some(&kim)).await.unwrap();
    assert_eq!(process.history().await[0].actor, "kim");
}
