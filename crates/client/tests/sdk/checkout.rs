//! Checking out: what is asked, what comes back, and how a failed call is repeated.

use std::time::Duration;

use leasehold_client::{
    CallError, Checkout, CheckoutError, Client, ErrorReason, RefusalReason, ReleaseError, RequestRefusal,
    State,
};
use leasehold_proto::licensing::v1::{self as pb, LostReason};
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::fake::Act;
use crate::link::{connected, options};

fn refusal() -> pb::Refusal {
    pb::Refusal {
        reason: RefusalReason::InsufficientCount.into(),
        asked: 5,
        free: 3,
        free_for_you: 2,
        rule: 0,
        message: "5 of solver asked, 2 free for you".to_owned(),
    }
}

fn overloaded(delay: Duration) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info("OVERLOADED", "leasehold", []);
    details.set_retry_info(Some(delay));
    Status::with_error_details(Code::ResourceExhausted, "too much to do", details)
}

#[tokio::test(start_paused = true)]
async fn a_checkout_is_held_and_returned() {
    let (fake, _link, client) = connected().await;
    let guard = client.checkout(Checkout::new("solver").version("2.0").count(2)).await.unwrap();
    assert_eq!((guard.feature(), guard.count(), guard.state()), ("solver", 2, State::Valid));
    assert_eq!(guard.grant_id().to_string(), fake.state().grants.values().next().unwrap().grant_id);
    assert_eq!(guard.ends_at().unwrap().as_second(), 24 * 3_600);
    let (_, request) = fake.calls().requests.remove(0);
    assert_eq!(request.hostids[0].value, "D1");
    assert_eq!((request.features[0].version.as_str(), request.incremental), ("2.0", false));
    guard.release().await.unwrap();
    assert!(fake.state().grants.is_empty());
    assert_eq!(fake.calls().releases.len(), 1, "and not once more when it is dropped");
}

#[tokio::test(start_paused = true)]
async fn guards_of_one_client_have_holders_of_their_own() {
    let (fake, _link, client) = connected().await;
    let first = client.checkout(Checkout::new("solver")).await.unwrap();
    let second = client.checkout(Checkout::new("solver")).await.unwrap();
    assert_ne!(first.grant_id(), second.grant_id());
    first.release().await.unwrap();
    let third = client.checkout(Checkout::new("mesher")).await.unwrap();
    let holders: Vec<_> =
        fake.calls().requests.into_iter().map(|(_, request)| request.client_instance_id).collect();
    let holder = |number: u32| format!("{}/{number}", client.client_instance_id());
    assert_eq!(holders, [holder(0), holder(1), holder(0)], "the lowest free number is taken");
    assert_eq!(second.state(), State::Valid);
    drop(third);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_carries_its_numbers() {
    let (fake, _link, client) = connected().await;
    fake.next([Act::Say(pb::Outcome::Refused, refusal()), Act::RefuseAll(RequestRefusal::DeviceBlocked)]);
    let error = client.checkout(Checkout::new("solver").count(5)).await.unwrap_err();
    let expected = CheckoutError::Refused {
        feature: "solver".to_owned(),
        reason: RefusalReason::InsufficientCount,
        asked: 5,
        free: 3,
        free_for_you: 2,
        message: "5 of solver asked, 2 free for you".to_owned(),
    };
    assert_eq!(error, expected);
    let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
    let reason = RequestRefusal::DeviceBlocked;
    let message = "ask the administrator".to_owned();
    assert_eq!(error, CheckoutError::WholeRequestRefused { reason, message });
}

#[tokio::test(start_paused = true)]
async fn what_breaks_a_rule_is_not_sent() {
    let (fake, _link, client) = connected().await;
    let error = client.checkout(Checkout::new("solver").version("x")).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Invalid { field, .. } if field == "features[0].version"));
    assert!(fake.calls().requests.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_failed_for_a_passing_reason_is_repeated_with_its_id() {
    let (fake, _link, client) = connected().await;
    fake.next([
        Act::Fail(Status::unavailable("stopping")),
        Act::GrantAndHang,
        Act::Fail(overloaded(Duration::from_secs(7))),
    ]);
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    let requests = fake.calls().requests;
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|(_, request)| request.request_id == requests[0].1.request_id));
    let waited = requests[3].0 - requests[2].0;
    assert!(waited >= Duration::from_secs(7), "the server's delay is kept: {waited:?}");
    assert_eq!(fake.state().grants.len(), 1);
    assert_eq!(guard.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn repeats_have_a_bound() {
    let (fake, _link, client) = connected().await;
    fake.next((0..100).map(|_| Act::Fail(overloaded(Duration::from_millis(10)))));
    let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Server { reason: ErrorReason::Overloaded, .. }), "{error:?}");
    assert_eq!(fake.calls().requests.len(), 4);
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(fake.calls().requests.len(), 4, "what was shed did nothing that must be cleared up");
}

