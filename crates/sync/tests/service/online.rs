//! Synchronising over the network, and what is sent again.

use leasehold_proto::sync::v1 as pb;
use leasehold_proto::types::v1::{ErrorReason, PageRequest};
use prost::Message as _;
use tonic::{Code, Status};

use crate::licensing;
use crate::vendor::{DAY, MAIL, Trouble, start};
use crate::world::{World, refused, until};

#[tokio::test]
async fn a_bundle_comes_and_is_in_force() {
    let world = World::new().await;
    let process = world.enrolled().await;
    let exchange = process.synchronize().await.unwrap();
    assert_eq!(
        (exchange.number, exchange.state(), exchange.way()),
        (1, pb::ExchangeState::Done, pb::ExchangeWay::Online)
    );
    assert_eq!((exchange.bundle_sequence, &exchange.changes[..]), (1, &["L1: added".to_owned()][..]));
    assert!(exchange.sent_bytes > 100 && exchange.received_bytes > exchange.sent_bytes);
    assert_eq!((exchange.actor.as_str(), exchange.message.as_str()), ("administrator", ""));

    let identity = process.identity().await;
    assert_eq!((identity.status(), identity.bundle_sequence), (pb::SyncStatus::Synchronized, 1));
    assert_eq!(identity.synchronized_at.unwrap().seconds, start().as_second());
    let deadline = start().saturating_add(90 * DAY).unwrap();
    assert_eq!(identity.synchronize_before.unwrap().seconds, deadline.as_second());
    assert_eq!((identity.notices, identity.next_at), (vec!["bundle 1".to_owned()], None));
    assert_eq!(world.licensing.sequence(), 1);

    world.advance(90 * DAY);
    assert_eq!(process.identity().await.status(), pb::SyncStatus::Overdue);
    process.synchronize().await.unwrap();
    assert_eq!(process.identity().await.status(), pb::SyncStatus::Synchronized);
}

#[tokio::test]
async fn what_is_said_of_an_exchange_is_what_is_kept_of_it() {
    let world = World::new().await;
    let process = world.enrolled().await;
    // More exact than anything is kept.
    world.advance(jiff::SignedDuration::from_nanos(1));
    let exchange = process.synchronize().await.unwrap();
    assert_eq!(process.history().await, [exchange]);
}

#[tokio::test]
async fn a_request_says_what_the_vendor_has_to_know() {
    let world = World::new().await;
    let process = world.enrolled().await;
    process.synchronize().await.unwrap();
    let first = world.vendor.newest_request();
    assert_eq!((first.number, first.bundle_sequence, first.previous.len()), (1, 0, 0));
    assert_eq!((first.nonce.len(), first.software_version.as_str()), (32, "1.2.3"));
    assert_eq!((first.hostids.len(), first.made_at.unwrap().seconds), (1, start().as_second()));
    process.synchronize().await.unwrap();
    let second = world.vendor.newest_request();
    assert_eq!((second.number, second.bundle_sequence, second.previous.len()), (2, 1, 32));
    assert_ne!(second.nonce, first.nonce);
    let identity = process.identity().await;
    assert_eq!(
        (second.recipient, second.license_server_id),
        (identity.recipient, world.vendor.server.to_string())
    );
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_is_sent_again_byte_for_byte() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.vendor.expect([Trouble::LostRequest, Trouble::LostAnswer]);
    for part in ["sent again"; 2] {
        refused(process.synchronize().await, Code::Unavailable, "VENDOR_UNREACHABLE", &[part]);
        let exchange = process.history().await.remove(0);
        assert_eq!((exchange.number, exchange.state()), (1, pb::ExchangeState::Requested));
        assert_eq!(
            (exchange.failed_step(), exchange.failure_reason.as_str()),
            (pb::SyncStep::Exchange, "VENDOR_UNREACHABLE")
        );
        assert!(exchange.message.contains(part) && exchange.ended_at.is_none());
    }
    // Another process finds it too.
    process.stop_in_order().await;
    let process = world.start().await;
    let exchange = process.synchronize().await.unwrap();
    assert_eq!((exchange.number, exchange.bundle_sequence, exchange.failure_reason.as_str()), (1, 1, ""));
    let requests = world.vendor.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
    assert_eq!(exchange.sent_bytes, 3 * i64::try_from(requests[0].encoded_len()).unwrap());
    assert_eq!(process.history().await.len(), 1);
}

#[tokio::test]
async fn a_door_that_is_closed_is_told_by_its_step() {
    let world = World::new().await;
    let process = world.enrolled().await;
    for step in [pb::SyncStep::Resolve, pb::SyncStep::Connect, pb::SyncStep::Tls] {
        *world.vendor.closed.lock().unwrap() = Some(step);
        let parts = ["closed at", step.as_str_name()];
        refused(process.synchronize().await, Code::Unavailable, "VENDOR_UNREACHABLE", &parts);
        let exchange = process.history().await.remove(0);
        assert_eq!((exchange.number, exchange.failed_step(), exchange.sent_bytes), (1, step, 0));
    }
    *world.vendor.closed.lock().unwrap() = None;
    assert_eq!(process.synchronize().await.unwrap().number, 1);
}

#[tokio::test]
async fn a_vendor_without_an_address_is_reached_by_files() {
    let world = World::new().await;
    let process = world.start().await;
    let enrolment = pb::Enrolment { address: String::new(), ..world.vendor.enrolment() };
    process.enrol(enrolment).await.unwrap();
    let parts = ["leasehold sync export"];
    refused(process.synchronize().await, Code::Unavailable, "VENDOR_UNREACHABLE", &parts);
    assert!(process.history().await.is_empty(), "no request is made that cannot leave");
}

