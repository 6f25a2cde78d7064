//! Those who are signed in.

use super::Factory;
use super::sample::{actions, add, administrator, at, digest, record, session};
use crate::gateway::{Administrator, Session};

/// And notes when that was.
pub async fn a_session_comes_back_with_its_owner(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    store.open_session(&session(1, "kim"), None, &record("signed in")).await.unwrap();
    let owner = Administrator { signed_in_at: Some(at(10)), ..administrator("kim") };
    assert_eq!(store.session(&digest(1)).await.unwrap(), Some((session(1, "kim"), owner)));
    assert_eq!(store.session(&digest(2)).await.unwrap(), None);
    assert_eq!(actions(&*store).await, ["signed in", "made"]);
    store.open_session(&session(3, "nobody"), None, &record("signed in")).await.unwrap_err();
    assert_eq!(actions(&*store).await, ["signed in", "made"]);
}

/// In one step: there are never both, and never none.
pub async fn a_session_takes_the_place_of_another(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    store.open_session(&session(1, "kim"), None, &record("signed in")).await.unwrap();
    store.open_session(&session(2, "kim"), Some(&digest(1)), &record("signed in")).await.unwrap();
    assert_eq!(store.session(&digest(1)).await.unwrap(), None);
    assert!(store.session(&digest(2)).await.unwrap().is_some());
}

/// Nothing else of it changes.
pub async fn a_session_is_touched(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    store.open_session(&session(1, "kim"), None, &record("signed in")).await.unwrap();
    store.touch_session(&digest(1), at(77)).await.unwrap();
    store.touch_session(&digest(9), at(77)).await.unwrap();
    let (found, _) = store.session(&digest(1)).await.unwrap().unwrap();
    assert_eq!(found, Session { seen_at: at(77), ..session(1, "kim") });
}

/// Once: the second time there is nothing to end.
pub async fn an_ended_session_is_gone(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    store.open_session(&session(1, "kim"), None, &record("signed in")).await.unwrap();
    assert!(store.end_session(&digest(1), &record("signed out")).await.unwrap());
    assert!(!store.end_session(&digest(1), &record("signed out")).await.unwrap());
    assert_eq!(store.session(&digest(1)).await.unwrap(), None);
    assert_eq!(actions(&*store).await, ["signed out", "signed in", "made"]);
}

/// Those that end, and those that nobody uses.
pub async fn sessions_that_are_over_are_forgotten(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    for (number, seen_at, ends_at) in [(1, at(50), at(100)), (2, at(50), at(101)), (3, at(49), at(999))] {
        let session = Session { seen_at, ends_at, ..session(number, "kim") };
        store.open_session(&session, None, &record("signed in")).await.unwrap();
    }
    assert_eq!(store.forget_sessions(at(100), at(50)).await.unwrap(), 2);
    for (number, stays) in [(1, false), (2, true), (3, false)] {
        assert_eq!(store.session(&digest(number)).await.unwrap().is_some(), stays, "{number}");
    }
}
