//! An instance that an administrator suspended.

use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::actor::{Actor, Instances, Role};
use leasehold_runtime::{CallContext, Caller};
use tonic::Request;

use super::wire::{Wire, on_behalf_of, reason};
use super::world::{Site, World, item};
use crate::ops;

fn suspend(text: &str) -> pb::SuspendInstanceRequest {
    pb::SuspendInstanceRequest { text: text.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn nothing_new_is_given_out_until_it_is_resumed_and_all_else_goes_on() {
    let world = World::with(&[item("L", "cad", 3)]).await;
    let mut wire = Wire::new(&world, Caller::Local).await;
    let (kept, returned) = (world.check_out("d1", 1).await, world.check_out("d2", 2).await);
    assert!(wire.admin.suspend_instance(suspend("Audit until Friday.")).await.unwrap().into_inner().changed);

    for (id, renews) in [(3, vec![]), (4, vec![kept.clone()])] {
        let refused = world.ask("d1", id, |request| request.renews = renews).await;
        assert_eq!(refused.refusal(), pb::RequestRefusal::ServerSuspended);
        assert!(refused.refusal_message.starts_with("Audit until Friday. ("), "{refused:?}");
        assert!(refused.outcomes.is_empty() && refused.signed.is_some());
    }
    let beat = pb::HeartbeatRequest { leases: vec![kept.clone()], ..Default::default() };
    let heard = wire.client.heartbeat(beat).await.unwrap().into_inner();
    assert_eq!(heard.results[0].status(), pb::LeaseStatus::Ok);
    let release = pb::ReleaseRequest { grants: vec![returned], ..Default::default() };
    let released = wire.client.release(release).await.unwrap().into_inner();
    assert_eq!(released.results[0].status(), pb::LeaseStatus::Released);
    world.apply(2, &[item("L", "cad", 5)]).await.unwrap();

    assert!(
        wire.admin.resume_instance(pb::ResumeInstanceRequest::default()).await.unwrap().into_inner().changed
    );
    let renewed = world.ask("d1", 5, |request| request.renews = vec![kept]).await;
    assert_eq!(renewed.outcomes[0].outcome(), pb::Outcome::Granted);
}

#[tokio::test]
async fn once_more_changes_nothing_and_each_change_is_recorded_once() {
    let site = Site::new().await;
    let world = site.start().await.unwrap();
    world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
    world.apply(1, &[item("L", "cad", 3)]).await.unwrap();
    world.certified().await;
    let before = world.activity().await.len();
    let mut wire = Wire::new(&world, Caller::service("gateway")).await;
    let since = world.now();
    for (user, text, changed) in [("kim", "", true), ("lee", "", false), ("lee", "Move", true)] {
        let request = on_behalf_of(user, Role::Operator, suspend(text));
        assert_eq!(
            wire.admin.suspend_instance(request).await.unwrap().into_inner().changed,
            changed,
            "{text}"
        );
        world.pass(jiff::SignedDuration::from_secs(1));
    }
    let instance = world.instance().await;
    assert_eq!(instance.status(), pb::InstanceStatus::Suspended);
    let said = instance.suspension.unwrap();
    assert_eq!((said.text.as_str(), said.actor.as_str()), ("Move", "lee"));
    assert_eq!(said.since.unwrap().seconds, since.as_second(), "another text is no other suspension");

    let again = site.start().await.unwrap();
    assert_eq!(again.instance().await.status(), pb::InstanceStatus::Suspended, "a restart resumes nothing");
    for changed in [true, false] {
        let request = on_behalf_of("kim", Role::Admin, pb::ResumeInstanceRequest::default());
        assert_eq!(wire.admin.resume_instance(request).await.unwrap().into_inner().changed, changed);
    }
    let instance = world.instance().await;
    assert_eq!((instance.status(), instance.suspension), (pb::InstanceStatus::Running, None));
    let activity = world.activity().await;
    let records = &activity[..activity.len() - before];
    let expected =
        ["INSTANCE_CHANGED: resumed", "INSTANCE_CHANGED: suspended: Move", "INSTANCE_CHANGED: suspended"];
    assert_eq!(records, expected);
    let listed = pb::ListActivityRequest::default();
    let listed = ops::list_activity::list_activity(&world.state, listed).await.unwrap();
    let actors: Vec<_> = listed.activity.iter().take(3).map(|record| record.actor.as_str()).collect();
    assert_eq!(actors, ["kim", "lee", "kim"]);
}

#[tokio::test]
async fn a_text_for_clients_is_one_line_of_moderate_length() {
    let world = World::enrolled().await;
    for text in ["x".repeat(1_001), "two\nlines".to_owned()] {
        let (call, message) = CallContext::enter(Request::new(suspend(&text))).unwrap();
        let error = ops::suspension::suspend(&world.state, &call, message).await.unwrap_err();
        assert!(error.to_string().contains("text"), "{error}");
    }
    assert_eq!(world.standing().await.suspension, None);
}

#[tokio::test]
async fn only_operators_suspend_and_only_what_is_theirs() {
    let world = World::enrolled().await;
    let mut gateway = Wire::new(&world, Caller::service("gateway")).await;
    for role in [Role::Viewer, Role::Reservations, Role::DropClient, Role::Offline] {
        let request = on_behalf_of("kim", role, suspend(""));
        let refused = gateway.admin.suspend_instance(request).await.unwrap_err();
        assert!(refused.message().contains("OPERATOR or ADMIN"), "{refused:?}");
        assert_eq!(reason::<()>(Err(refused)), "PERMISSION_DENIED");
    }
    assert_eq!(reason(gateway.admin.suspend_instance(suspend("")).await), "ACTOR_MISSING");
    let limited = |instances: &str| {
        let mut request = Request::new(suspend(""));
        Actor::new("kim", [Role::Admin], Instances::Only(vec![instances.to_owned()])).attach(&mut request);
        request
    };
    assert_eq!(reason(gateway.admin.suspend_instance(limited("other")).await), "PERMISSION_DENIED");
    assert_eq!(world.standing().await.suspension, None);
    gateway.admin.suspend_instance(limited("main")).await.unwrap();

    let read = pb::GetInstanceRequest::default();
    for role in Role::ALL {
        gateway.admin.get_instance(on_behalf_of("kim", role, read.clone())).await.unwrap();
    }
    assert_eq!(reason(gateway.admin.get_instance(read.clone()).await), "ACTOR_MISSING");
    let mut sync = Wire::new(&world, Caller::service("sync")).await;
    sync.admin.get_instance(read).await.unwrap();
    assert_eq!(reason(sync.admin.suspend_instance(suspend("")).await), "PERMISSION_DENIED");
}