#[tokio::test]
async fn what_is_no_refusal_of_ours_is_repeated() {
    for status in [
        Status::unimplemented("no such service"),
        Status::unauthenticated("who are you"),
        Status::internal("a defect"),
        Status::permission_denied("no"),
    ] {
        let world = World::new().await;
        let process = world.enrolled().await;
        world.vendor.expect([Trouble::Stranger(status)]);
        let code = Code::Unavailable;
        refused(process.synchronize().await, code, "VENDOR_UNREACHABLE", &["sent again"]);
        assert_eq!(process.synchronize().await.unwrap().number, 1);
    }
    for reason in [ErrorReason::Overloaded, ErrorReason::StoreUnavailable, ErrorReason::Internal] {
        let world = World::new().await;
        let process = world.enrolled().await;
        world.vendor.expect([Trouble::Refuse(reason)]);
        refused(process.synchronize().await, Code::Unavailable, "VENDOR_UNREACHABLE", &["says no"]);
        assert_eq!(process.synchronize().await.unwrap().number, 1);
    }
}

#[tokio::test]
async fn the_bundle_renews_how_the_vendor_is_reached() {
    let world = World::new().await;
    let process = world.start().await;
    let bare = pb::Enrolment {
        vendor_name: String::new(),
        vendor_recipient: String::new(),
        contact: None,
        ..world.vendor.enrolment()
    };
    process.enrol(bare).await.unwrap();
    refused(process.export(false).await, Code::FailedPrecondition, "NOT_ENROLLED", &["vendor_recipient"]);
    process.synchronize().await.unwrap();
    assert_eq!(process.identity().await.enrolment, Some(world.vendor.enrolment()));
    process.export(false).await.unwrap();

    // What the next one leaves out stays.
    world.vendor.expect([Trouble::Edit(Box::new(|response| {
        response.vendor_recipient.clear();
        response.vendor_name.clear();
        response.contact = None;
    }))]);
    process.synchronize().await.unwrap();
    let enrolment = process.identity().await.enrolment.unwrap();
    assert_eq!(enrolment, world.vendor.enrolment());
    assert_eq!(enrolment.contact.unwrap().mail, MAIL);
}

#[tokio::test]
async fn where_licensing_is_away_the_bundle_waits_and_is_put_in_force_by_itself() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.licensing.expect(&[licensing::Trouble::Away]);
    let parts = ["licensing could not", "repeated by itself"];
    refused(process.synchronize().await, Code::Unavailable, "STORE_UNAVAILABLE", &parts);
    let exchange = process.history().await.remove(0);
    assert_eq!(
        (exchange.state(), exchange.failed_step()),
        (pb::ExchangeState::Applying, pb::SyncStep::Apply)
    );
    assert_eq!((exchange.bundle_sequence, process.identity().await.bundle_sequence), (1, 0));
    until("the bundle is in force", async || process.identity().await.bundle_sequence == 1).await;
    let exchange = process.history().await.remove(0);
    assert_eq!((exchange.state(), exchange.failure_reason.as_str()), (pb::ExchangeState::Done, ""));
    assert_eq!(world.vendor.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_stands_half_way_comes_before_anything_new() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.licensing.expect(&[licensing::Trouble::LostAnswer]);
    process.synchronize().await.unwrap_err();
    assert_eq!((world.licensing.sequence(), world.sequence().await), (1, 0));
    let exchange = process.synchronize().await.unwrap();
    assert_eq!((exchange.number, exchange.bundle_sequence), (2, 2));
    let states: Vec<_> = process.history().await.iter().map(|it| (it.number, it.state())).collect();
    assert_eq!(states, [(2, pb::ExchangeState::Done), (1, pb::ExchangeState::Done)]);
    // The second request knew of the first bundle.
    assert_eq!(world.vendor.newest_request().bundle_sequence, 1);
}

#[tokio::test]
async fn the_history_comes_in_pages() {
    let world = World::new().await;
    let process = world.enrolled().await;
    for _ in 0..5 {
        process.synchronize().await.unwrap();
    }
    let (mut page_token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = Some(PageRequest { page_size: 2, page_token, ..PageRequest::default() });
        let request = pb::ListExchangesRequest { instance: String::new(), page };
        let answer = process.admin.clone().list_exchanges(request).await.unwrap().into_inner();
        seen.extend(answer.exchanges.iter().map(|exchange| exchange.number));
        let info = answer.page.unwrap();
        assert_eq!(info.total, 5);
        page_token = info.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let page = Some(PageRequest { page_token: "17".to_owned(), ..PageRequest::default() });
    let request = pb::ListExchangesRequest { instance: String::new(), page };
    let answer = process.admin.clone().list_exchanges(request).await;
    refused(answer, Code::InvalidArgument, "INVALID_FIELD", &["page.page_token"]);
}

#[tokio::test]
async fn a_stop_waits_for_nobody() {
    let world = World::new().await;
    let process = world.enrolled().await;
    world.licensing.expect(&[licensing::Trouble::Silent]);
    let admin = process.admin.clone();
    let call = tokio::spawn(async move {
        admin.clone().synchronize_now(pb::SynchronizeNowRequest { instance: String::new() }).await
    });
    until("it is half way", async || {
        let history = process.history().await;
        history.first().is_some_and(|exchange| exchange.state() == pb::ExchangeState::Applying)
    })
    .await;
    process.stop_in_order().await;
    let answer = call.await.unwrap();
    assert!(answer.is_err(), "{answer:?}");
    // The claim was given up, and what stood is put in force.
    let process = world.start().await;
    until("the bundle is in force", async || process.identity().await.bundle_sequence == 1).await;
}
