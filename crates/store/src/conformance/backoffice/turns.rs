//! Transactions on one licence server: whole or not at all, and one after the other.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use super::Factory;
use super::sample::{World, bound, entitlement, exchange, record, server, server_id};
use crate::backoffice::LicenseServer;
use crate::{BackOfficeStore, StoreError};

/// It is no error either.
pub async fn an_unknown_server_has_no_turn(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.store.begin(server_id(9)).await.unwrap().is_none());
    world.begin(1).await;
}

/// Everything that a turn can write.
async fn write(world: &World) -> Box<dyn crate::LicenseServerTurn> {
    let mut turn = world.begin(1).await;
    turn.save(&bound(1, "c", "one")).await.unwrap();
    turn.add_exchange(&exchange(1, 1), b"answer").await.unwrap();
    turn.save_entitlement(&entitlement(1, 1, &["a"])).await.unwrap();
    turn.record(&record("changed")).await.unwrap();
    turn
}

async fn nothing_changed(world: &World) {
    assert_eq!(world.store.license_server(server_id(1)).await.unwrap(), Some(server(1, "c", "one")));
    assert_eq!(world.exchanges().await, []);
    assert_eq!(world.store.entitlements(None, &super::sample::all()).await.unwrap().total, 0);
    assert_eq!(world.actions().await, ["made", "made"]);
}

/// The next turn finds all of it.
pub async fn nothing_is_visible_before_the_commit_and_all_of_it_after(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let beside = factory.beside(&world.store).await;
    let turn = write(&world).await;
    // Where there is one connection, whoever reads waits for the turn's end.
    let reading = tokio::spawn(async move { beside.license_server(server_id(1)).await });
    let before = tokio::time::timeout(std::time::Duration::from_millis(200), reading).await;
    if let Ok(read) = before {
        assert_eq!(read.unwrap().unwrap(), Some(server(1, "c", "one")));
    }
    turn.commit().await.unwrap();
    assert_eq!(world.store.license_server(server_id(1)).await.unwrap(), Some(bound(1, "c", "one")));
    assert_eq!(world.exchanges().await, [exchange(1, 1)]);
    assert_eq!(world.begin(1).await.line_items().await.unwrap().len(), 1);
    assert_eq!(world.actions().await, ["changed", "made", "made"]);
}

/// As if it had never begun.
pub async fn a_dropped_turn_leaves_nothing(factory: &dyn Factory) {
    let world = World::new(factory).await;
    drop(write(&world).await);
    nothing_changed(&world).await;
}

/// Whatever it wrote before.
pub async fn a_turn_of_which_a_call_failed_is_not_committed(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut turn = write(&world).await;
    turn.add_exchange(&exchange(1, 2), b"").await.unwrap_err();
    let error = turn.commit().await.unwrap_err();
    assert!(matches!(error, StoreError::Internal { .. }), "{error:?}");
    nothing_changed(&world).await;
}

async fn count_up(store: &dyn BackOfficeStore) -> Result<(), StoreError> {
    let mut turn = store.begin(server_id(1)).await?.expect("it is there");
    let found = turn.license_server().clone();
    tokio::task::yield_now().await;
    turn.save(&LicenseServer { sequence: found.sequence + 1, ..found }).await?;
    turn.commit().await
}

/// None of them misses what another did, whichever process it came from.
pub async fn turns_on_one_server_follow_each_other(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let stores = [Arc::clone(&world.store), factory.beside(&world.store).await];
    let tasks: Vec<_> = (0..20)
        .map(|task| {
            let store = Arc::clone(&stores[task % 2]);
            tokio::spawn(async move {
                while let Err(error) = count_up(&*store).await {
                    assert!(error.is_passing(), "{error:?}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(world.store.license_server(server_id(1)).await.unwrap().unwrap().sequence, 20);
}

/// Polls so often and then drops it; says whether it was done by then.
async fn cut<T>(polls: usize, work: impl Future<Output = T>) -> bool {
    let mut work = pin!(work);
    let mut left = polls;
    poll_fn(move |context| match work.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(true),
        Poll::Pending => {
            left -= 1;
            if left == 0 { Poll::Ready(false) } else { Poll::Pending }
        }
    })
    .await
}

/// Wherever that is.
pub async fn a_turn_whose_caller_goes_away_holds_nobody_up(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut counted = 0;
    for polls in 1..=200 {
        let done = cut(polls, count_up(&*world.store)).await;
        count_up(&*world.store).await.unwrap();
        let found = world.store.license_server(server_id(1)).await.unwrap().unwrap().sequence;
        // What was cut off may have been committed with nobody left to hear of it.
        assert!((counted + 1..=counted + 2).contains(&found), "{found} after {counted}");
        counted = found;
        if done {
            return;
        }
    }
    panic!("the turn was never left to end");
}
