//! What callers send that no server should take: each mistake is named by its field, and changes nothing.

mod garbage;
mod requests;

use std::fmt::Debug;

use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use serde_json::{Value, json};
use tonic::{Code, Response, Status};

use crate::calls::{self, ask, beat, check_out, give_back, hostid, request, told, totals};
use crate::server::Server;

fn estate() -> Value {
    json!({"line_items": [
        {"id": "L1", "feature": "cad", "version": "1.5", "count": 5},
        {"id": "L2", "feature": "sim", "version": "1.0", "count": null},
    ]})
}

/// The call must have been refused for this field; `said` is in the message.
fn assert_field<T: Debug>(result: Result<Response<T>, Status>, what: &str, field: &str, said: &str) {
    let status = result.expect_err(what);
    let told = told(&status).unwrap_or_else(|| panic!("{what}: an error without details: {status:?}"));
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Code::InvalidArgument, "INVALID_FIELD"),
        "{what}: {told:?}"
    );
    assert_eq!(told.fields, [field], "{what}: {told:?}");
    assert!(told.message.starts_with(field) && told.message.contains(said), "{what}: {told:?}");
}

fn assert_error<T: Debug>(result: Result<Response<T>, Status>, code: Code, reason: &str) {
    let status = result.expect_err(reason);
    let told = told(&status).unwrap_or_else(|| panic!("an error without details: {status:?}"));
    assert_eq!((told.code, told.reason.as_str()), (code, reason), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_capability_request_is_named_by_field_and_changes_nothing() {
    let mut server = Server::start(&estate(), &[]).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let before = totals(&mut admin).await;
    assert_eq!((before.devices, before.grants), (0, 0));
    let cases = requests::cases();
    for (what, field, said, bad) in &cases {
        assert_field(licensing.request_capabilities(bad.clone()).await, what, field, said);
        assert_eq!(totals(&mut admin).await, before, "{what}");
    }
    assert!(cases.len() >= 60);
    // What was refused has not used its id up.
    let mut good = request("B1", &[("cad", 1)]);
    let (.., bad) = cases.iter().find(|(_, field, ..)| *field == "nonce").unwrap();
    good.request_id.clone_from(&bad.request_id);
    check_out(&mut licensing, good).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_lists_of_leases_and_bad_pages_are_named_by_field() {
    let mut server = Server::start(&estate(), &[]).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let before = totals(&mut admin).await;
    let good = || pb::GrantRef { grant_id: calls::fresh_id(), fencing_token: 1, lease_token: vec![0; 16] };
    let no_uuid = pb::GrantRef { grant_id: "7".into(), ..good() };
    let short_token = pb::GrantRef { lease_token: vec![0; 15], ..good() };
    for (what, at, said, refs) in [
        ("none", "", "1 to 1,000", vec![]),
        ("too many", "", "at most 1,000", vec![good(); 1_001]),
        ("no UUID", "[1].grant_id", "not a UUID", vec![good(), no_uuid]),
        ("a short token", "[0].lease_token", "16 bytes", vec![short_token]),
    ] {
        let request = pb::HeartbeatRequest { leases: refs.clone(), ..Default::default() };
        assert_field(licensing.heartbeat(request).await, what, &format!("leases{at}"), said);
        let request = pb::ReleaseRequest { grants: refs, ..Default::default() };
        assert_field(licensing.release(request).await, what, &format!("grants{at}"), said);
    }
    for (field, page_size, skip, page_token) in [
        ("page.page_size", 501, 0, ""),
        ("page.page_size", -1, 0, ""),
        ("page.skip", 0, -1, ""),
        ("page.skip", 0, 1, "x"),
    ] {
        let page =
            types::PageRequest { page_size, skip, page_token: page_token.into(), ..Default::default() };
        let request = pb::ListFeaturesRequest { page: Some(page.clone()), ..Default::default() };
        assert_field(admin.list_features(request).await, "features", field, "give");
        let request = pb::ListGrantsRequest { page: Some(page.clone()), ..Default::default() };
        assert_field(admin.list_grants(request).await, "grants", field, "give");
        let request = pb::ListDevicesRequest { page: Some(page.clone()), ..Default::default() };
        assert_field(admin.list_devices(request).await, "devices", field, "give");
        let request = pb::ListActivityRequest { page: Some(page), ..Default::default() };
        assert_field(admin.list_activity(request).await, "activity", field, "give");
    }
    let request = pb::DropGrantRequest { grant_id: "x".into(), ..Default::default() };
    assert_field(admin.drop_grant(request).await, "no UUID", "grant_id", "UUID");
    let request = pb::SetDeviceBlockedRequest::default();
    assert_field(admin.set_device_blocked(request).await, "no hostid", "hostid", "missing");
    assert_eq!(totals(&mut admin).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_had_is_an_answer() {
    let mut server = Server::start(&estate(), &[]).await;
    let mut licensing = server.licensing();
    let mut wants = request("B1", &[("nothing", 1), ("cad", 1), ("sim", 1)]);
    wants.features[1].version = "1.6".into();
    let answer = ask(&mut licensing, wants).await;
    let reasons: Vec<_> =
        answer.outcomes.iter().map(|o| (o.outcome(), o.refusals.first().map(pb::Refusal::reason))).collect();
    assert_eq!(
        reasons,
        [
            (pb::Outcome::Refused, Some(pb::RefusalReason::UnknownFeature)),
            (pb::Outcome::Refused, Some(pb::RefusalReason::VersionTooLow)),
            (pb::Outcome::Granted, None),
        ]
    );
    let too_many = ask(&mut licensing, request("B2", &[("cad", 6)])).await;
    let refusal = &too_many.outcomes[0].refusals[0];
    assert_eq!(refusal.reason(), pb::RefusalReason::InsufficientCount);
    assert_eq!((refusal.asked, refusal.free, refusal.free_for_you), (6, 5, 5));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_token_changes_nothing() {
    let mut server = Server::start(&estate(), &[]).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let old = check_out(&mut licensing, request("B1", &[("cad", 1)])).await;
    let new = check_out(&mut licensing, request("B1", &[("cad", 2)])).await;
    assert_eq!(old.grant_id, new.grant_id);
    let before = totals(&mut admin).await;

    let stale = (pb::LeaseStatus::Lost, pb::LostReason::StaleToken);
    let result = beat(&mut licensing, &old).await;
    assert_eq!((result.status(), result.reason()), stale);
    let result = give_back(&mut licensing, &old).await;
    assert_eq!((result.status(), result.reason()), stale);
    let renewal = pb::RequestCapabilitiesRequest { renews: vec![old], ..request("B1", &[("cad", 1)]) };
    assert_error(licensing.request_capabilities(renewal).await, Code::FailedPrecondition, "STALE_TOKEN");

    let forged = pb::GrantRef { lease_token: vec![7; 16], ..new.clone() };
    let result = give_back(&mut licensing, &forged).await;
    assert_eq!((result.status(), result.reason()), (pb::LeaseStatus::Lost, pb::LostReason::WrongToken));
    // Somebody else's grant cannot be renewed, whoever knows its token.
    let renewal =
        pb::RequestCapabilitiesRequest { renews: vec![new.clone()], ..request("B2", &[("cad", 1)]) };
    assert_error(licensing.request_capabilities(renewal).await, Code::FailedPrecondition, "STALE_TOKEN");

    assert_eq!(totals(&mut admin).await, before);
    assert_eq!(beat(&mut licensing, &new).await.status(), pb::LeaseStatus::Ok);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_dead_once_its_grant_is_borrowed() {
    let mut server = Server::start(&estate(), &[]).await;
    let mut licensing = server.licensing();
    let online = check_out(&mut licensing, request("B1", &[("cad", 1)])).await;
    let borrow = || pb::RequestCapabilitiesRequest {
        mode: pb::GrantMode::Borrow.into(),
        ..request("B1", &[("cad", 1)])
    };
    let borrowed = check_out(&mut licensing, borrow()).await;
    assert_eq!(borrowed.grant_id, online.grant_id);
    let result = beat(&mut licensing, &online).await;
    assert_eq!((result.status(), result.reason()), (pb::LeaseStatus::Lost, pb::LostReason::StaleToken));
    assert_eq!(beat(&mut licensing, &borrowed).await.status(), pb::LeaseStatus::Ok);

    let again = check_out(&mut licensing, request("B1", &[("cad", 1)])).await;
    assert_eq!(beat(&mut licensing, &again).await.status(), pb::LeaseStatus::Ok);
    for old in [&online, &borrowed] {
        let result = beat(&mut licensing, old).await;
        assert_eq!((result.status(), result.reason()), (pb::LeaseStatus::Lost, pb::LostReason::StaleToken));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_id_means_one_body() {
    let mut server = Server::start(&estate(), &[]).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let first = request("B1", &[("cad", 1)]);
    let answer = ask(&mut licensing, first.clone()).await;
    let before = totals(&mut admin).await;
    assert_eq!(ask(&mut licensing, first.clone()).await, answer);
    let mut other = first.clone();
    other.features[0].count = 2;
    assert_error(licensing.request_capabilities(other).await, Code::AlreadyExists, "REQUEST_ID_REUSED");
    let other = pb::RequestCapabilitiesRequest { hostids: vec![hostid("B2")], ..first };
    assert_error(licensing.request_capabilities(other).await, Code::AlreadyExists, "REQUEST_ID_REUSED");
    assert_eq!(totals(&mut admin).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_not_there_is_named() {
    let mut server = Server::start(&estate(), &[]).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    let instance = || "elsewhere".to_owned();
    let wants = pb::RequestCapabilitiesRequest { instance: instance(), ..request("B1", &[("cad", 1)]) };
    assert_error(licensing.request_capabilities(wants).await, Code::NotFound, "UNKNOWN_INSTANCE");
    let lists = pb::ListFeaturesRequest { instance: instance(), ..Default::default() };
    assert_error(admin.list_features(lists).await, Code::NotFound, "UNKNOWN_INSTANCE");
    for name in ["", "~", "default"] {
        let lists = pb::ListFeaturesRequest { instance: name.into(), ..Default::default() };
        assert_eq!(admin.list_features(lists).await.unwrap().into_inner().features.len(), 2, "{name:?}");
    }
    server.stop().await;
}
