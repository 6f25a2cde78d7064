//! With the vendor's root key pinned: what becomes of grants by answers that count, and by those that do not.

use std::time::Duration;

use leasehold_client::{
    Checkout, Client, ConnectError, InstanceId, LostReason, RequestRefusal, State, Unverified,
};
use leasehold_proto::convert::time::timestamp;
use tokio::time::Instant;
use tonic::Status;
use uuid::Uuid;

use crate::clock::Clock;
use crate::fake::{Act, Fake, Vendor};
use crate::link::{Link, options};
use crate::pinned::{Pinned, resigned};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn a_signed_answer_is_held_renewed_and_returned() {
    for id in [None, Some(7)] {
        let pinned = Pinned::with(|options| {
            options.license_server_id = id.map(|id| InstanceId(Uuid::from_u128(id)));
        })
        .await;
        let guard = pinned.client.checkout(Checkout::new("solver").version("2.0").count(2)).await.unwrap();
        assert_eq!((guard.count(), guard.state()), (2, State::Valid));
        tokio::time::sleep(100 * HOUR).await;
        assert_eq!(guard.state(), State::Valid, "renewals are believed, too");
        guard.release().await.unwrap();
        assert!(pinned.fake.state().grants.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_has_a_nonce_and_a_repeat_the_same() {
    let pinned = Pinned::new().await;
    pinned.fake.next([Act::Fail(Status::unavailable("stopping")), Act::GrantAndHang]);
    let guard = pinned.client.checkout(Checkout::new("solver")).await.unwrap();
    let calls = pinned.fake.until(|calls| calls.requests.len() >= 4).await;
    let nonces: Vec<_> = calls.requests.iter().map(|(_, request)| request.nonce.clone()).collect();
    assert_eq!(nonces[0].len(), 32);
    assert!(nonces[1] == nonces[0] && nonces[2] == nonces[0], "repeats");
    assert_ne!(nonces[3], nonces[0], "a renewal");
    assert_eq!(guard.state(), State::Valid);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_has_the_answer_of_its_first_coming_whatever_was_seen_since() {
    let pinned = Pinned::new().await;
    let guard = pinned.client.checkout(Checkout::new("solver")).await.unwrap();
    pinned.fake.state().renew_after = HOUR;
    // The first renewal is carried out, and its answer lost for a while; meanwhile others are answered.
    pinned.fake.next([Act::GrantAndHang]);
    pinned.fake.until(|calls| calls.requests.len() >= 2).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let beside = pinned.client.checkout(Checkout::new("mesher")).await.unwrap();
    let calls = pinned.fake.until(|calls| calls.requests.len() >= 4).await;
    assert_eq!(calls.requests[3].1, calls.requests[1].1);
    tokio::time::sleep(HOUR / 2).await;
    assert_eq!(pinned.fake.calls().requests.len(), 4, "the repeat was believed, so nothing was asked anew");
    tokio::time::sleep(100 * HOUR).await;
    assert_eq!((guard.state(), beside.state()), (State::Valid, State::Valid));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_signed_grants_nothing_and_ends_nothing() {
    let pinned = Pinned::new().await;
    let guard = pinned.client.checkout(Checkout::new("solver").borrow()).await.unwrap();
    let vendor = pinned.fake.state().vendor.take();
    let problem = pinned.problem().await;
    assert_eq!((problem.reason(), &problem), ("NOT_SIGNED", &Unverified::NotSigned { refusal: None }));
    pinned.fake.next([Act::RefuseAll(RequestRefusal::ServerUnsynchronized)]);
    let problem = pinned.problem().await;
    assert_eq!(problem, Unverified::NotSigned { refusal: Some("ask the administrator".to_owned()) });
    assert!(problem.to_string().contains("enrol the licence server"), "{problem}");
    // Renewals, too, and a whole day of them.
    let before = pinned.fake.calls().requests.len();
    pinned.fake.next((0..10_000).map(|_| Act::RefuseAll(RequestRefusal::DeviceBlocked)));
    tokio::time::sleep(20 * HOUR).await;
    assert_eq!(guard.state(), State::Valid);
    let tries = pinned.fake.calls().requests.len() - before;
    assert!((10..=16 * 60).contains(&tries), "without hurry: {tries}");
    pinned.fake.state().acts.clear();
    pinned.fake.state().vendor = vendor;
    tokio::time::sleep(100 * HOUR).await;
    assert_eq!(guard.state(), State::Valid, "and the first that counts renews it");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_does_not_count_leaves_the_old_grant_to_its_end() {
    let pinned = Pinned::new().await;
    let start = Instant::now();
    let guard = pinned.client.checkout(Checkout::new("solver").borrow()).await.unwrap();
    pinned.fake.next((0..10_000).map(|_| Act::forge(|response| response.signed = None)));
    let states = async |wanted: fn(&State) -> bool| {
        guard.watch().wait_for(wanted).await.unwrap();
        start.elapsed()
    };
    let grace = states(|state| *state != State::Valid).await;
    assert_eq!(guard.state(), State::Grace);
    assert!(grace + Duration::from_secs(1) >= 24 * HOUR && grace < 24 * HOUR, "{grace:?}");
    let lost = states(|state| !state.may_work()).await;
    assert_eq!(guard.state(), State::Lost(LostReason::OutOfReach));
    assert!(lost < 25 * HOUR, "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_was_carried_out_unbelieved_costs_no_live_lease() {
    // The token has changed at the server, which the client could not believe; the next heartbeat shows an old one.
    for stale in [false, true] {
        let pinned = Pinned::new().await;
        pinned.fake.state().renew_after = HOUR;
        pinned.fake.state().ttl = Duration::from_secs(40);
        let guard = pinned.client.checkout(Checkout::new("solver")).await.unwrap();
        if stale {
            pinned.fake.next([Act::forge(resigned(&pinned.vendor, |answer| {
                answer.answer.as_mut().unwrap().server_time =
                    Some(timestamp("2026-05-03T00:00:00Z".parse().unwrap()));
            }))]);
        } else {
            pinned.fake.next([Act::forge(|response| response.signed = None)]);
        }
        let calls = pinned.fake.until(|calls| calls.requests.len() >= 3).await;
        let (unbelieved, again) = (&calls.requests[1].1, &calls.requests[2].1);
        assert_eq!(again.request_id != unbelieved.request_id, stale, "the same again, where that can help");
        assert_eq!(again.renews.is_empty(), stale);
        tokio::time::sleep(100 * HOUR).await;
        assert_eq!(guard.state(), State::Valid);
        guard.release().await.unwrap();
        assert!(pinned.fake.state().grants.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_unbelieved_checkout_returns_nothing() {
    let pinned = Pinned::new().await;
    pinned.refused(|response| response.signed = None).await;
    tokio::time::sleep(HOUR).await;
    let calls = pinned.fake.calls();
    assert!(calls.releases.is_empty() && calls.requests.len() == 1, "its lease runs out at the server");
}

#[tokio::test(start_paused = true)]
async fn without_a_pinned_root_answers_are_taken_as_they_come() {
    let clock = Clock::new();
    let fake = Fake::signing(Vendor::new(1, 7, clock.now()), clock);
    let link = Link::to(&fake);
    let client = Client::over(link.channel(), options()).await.unwrap();
    fake.next([Act::forge(|response| response.outcomes[0].count = 5)]);
    let guard = client.checkout(Checkout::new("solver").count(2)).await.unwrap();
    assert_eq!(guard.count(), 5);
    assert!(fake.calls().requests[0].1.nonce.is_empty());
    let mut pinned = options();
    pinned.license_server_id = Some(InstanceId(Uuid::from_u128(7)));
    let error = Client::over(link.channel(), pinned).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoVendorRoot), "{error}");
}
