//! What a program may do by its last good answer while the server is out of reach, across restarts.

use std::time::Duration;

use jiff::SignedDuration;
use leasehold_client::{Checkout, CheckoutError, KeptError, LostReason, RefusalReason, State};
use leasehold_proto::licensing::v1 as pb;
use tokio::time::Instant;

use crate::fake::Act;
use crate::machine::{HOUR, Machine, SECOND, borrow, offline, problem, until};

const GRACE: Duration = Duration::from_mins(10);
const TTL: Duration = Duration::from_mins(10);

#[tokio::test(start_paused = true)]
async fn a_borrow_is_used_after_a_restart_without_a_server_until_its_end() {
    let machine = Machine::new();
    let (start, noon) = (Instant::now(), machine.own.now());
    let client = machine.starts().await;
    let grant = client.checkout(borrow()).await.unwrap().grant_id();
    machine.link.cut();
    tokio::time::sleep(5 * HOUR).await;
    let client = machine.restarts(client).await;
    let guard = client.checkout(borrow()).await.unwrap();
    assert_eq!((guard.grant_id(), guard.count()), (grant, 1));
    let until_then = offline(guard.state());
    assert_eq!(until_then, noon + SignedDuration::from_hours(10) - SignedDuration::from_secs(1));
    let said = guard.state().to_string();
    assert!(said.starts_with("offline: ") && said.ends_with("until 2026-05-04T21:59:59Z"), "{said}");
    // Until its end, by the program that runs on, and for its grace time.
    let end = start + 10 * HOUR - SECOND;
    let grace = until(&guard, |state| !matches!(state, State::Offline { .. })).await;
    assert_eq!(guard.state(), State::Grace);
    assert!(grace >= end && grace <= end + SECOND / 10, "{:?}", grace - start);
    // A restart within the grace time does not begin it anew.
    tokio::time::sleep(GRACE / 2).await;
    drop(guard);
    let client = machine.restarts(client).await;
    let guard = client.checkout(borrow()).await.unwrap();
    assert_eq!(guard.state(), State::Grace);
    let over = until(&guard, |state| !state.may_work()).await;
    assert_eq!(guard.state(), State::Lost(LostReason::OutOfReach));
    assert!(over >= end + GRACE && over <= end + GRACE + SECOND, "{:?}", over - end);
    drop(guard);
    let client = machine.restarts(client).await;
    let error = client.checkout(borrow()).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Unreachable { .. }), "it is not kept any longer: {error:?}");
    assert!(machine.kept().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_borrow_that_is_over_is_not_taken_up() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    machine.link.cut();
    tokio::time::sleep(10 * HOUR + GRACE).await;
    let client = machine.restarts(client).await;
    let kept = problem(&client, borrow()).await;
    assert!(matches!(kept, KeptError::Ended { .. }), "{kept}");
    assert_eq!(kept.reason(), "KEPT_ENDED");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_set_back_helps_nobody() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    machine.link.cut();
    // Before the answer itself.
    machine.own.step(SignedDuration::from_secs(-60));
    let client = machine.restarts(client).await;
    let kept = problem(&client, borrow()).await;
    let KeptError::ClockSetBack { now, seen } = kept else { panic!("{kept}") };
    assert!(now < seen && kept.to_string().contains("set it right"), "{kept}");
    machine.own.step(SignedDuration::from_secs(60));
    // Before what an earlier run has seen, though after the answer.
    tokio::time::sleep(5 * HOUR).await;
    drop(client.checkout(borrow()).await.unwrap());
    machine.own.step(SignedDuration::from_hours(-4));
    let client = machine.restarts(client).await;
    assert_eq!(problem(&client, borrow()).await.reason(), "CLOCK_SET_BACK");
    // Before what the program saw while it ran on without a server.
    machine.own.step(SignedDuration::from_hours(4));
    let guard = client.checkout(borrow()).await.unwrap();
    tokio::time::sleep(3 * HOUR).await;
    assert!(matches!(guard.state(), State::Offline { .. }));
    drop(guard);
    machine.own.step(SignedDuration::from_hours(-2));
    let client = machine.restarts(client).await;
    assert_eq!(problem(&client, borrow()).await.reason(), "CLOCK_SET_BACK");
    machine.own.step(SignedDuration::from_hours(2));
    drop(client.checkout(borrow()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_sleeps_meanwhile_works_no_longer_by_it() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    machine.link.cut();
    let client = machine.restarts(client).await;
    let guard = client.checkout(borrow()).await.unwrap();
    tokio::time::sleep(HOUR).await;
    assert!(matches!(guard.state(), State::Offline { .. }));
    let slept = Instant::now();
    machine.own.step(SignedDuration::from_hours(9));
    let grace = until(&guard, |state| *state == State::Grace).await;
    assert!(grace - slept <= Duration::from_mins(1), "{:?}", grace - slept);
    let lost = until(&guard, |state| !state.may_work()).await;
    assert!(lost - slept <= GRACE, "{:?}", lost - slept);
}

#[tokio::test(start_paused = true)]
async fn clocks_that_differ_lengthen_nothing() {
    // The program's clock is behind the server's, and ahead of it.
    for (step, ends) in [(-3, 10), (3, 7)] {
        let machine = Machine::new();
        machine.own.step(SignedDuration::from_hours(step));
        let (start, own) = (Instant::now(), machine.own.now());
        let client = machine.starts().await;
        drop(client.checkout(borrow()).await.unwrap());
        machine.link.cut();
        let client = machine.restarts(client).await;
        let guard = client.checkout(borrow()).await.unwrap();
        let limit = SignedDuration::from_hours(ends) - SignedDuration::from_secs(1);
        assert_eq!(offline(guard.state()), own + limit, "{step}");
        let end = until(&guard, |state| !matches!(state, State::Offline { .. })).await;
        assert!(end - start <= 10 * HOUR, "{:?}", end - start);
    }
}

#[tokio::test(start_paused = true)]
async fn an_online_grant_is_taken_up_within_its_time_to_live_and_not_after() {
    let machine = Machine::new();
    let (start, noon) = (Instant::now(), machine.own.now());
    let client = machine.starts().await;
    let first = client.checkout(Checkout::new("solver")).await.unwrap();
    let (machine, _cut) = machine.crashes();
    machine.link.cut();
    let client = machine.starts().await;
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    assert_eq!(guard.grant_id(), first.grant_id());
    assert_eq!(offline(guard.state()), noon + SignedDuration::from_secs(599));
    let grace = until(&guard, |state| !matches!(state, State::Offline { .. })).await;
    assert_eq!(guard.state(), State::Grace, "the count may be somebody else's by now");
    assert!(grace >= start + TTL - SECOND && grace <= start + TTL, "{:?}", grace - start);
    until(&guard, |state| !state.may_work()).await;
    assert_eq!(guard.state(), State::Lost(LostReason::OutOfReach));
    drop((guard, client, first));
    // And a program that starts later gets nothing, though the period of its grant has hours to go.
    let machine = Machine::new();
    let client = machine.starts().await;
    let _first = client.checkout(Checkout::new("solver")).await.unwrap();
    let (machine, _cut) = machine.crashes();
    machine.link.cut();
    tokio::time::sleep(TTL + GRACE).await;
    let client = machine.starts().await;
    assert_eq!(problem(&client, Checkout::new("solver")).await.reason(), "KEPT_ENDED");
}

#[tokio::test(start_paused = true)]
async fn when_the_server_is_back_the_guard_is_whole_again() {
    for borrowed in [true, false] {
        let wish = || if borrowed { borrow() } else { Checkout::new("solver") };
        let machine = Machine::new();
        let client = machine.starts().await;
        let first = client.checkout(wish()).await.unwrap();
        let (machine, _cut) = machine.crashes();
        machine.link.cut();
        let client = machine.starts().await;
        let guard = client.checkout(wish()).await.unwrap();
        assert!(matches!(guard.state(), State::Offline { .. }));
        tokio::time::sleep(Duration::from_mins(2)).await;
        machine.link.mend();
        let mended = Instant::now();
        let valid = until(&guard, |state| *state == State::Valid).await;
        assert!(valid - mended <= Duration::from_mins(1), "{:?}", valid - mended);
        assert_eq!(guard.grant_id(), first.grant_id(), "the same grant");
        tokio::time::sleep(100 * HOUR).await;
        assert_eq!(guard.state(), State::Valid);
        assert_eq!(machine.fake.state().grants.len(), 1);
        guard.release().await.unwrap();
        assert!(machine.fake.state().grants.is_empty());
        assert!(machine.kept().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_server_gave_to_others_meanwhile_is_lost_when_it_is_back() {
    let machine = Machine::new();
    let client = machine.starts().await;
    let _first = client.checkout(Checkout::new("solver")).await.unwrap();
    let (machine, _cut) = machine.crashes();
    machine.link.cut();
    let client = machine.starts().await;
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    machine.fake.forget();
    let reason = RefusalReason::InsufficientCount;
    let refusal = pb::Refusal { reason: reason.into(), ..pb::Refusal::default() };
    machine.fake.next([
        Act::Fail(crate::fake::stale(pb::LostReason::Expired)),
        Act::Say(pb::Outcome::Refused, refusal),
    ]);
    machine.link.mend();
    until(&guard, |state| !state.may_work()).await;
    assert_eq!(guard.state(), State::Lost(LostReason::Refused(reason)));
    drop(guard);
    machine.link.cut();
    let error = client.checkout(Checkout::new("solver")).await.unwrap_err();
    assert!(matches!(error, CheckoutError::Unreachable { .. }), "nothing is kept of it: {error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_may_have_been_carried_out_is_learnt_first() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    let client = machine.restarts(client).await;
    // The server gives it a new token, and is never heard of again until later.
    machine.fake.next((0..4).map(|_| Act::GrantAndHang));
    let guard = client.checkout(borrow()).await.unwrap();
    assert!(matches!(guard.state(), State::Offline { .. }));
    until(&guard, |state| *state == State::Valid).await;
    let requests = machine.fake.calls().requests;
    let (last, before) = (&requests[requests.len() - 1].1, &requests[requests.len() - 2].1);
    assert_eq!(last, before, "the same request again");
    guard.release().await.unwrap();
    assert!(machine.fake.state().grants.is_empty(), "by its newest token");
}

#[tokio::test(start_paused = true)]
async fn a_whole_refusal_leaves_what_is_held() {
    let machine = Machine::new();
    let client = machine.starts().await;
    drop(client.checkout(borrow()).await.unwrap());
    machine.link.cut();
    let client = machine.restarts(client).await;
    let guard = client.checkout(borrow()).await.unwrap();
    machine.fake.next((0..1_000).map(|_| Act::RefuseAll(pb::RequestRefusal::ServerUnsynchronized)));
    machine.link.mend();
    tokio::time::sleep(HOUR).await;
    assert!(matches!(guard.state(), State::Offline { .. }), "{}", guard.state());
    machine.fake.state().acts.clear();
    until(&guard, |state| *state == State::Valid).await;
}
