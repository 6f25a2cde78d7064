//! What scripts show.

use uuid::Uuid;

use super::Factory;
use super::sample::{actions, add, administrator, all, at, digest, record, search, token};
use crate::StoreError;
use crate::gateway::ApiToken;
use crate::licensing::PageQuery;

/// And with its last use.
pub async fn a_token_comes_back_with_its_owner(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    store.create_token(&token(1, "kim"), &record("made a token")).await.unwrap();
    assert_eq!(store.token(&digest(1)).await.unwrap(), Some((token(1, "kim"), administrator("kim"))));
    assert_eq!(store.token(&digest(2)).await.unwrap(), None);
    store.touch_token(token(1, "kim").id, at(30)).await.unwrap();
    store.touch_token(Uuid::from_u128(99), at(30)).await.unwrap();
    let (found, _) = store.token(&digest(1)).await.unwrap().unwrap();
    assert_eq!(found, ApiToken { used_at: Some(at(30)), ..token(1, "kim") });
    assert_eq!(actions(&*store).await, ["made a token", "made"]);
}

/// And not recorded.
pub async fn a_token_of_nobody_is_refused(factory: &dyn Factory) {
    let store = factory.open().await;
    let error = store.create_token(&token(1, "nobody"), &record("made a token")).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(actions(&*store).await, [""; 0]);
}

/// In the order of their making.
pub async fn tokens_are_listed_by_owner(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    add(&*store, &administrator("lee")).await;
    for (number, owner) in [(3, "kim"), (1, "lee"), (2, "kim")] {
        store.create_token(&token(number, owner), &record("made a token")).await.unwrap();
    }
    let page = store.tokens(None, &all()).await.unwrap();
    assert_eq!(page.rows, [token(1, "lee"), token(2, "kim"), token(3, "kim")]);
    let first = store.tokens(Some("kim"), &PageQuery { limit: 1, ..all() }).await.unwrap();
    assert_eq!((first.rows, first.total), (vec![token(2, "kim")], 2));
    let rest = store.tokens(Some("kim"), &PageQuery { after: first.next, ..all() }).await.unwrap();
    assert_eq!((rest.rows, rest.next), (vec![token(3, "kim")], None));
    assert_eq!(store.tokens(None, &search("SCRIPT 3")).await.unwrap().total, 1);
    assert_eq!(store.tokens(Some("nobody"), &all()).await.unwrap().total, 0);
}

/// Or by anybody, where no owner is named.
pub async fn a_token_is_removed_by_whom_it_belongs_to(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    for number in [1, 2] {
        store.create_token(&token(number, "kim"), &record("made a token")).await.unwrap();
    }
    let delete = async |number, owner| {
        let id = token(number, "").id;
        store.delete_token(id, owner, &record("removed")).await.unwrap()
    };
    assert!(!delete(1, Some("lee")).await);
    assert!(delete(1, Some("kim")).await);
    assert!(!delete(1, Some("kim")).await);
    assert!(delete(2, None).await);
    assert_eq!(store.tokens(None, &all()).await.unwrap().total, 0);
}