#[tokio::test(start_paused = true)]
async fn an_error_is_not_repeated_and_names_its_call() {
    let (fake, _link, client) = connected().await;
    let mut status = Status::not_found("no instance has the id 7");
    status.metadata_mut().insert("x-request-id", "call-7".parse().unwrap());
    fake.next([Act::Fail(status)]);
    let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
    assert!(
        matches!(&error, CheckoutError::Server { request_id: Some(id), .. } if id == "call-7"),
        "{error:?}"
    );
    assert_eq!(fake.calls().requests.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_is_tried_until_the_time_is_up() {
    let (fake, link, client) = connected().await;
    link.cut();
    let start = Instant::now();
    let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
    let waited = start.elapsed();
    assert!(waited > Duration::from_secs(20) && waited <= Duration::from_secs(30), "{waited:?}");
    assert!(
        matches!(&error, CheckoutError::Unreachable { server, .. } if server.host() == "licences"),
        "{error:?}"
    );
    assert!(error.to_string().contains("cannot reach the licence server at licences:16770"), "{error}");
    link.mend();
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    assert_eq!((fake.calls().requests.len(), guard.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_was_granted_unheard_is_returned() {
    let (fake, _link, client) = connected().await;
    fake.next((0..3).map(|_| Act::GrantAndHang));
    let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Unreachable { .. }), "{error:?}");
    let calls = fake.until(|calls| !calls.releases.is_empty()).await;
    assert!(calls.requests.len() > 3, "what was granted is learnt");
    assert!(calls.requests.iter().all(|(_, request)| request.request_id == calls.requests[0].1.request_id));
    assert!(fake.state().grants.is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_leaves_nothing_behind() {
    let (fake, _link, client) = connected().await;
    for checkout in [Checkout::new("solver"), Checkout::new("solver").borrow()] {
        fake.next([Act::Hang]);
        let waited = timeout(Duration::from_secs(1), client.checkout(checkout)).await;
        assert!(waited.is_err());
        let before = fake.calls().releases.len();
        fake.until(|calls| calls.releases.len() > before).await;
        assert!(fake.state().grants.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_says_what_became_of_it() {
    let (fake, link, client) = connected().await;
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    fake.forget();
    let error = guard.release().await.unwrap_err();
    let expected = ReleaseError::NotHeld { reason: LostReason::UnknownGrant, message: String::new() };
    assert_eq!(error, expected);
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    link.cut();
    let error = guard.release().await.unwrap_err();
    assert!(matches!(error, ReleaseError::Call(CallError::Unreachable { .. })), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_program_is_the_same_holder() {
    let (fake, link, _client) = connected().await;
    let state = tempfile::tempdir().unwrap();
    let connect = async || {
        let mut options = options();
        options.state_dir = Some(state.path().to_owned());
        Client::over(link.channel(), options).await.unwrap()
    };
    let first = connect().await;
    let borrow = first.checkout(Checkout::new("solver").borrow()).await.unwrap();
    let (id, grant) = (first.client_instance_id().to_owned(), borrow.grant_id());
    let beside = connect().await;
    assert_ne!(beside.client_instance_id(), id, "the first still has it");
    drop((borrow, first));
    // The lock goes with the keeper, which ends a moment later.
    let again = loop {
        let again = connect().await;
        if again.client_instance_id() == id {
            break again;
        }
        drop(again);
        tokio::task::yield_now().await;
    };
    let borrow = again.checkout(Checkout::new("solver").borrow()).await.unwrap();
    assert_eq!(borrow.grant_id(), grant);
    assert!(fake.calls().releases.is_empty(), "a borrow outlives its guard");
    borrow.release().await.unwrap();
    assert!(fake.state().grants.is_empty());
}
