//! Heartbeats, and what the program is told when they fail.

use std::time::Duration;

use leasehold_client::{Checkout, Client, Guard, LostReason, RefusalReason, State};
use leasehold_proto::licensing::v1::{self as pb, LostReason as Lost};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::fake::{Act, Beats, Calls, Fake};
use crate::link::connected;

const TTL: Duration = Duration::from_mins(10);

/// Waits for the next state and says when it came.
async fn next(states: &mut watch::Receiver<State>) -> (Instant, State) {
    states.changed().await.unwrap();
    (Instant::now(), *states.borrow_and_update())
}

/// A little after the timer's own resolution.
fn about(actual: Instant, expected: Instant) -> bool {
    let margin = Duration::from_millis(10);
    actual >= expected && actual <= expected + margin
}

async fn solver(client: &Client) -> (Guard, watch::Receiver<State>) {
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    let states = guard.watch();
    (guard, states)
}

fn last_beat(fake: &Fake) -> Instant {
    fake.calls().heartbeats.last().unwrap().0
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_it_valid() {
    let (fake, _link, client) = connected().await;
    let start = Instant::now();
    let (guard, states) = solver(&client).await;
    tokio::time::sleep(Duration::from_hours(3)).await;
    assert_eq!(guard.state(), State::Valid);
    assert!(!states.has_changed().unwrap(), "and it was never anything else");
    let beats = fake.calls().heartbeats;
    let times = || beats.iter().map(|(at, _)| *at);
    for (before, after) in [start].into_iter().chain(times()).zip(times()) {
        let interval = after - before;
        assert!(interval >= TTL / 4 * 89 / 100 && interval <= TTL / 4 * 111 / 100, "{interval:?}");
    }
    assert!(beats.len() >= 3 * 24 * 9 / 10);
}

#[tokio::test(start_paused = true)]
async fn grants_travel_in_one_call() {
    let (fake, _link, client) = connected().await;
    // A renewal counts as a heartbeat of its grant alone.
    fake.state().renew_after = Duration::from_hours(20);
    let mut guards = Vec::new();
    for _ in 0..30 {
        guards.push(client.checkout(Checkout::new("solver")).await.unwrap());
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    tokio::time::sleep(20 * TTL).await;
    let before = fake.calls().heartbeats.len();
    tokio::time::sleep(TTL * 10).await;
    let beats = &fake.calls().heartbeats[before..];
    assert!(beats.iter().all(|(_, leases)| leases.len() == 30), "they have come together");
    assert!(guards.iter().all(|guard| guard.state() == State::Valid));
}

#[tokio::test(start_paused = true)]
async fn the_server_may_stretch_the_interval_to_half_a_time_to_live() {
    let (fake, _link, client) = connected().await;
    fake.state().next_heartbeat_after = Some(Duration::from_hours(1));
    let (guard, _) = solver(&client).await;
    fake.until(|calls| calls.heartbeats.len() >= 4).await;
    let beats = fake.calls().heartbeats;
    for pair in beats.windows(2) {
        let interval = pair[1].0 - pair[0].0;
        assert!(interval > TTL / 3 && interval <= TTL / 2 + Duration::from_millis(10), "{interval:?}");
    }
    assert_eq!(guard.state(), State::Valid);
}

#[tokio::test(start_paused = true)]
async fn without_a_server_it_goes_from_jeopardy_through_grace_to_lost() {
    let (fake, link, client) = connected().await;
    let (guard, mut states) = solver(&client).await;
    fake.until(|calls| calls.heartbeats.len() >= 2).await;
    link.cut();
    let heard = last_beat(&fake);
    let (at, state) = next(&mut states).await;
    assert_eq!(state, State::Jeopardy);
    assert!(at > heard && at < heard + TTL / 2, "as soon as a heartbeat fails");
    let (at, state) = next(&mut states).await;
    assert_eq!(state, State::Grace);
    assert!(about(at, heard + TTL - Duration::from_secs(1)), "{:?}", at - heard);
    let (at, state) = next(&mut states).await;
    assert_eq!(state, State::Lost(LostReason::OutOfReach));
    assert!(about(at, heard + TTL - Duration::from_secs(1) + Duration::from_mins(10)), "{:?}", at - heard);
    link.mend();
    tokio::time::sleep(TTL * 4).await;
    assert_eq!(guard.state(), State::Lost(LostReason::OutOfReach), "what is lost stays lost");
    assert_eq!(fake.calls().heartbeats.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_hangs_delays_no_change() {
    let (fake, _link, client) = connected().await;
    let (_guard, mut states) = solver(&client).await;
    fake.until(|calls| !calls.heartbeats.is_empty()).await;
    let heard = last_beat(&fake);
    fake.beats(Beats::Hang);
    let (at, state) = next(&mut states).await;
    assert_eq!(state, State::Jeopardy);
    assert!(at < heard + TTL / 2);
    let (at, state) = next(&mut states).await;
    assert_eq!(state, State::Grace);
    assert!(about(at, heard + TTL - Duration::from_secs(1)), "{:?}", at - heard);
    // Each attempt ends before the next is due, and all of them together are few.
    let tried = fake.calls().heartbeats.len() - 1;
    assert!((5..=20).contains(&tried), "{tried}");
}

#[tokio::test(start_paused = true)]
async fn it_resumes_by_itself_when_the_server_is_back() {
    let (fake, link, client) = connected().await;
    let (guard, mut states) = solver(&client).await;
    let grant = guard.grant_id();
    for depth in [State::Jeopardy, State::Grace] {
        link.cut();
        while next(&mut states).await.1 != depth {}
        link.mend();
        let mended = Instant::now();
        let (at, state) = next(&mut states).await;
        assert_eq!(state, State::Valid);
        assert!(at - mended <= Duration::from_mins(1), "{:?}", at - mended);
        assert_eq!(guard.state(), State::Valid);
    }
    assert_eq!(guard.grant_id(), grant);
    assert_eq!(fake.calls().requests.len(), 1, "the same grant all along");
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_server_are_failed_heartbeats() {
    let (fake, _link, client) = connected().await;
    let (_guard, mut states) = solver(&client).await;
    fake.beats(Beats::Fail(Status::unavailable("the store does not answer")));
    assert_eq!(next(&mut states).await.1, State::Jeopardy);
    fake.beats(Beats::Answer);
    assert_eq!(next(&mut states).await.1, State::Valid);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_took_back_is_asked_for_once_more() {
    for reason in [Lost::Expired, Lost::Ended, Lost::UnknownGrant] {
        let (fake, _link, client) = connected().await;
        let (guard, mut states) = solver(&client).await;
        let before = guard.grant_id();
        fake.forget();
        fake.beats(Beats::Lose(reason));
        fake.next([Act::Fail(Status::unavailable("starting"))]);
        assert_eq!(next(&mut states).await.1, State::Grace, "it is not held for a moment longer");
        fake.beats(Beats::Answer);
        assert_eq!(next(&mut states).await.1, State::Valid);
        assert_ne!(guard.grant_id(), before);
        let mut requests = fake.calls().requests;
        assert_eq!(requests.len(), 3);
        assert_eq!(requests.remove(2).1, requests[1].1, "the same again until there is an answer");
        assert_ne!(requests[0].1.request_id, requests[1].1.request_id);
        assert_eq!(requests[0].1.client_instance_id, requests[1].1.client_instance_id);
        assert!(requests[1].1.renews.is_empty(), "there is nothing left to renew");
        tokio::time::sleep(TTL * 3).await;
        assert_eq!(guard.state(), State::Valid, "the new grant is kept up");
        guard.release().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_given_again_is_lost() {
    let (fake, _link, client) = connected().await;
    let (guard, mut states) = solver(&client).await;
    fake.forget();
    let reason = RefusalReason::InsufficientCount;
    let refusal = pb::Refusal { reason: reason.into(), ..pb::Refusal::default() };
    fake.next([Act::Say(pb::Outcome::Refused, refusal)]);
    while next(&mut states).await.1 == State::Grace {}
    assert_eq!(guard.state(), State::Lost(LostReason::Refused(reason)));
    tokio::time::sleep(TTL * 3).await;
    assert_eq!(fake.calls().requests.len(), 2, "once, not more");
    drop(guard);
    tokio::time::sleep(TTL).await;
    assert!(fake.calls().releases.is_empty(), "there is nothing to return");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_after_taking_back_leaves_the_grace_time() {
    let (fake, link, client) = connected().await;
    let (guard, mut states) = solver(&client).await;
    fake.forget();
    fake.next((0..1_000).map(|_| Act::Fail(Status::unavailable("starting"))));
    let (taken, state) = next(&mut states).await;
    assert_eq!(state, State::Grace);
    let (at, state) = next(&mut states).await;
    assert_eq!(state, State::Lost(LostReason::OutOfReach));
    assert!(about(at, taken + Duration::from_mins(10)), "{:?}", at - taken);
    let same = |calls: &Calls| {
        let ids = calls.requests[1..].iter().map(|(_, request)| &request.request_id);
        ids.collect::<std::collections::BTreeSet<_>>().len() == 1
    };
    assert!(same(&fake.calls()), "every repeat has the id of the first");
    drop((guard, link));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_ended_is_lost_at_once() {
    for (reason, lost) in [
        (Lost::TakenOver, LostReason::TakenOver),
        (Lost::StaleToken, LostReason::TakenOver),
        (Lost::Dropped, LostReason::Dropped),
        (Lost::Returned, LostReason::Returned),
        (Lost::WrongToken, LostReason::NotOurs),
        (Lost::Unspecified, LostReason::NotOurs),
    ] {
        let (fake, _link, client) = connected().await;
        let (guard, mut states) = solver(&client).await;
        fake.beats(Beats::Lose(reason));
        assert_eq!(next(&mut states).await.1, State::Lost(lost));
        assert_eq!(fake.calls().requests.len(), 1);
        assert!(!guard.state().may_work());
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_checkout_is_counted_from_its_first_attempt() {
    let (fake, _link, client) = connected().await;
    fake.state().ttl = Duration::from_secs(40);
    fake.beats(Beats::Hang);
    fake.next([Act::GrantAndHang]);
    let (_guard, mut states) = solver(&client).await;
    let requests = fake.calls().requests;
    assert_eq!(requests.len(), 2);
    while next(&mut states).await.1 != State::Grace {}
    let stops = requests[0].0 + Duration::from_secs(39);
    assert!(about(Instant::now(), stops), "{:?}", Instant::now() - requests[0].0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_is_counted_from_its_sending() {
    let (fake, _link, client) = connected().await;
    fake.state().ttl = Duration::from_secs(100);
    fake.beats(Beats::Slow(Duration::from_secs(9)));
    let (guard, mut states) = solver(&client).await;
    fake.until(|calls| calls.heartbeats.len() >= 2).await;
    assert_eq!(guard.state(), State::Valid);
    tokio::time::sleep(Duration::from_secs(9)).await;
    let heard = last_beat(&fake);
    fake.beats(Beats::Hang);
    while next(&mut states).await.1 != State::Grace {}
    let stops = heard + Duration::from_secs(99);
    assert!(about(Instant::now(), stops), "{:?}", Instant::now() - heard);
}
