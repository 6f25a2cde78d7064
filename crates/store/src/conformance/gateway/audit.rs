//! The audit log.

use super::Factory;
use super::sample::{actions, all, at, record, search};
use crate::gateway::{AuditRecord, AuditResult};
use crate::licensing::PageQuery;

/// In the order in which it was recorded, whatever the clock said.
pub async fn the_audit_is_listed_newest_first(factory: &dyn Factory) {
    let store = factory.open().await;
    let refused = AuditRecord { result: AuditResult::Refused, at: at(1), ..record("second") };
    for record in [&record("first"), &refused, &record("third")] {
        store.record(record).await.unwrap();
    }
    assert_eq!(actions(&*store).await, ["third", "second", "first"]);
    let first = store.audit(&PageQuery { limit: 1, ..all() }).await.unwrap();
    assert_eq!(first.total, 3);
    let rest = store.audit(&PageQuery { after: first.next, ..all() }).await.unwrap();
    assert_eq!((rest.rows, rest.next), (vec![refused, record("first")], None));
    let skipped = store.audit(&PageQuery { skip: 2, ..all() }).await.unwrap();
    assert_eq!(skipped.rows, [record("first")]);
}

/// By whom, what, to what, how it ended, why and from where.
pub async fn the_audit_is_searched(factory: &dyn Factory) {
    let store = factory.open().await;
    store.record(&record("session.open")).await.unwrap();
    let refused = AuditRecord {
        result: AuditResult::Refused,
        actor: "somebody\0else".to_owned(),
        detail: "100% wrong".to_owned(),
        ..record("session.refuse")
    };
    store.record(&refused).await.unwrap();
    for (text, found) in [
        ("KIM", 1),
        ("session.", 2),
        ("the subject", 2),
        ("refused", 1),
        ("100%", 1),
        ("%", 1),
        ("192.0.2.7", 2),
        ("\0", 1),
    ] {
        assert_eq!(store.audit(&search(text)).await.unwrap().total, found, "{text:?}");
    }
}

/// A change that did not happen leaves no record that it did.
pub async fn what_was_not_done_is_not_recorded(factory: &dyn Factory) {
    let store = factory.open().await;
    let digest = super::sample::digest(1);
    assert!(!store.end_session(&digest, &record("signed out")).await.unwrap());
    assert!(!store.delete_token(uuid::Uuid::nil(), None, &record("removed")).await.unwrap());
    assert_eq!(actions(&*store).await, [""; 0]);
}

/// By their time.
pub async fn old_records_are_forgotten_oldest_first_and_no_more_than_asked(factory: &dyn Factory) {
    let store = factory.open().await;
    for (action, seconds) in [("c", 30), ("a", 10), ("b", 20), ("d", 40)] {
        store.record(&AuditRecord { at: at(seconds), ..record(action) }).await.unwrap();
    }
    assert_eq!(store.forget_audit(at(40), 2).await.unwrap(), 2);
    assert_eq!(actions(&*store).await, ["d", "c"]);
    assert_eq!(store.forget_audit(at(40), 9).await.unwrap(), 1);
    assert_eq!(actions(&*store).await, ["d"]);
}
