//! Guards that are dropped, wherever that is.

use std::time::Duration;

use leasehold_client::{Checkout, CheckoutError, Client, ConnectError, ReleaseError, State};
use tokio::runtime::Runtime;

use crate::fake::Fake;
use crate::link::{Link, connected, options};

/// A runtime with a server, a client and the way between them.
fn on_a_runtime() -> (Runtime, Fake, Client) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (fake, client) = runtime.block_on(async {
        let fake = Fake::new();
        let link = Link::to(&fake);
        let client = Client::over(link.channel(), options()).await.unwrap();
        (fake, client)
    });
    (runtime, fake, client)
}

#[tokio::test(start_paused = true)]
async fn a_dropped_guard_is_returned() {
    let (fake, _link, client) = connected().await;
    let guards = [
        client.checkout(Checkout::new("solver")).await.unwrap(),
        client.checkout(Checkout::new("solver")).await.unwrap(),
    ];
    drop(guards);
    drop(client);
    let calls =
        fake.until(|calls| calls.releases.iter().map(|(_, grants)| grants.len()).sum::<usize>() == 2).await;
    assert_eq!(calls.releases.len(), 1, "in one call");
    assert!(fake.state().grants.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_guard_outlives_its_client() {
    let (fake, _link, client) = connected().await;
    let guard = client.checkout(Checkout::new("solver")).await.unwrap();
    drop(client);
    fake.until(|calls| calls.heartbeats.len() >= 10).await;
    assert_eq!(guard.state(), State::Valid);
    guard.release().await.unwrap();
}

#[test]
fn a_guard_that_is_dropped_outside_its_runtime_is_returned() {
    let (runtime, fake, client) = on_a_runtime();
    let guard = runtime.block_on(client.checkout(Checkout::new("solver"))).unwrap();
    drop(guard);
    let released = runtime.block_on(async {
        tokio::time::timeout(Duration::from_mins(1), fake.until(|calls| !calls.releases.is_empty())).await
    });
    assert!(released.is_ok());
}

#[test]
fn nothing_panics_without_a_runtime() {
    let (runtime, _fake, client) = on_a_runtime();
    let [dropped, released, seen] =
        [(); 3].map(|()| runtime.block_on(client.checkout(Checkout::new("solver"))).unwrap());
    let watching = seen.watch();
    runtime.shutdown_timeout(Duration::from_secs(10));
    drop(dropped);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(other.block_on(released.release()), Err(ReleaseError::Stopped));
    let error = other.block_on(client.checkout(Checkout::new("solver"))).unwrap_err();
    assert_eq!(error, CheckoutError::Stopped);
    assert!(seen.state().may_work(), "it shows how the lease runs out");
    assert_eq!(*watching.borrow(), State::Valid);
    drop((seen, client));
}

#[test]
fn a_guard_that_its_runtime_drops_does_no_harm() {
    let (runtime, _fake, client) = on_a_runtime();
    let guard = runtime.block_on(client.checkout(Checkout::new("solver"))).unwrap();
    runtime.spawn(async move {
        let _held = (guard, client);
        std::future::pending::<()>().await;
    });
    runtime.shutdown_timeout(Duration::from_secs(10));
}

#[test]
fn connecting_outside_a_runtime_is_an_error() {
    let mut connecting = std::pin::pin!(Client::connect(options()));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let polled = connecting.as_mut().poll(&mut context);
    assert!(matches!(polled, std::task::Poll::Ready(Err(ConnectError::NoRuntime))));
}
