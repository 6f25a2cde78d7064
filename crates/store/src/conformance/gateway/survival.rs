//! What is kept when the store is closed.

use super::Factory;
use super::sample::{actions, add, administrator, at, code, digest, record, session, token};

/// Whatever was committed is there when the store is opened again.
pub async fn everything_survives_reopening(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    store.open_session(&session(1, "kim"), None, &record("signed in")).await.unwrap();
    store.create_token(&token(2, "kim"), &record("made a token")).await.unwrap();
    store.add_first_code(&code(3), at(0)).await.unwrap();
    let (user, recorded) = (store.administrator("kim").await.unwrap(), actions(&*store).await);

    let Some(store) = factory.reopen(store).await else { return };
    assert_eq!(store.administrator("kim").await.unwrap(), user);
    assert_eq!(store.session(&digest(1)).await.unwrap().unwrap().0, session(1, "kim"));
    assert_eq!(store.token(&digest(2)).await.unwrap().unwrap().0, token(2, "kim"));
    assert_eq!(store.first_codes(at(0)).await.unwrap(), [code(3)]);
    assert_eq!(actions(&*store).await, recorded);
}
