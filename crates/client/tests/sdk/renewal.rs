//! Renewals of online grants and borrows.

use std::time::Duration;

use leasehold_client::{
    Checkout, Client, Guard, LostReason, RefusalReason, ReleaseError, RequestRefusal, State,
};
use leasehold_proto::licensing::v1::{self as pb, LostReason as Lost};
use tokio::time::Instant;
use tonic::Status;

use crate::fake::{Act, Fake, stale};
use crate::link::connected;

const HOUR: Duration = Duration::from_hours(1);

async fn borrow(client: &Client) -> Guard {
    client.checkout(Checkout::new("solver").borrow_for(10 * HOUR)).await.unwrap()
}

/// A server whose grants run for 10 hours, to be renewed after one.
async fn ten_hours() -> (Fake, crate::link::Link, Client) {
    let (fake, link, client) = connected().await;
    (fake.state().lifetime, fake.state().renew_after) = (10 * HOUR, HOUR);
    (fake, link, client)
}

async fn until(guard: &Guard, wanted: impl FnMut(&State) -> bool) -> Instant {
    guard.watch().wait_for(wanted).await.unwrap();
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn a_renewal_names_the_grant_and_keeps_it() {
    for checkout in [Checkout::new("solver"), Checkout::new("solver").borrow()] {
        let (fake, _link, client) = ten_hours().await;
        let start = Instant::now();
        let guard = client.checkout(checkout).await.unwrap();
        let first = fake.state().grants.values().next().unwrap().clone();
        let grant = guard.grant_id();
        let calls = fake.until(|calls| calls.requests.len() >= 2).await;
        let (at, renewal) = &calls.requests[1];
        assert!(*at - start <= HOUR + Duration::from_millis(10) && *at - start >= HOUR * 9 / 10);
        assert_eq!(renewal.renews, [first]);
        assert_ne!(renewal.request_id, calls.requests[0].1.request_id);
        assert_eq!(renewal.keep_on_refusal, Some(true));
        let same = pb::RequestCapabilitiesRequest {
            renews: vec![],
            request_id: calls.requests[0].1.request_id.clone(),
            keep_on_refusal: Some(false),
            ..renewal.clone()
        };
        assert_eq!(same, calls.requests[0].1, "and is the same request otherwise");
        tokio::time::sleep(100 * HOUR).await;
        assert_eq!(guard.state(), State::Valid);
        assert_eq!(guard.grant_id(), grant);
        guard.release().await.unwrap();
        assert!(fake.state().grants.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_borrow_sends_no_heartbeats_and_ends_at_its_end() {
    let (fake, link, client) = ten_hours().await;
    let start = Instant::now();
    let guard = borrow(&client).await;
    link.cut();
    let grace = until(&guard, |state| *state != State::Valid).await;
    let end = start + 10 * HOUR - Duration::from_secs(1);
    assert!(grace >= end && grace <= end + Duration::from_millis(10), "{:?}", grace - start);
    assert_eq!(guard.state(), State::Grace);
    let lost = until(&guard, |state| !state.may_work()).await;
    assert!(lost >= end + Duration::from_mins(10));
    assert!(fake.calls().heartbeats.is_empty());
    assert_eq!(fake.calls().requests.len(), 1, "the renewals did not get through");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_runs_to_its_end() {
    let (fake, _link, client) = ten_hours().await;
    let start = Instant::now();
    let guard = borrow(&client).await;
    fake.state().lifetime = 5 * HOUR;
    let reason = RefusalReason::InsufficientCount.into();
    let kept = || Act::Say(pb::Outcome::Kept, pb::Refusal { reason, ..pb::Refusal::default() });
    fake.next([kept()]);
    fake.next((0..10_000).map(|_| Act::RefuseAll(RequestRefusal::ServerSuspended)));
    let lost = until(&guard, |state| *state != State::Valid).await;
    assert_eq!(guard.state(), State::Lost(LostReason::Ended));
    let left = fake.calls().requests[1].0 + 5 * HOUR - Duration::from_secs(1);
    assert!(lost >= left && lost <= left + Duration::from_millis(10), "{:?}", lost - start);
    let tries = fake.calls().requests.len();
    assert!((3..=100).contains(&tries), "asked again now and then: {tries}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_was_refused_can_succeed_later() {
    let (fake, _link, client) = ten_hours().await;
    let guard = borrow(&client).await;
    fake.next((0..3).map(|_| Act::RefuseAll(RequestRefusal::ServerSuspended)));
    fake.until(|calls| calls.requests.len() >= 5).await;
    tokio::time::sleep(50 * HOUR).await;
    assert_eq!(guard.state(), State::Valid);
}

#[tokio::test(start_paused = true)]
async fn an_unheard_renewal_is_learnt_before_its_token_counts_as_stale() {
    let (fake, _link, client) = ten_hours().await;
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    fake.next([
        Act::GrantAndHang,
        Act::Fail(Status::unavailable("starting")),
        Act::Fail(Status::internal("a defect")),
    ]);
    let calls = fake.until(|calls| calls.requests.len() >= 5).await;
    let ids: Vec<_> = calls.requests[1..].iter().map(|(_, request)| request.request_id.clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "one renewal");
    tokio::time::sleep(20 * HOUR).await;
    assert_eq!(guard.state(), State::Valid);
    let requests = fake.calls().requests;
    assert!(requests.iter().skip(1).all(|(_, request)| request.renews.len() == 1), "nothing was taken back");
    guard.release().await.unwrap();
    assert!(fake.state().grants.is_empty(), "what was returned is the newest");
}

#[tokio::test(start_paused = true)]
async fn a_release_waits_for_the_renewal_under_way() {
    let (fake, _link, client) = ten_hours().await;
    let guard = borrow(&client).await;
    fake.next([Act::GrantAndHang]);
    fake.until(|calls| calls.requests.len() >= 2).await;
    guard.release().await.unwrap();
    assert!(fake.state().grants.is_empty());
    let calls = fake.calls();
    assert_eq!(calls.requests.len(), 3);
    assert_eq!(calls.requests[1].1, calls.requests[2].1);
}

#[tokio::test(start_paused = true)]
async fn a_release_does_not_wait_for_ever_for_a_renewal() {
    let (fake, _link, client) = ten_hours().await;
    let guard = borrow(&client).await;
    fake.next([Act::GrantAndHang]);
    fake.next((0..1_000).map(|_| Act::Fail(Status::unavailable("starting"))));
    fake.until(|calls| calls.requests.len() >= 2).await;
    let start = Instant::now();
    let error = guard.release().await.unwrap_err();
    let stale = Lost::StaleToken;
    assert!(matches!(error, ReleaseError::NotHeld { reason, .. } if reason == stale), "{error:?}");
    assert!(start.elapsed() <= Duration::from_mins(1), "{:?}", start.elapsed());
    let tries = fake.calls().requests.len();
    assert!((3..=30).contains(&tries), "{tries}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_tells_that_the_grant_is_gone() {
    for (lost, state) in [
        (Lost::StaleToken, State::Lost(LostReason::TakenOver)),
        (Lost::WrongToken, State::Lost(LostReason::NotOurs)),
        (Lost::Dropped, State::Lost(LostReason::Dropped)),
        (Lost::Expired, State::Valid),
        (Lost::UnknownGrant, State::Valid),
    ] {
        let (fake, _link, client) = ten_hours().await;
        let guard = borrow(&client).await;
        fake.next([Act::Fail(stale(lost))]);
        fake.until(|calls| calls.requests.len() >= 2).await;
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert_eq!(guard.state(), state, "{lost:?}");
        let again = fake.calls().requests.get(2).map(|(_, request)| request.renews.len());
        assert_eq!(again, state.may_work().then_some(0), "asked once more, without the old grant");
    }
}
