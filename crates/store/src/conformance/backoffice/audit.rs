//! The audit log.

use super::Factory;
use super::sample::{World, all, at, record, search};
use crate::backoffice::{AuditRecord, Quota};
use crate::licensing::PageQuery;

async fn filled(factory: &dyn Factory) -> World {
    let world = World { store: factory.open().await };
    let customer = super::sample::customer("c");
    world.store.create_customer(&customer, &record("first")).await.unwrap();
    world.add(&super::sample::server(1, "c", "one")).await;
    let mut turn = world.begin(1).await;
    for (action, subject, detail) in
        [("second", "x", "100% of it"), ("third", "y", ""), ("fourth", "x", "Lines\nof text")]
    {
        let (subject, detail) = (subject.to_owned(), detail.to_owned());
        turn.record(&AuditRecord { subject, detail, at: at(2), ..record(action) }).await.unwrap();
    }
    turn.commit().await.unwrap();
    world
}

/// In the order in which it was recorded, whatever the clock said.
pub async fn the_audit_is_listed_newest_first(factory: &dyn Factory) {
    let world = filled(factory).await;
    assert_eq!(world.actions().await, ["fourth", "third", "second", "made", "first"]);
    let first = world.store.audit(None, &PageQuery { limit: 2, ..all() }).await.unwrap();
    let after = first.next.clone();
    assert!(after.is_some() && first.total == 5);
    let second = world.store.audit(None, &PageQuery { after, ..all() }).await.unwrap();
    assert_eq!((second.rows.len(), second.total, second.next), (3, 5, None));
    assert_eq!(second.rows[2], record("first"));
    let skipped = world.store.audit(None, &PageQuery { skip: 4, ..all() }).await.unwrap();
    assert_eq!(skipped.rows, [record("first")]);
}

/// Others are left out, of the total too.
pub async fn the_audit_of_one_subject_is_found(factory: &dyn Factory) {
    let world = filled(factory).await;
    let page = world.store.audit(Some("x"), &all()).await.unwrap();
    let actions: Vec<_> = page.rows.iter().map(|record| record.action.as_str()).collect();
    assert_eq!((actions, page.total), (vec!["fourth", "second"], 2));
    assert_eq!(world.store.audit(Some("X"), &all()).await.unwrap().total, 0);
}

/// By what was done, by whom, to what and why.
pub async fn the_audit_is_searched(factory: &dyn Factory) {
    let world = filled(factory).await;
    for (text, found) in [("FOURTH", 1), ("kim", 5), ("100%", 1), ("%", 1), ("of text", 1), ("subject", 2)] {
        assert_eq!(world.store.audit(None, &search(text)).await.unwrap().total, found, "{text}");
    }
}

/// Of one action on one subject, since a time.
pub async fn refusals_are_recorded_within_their_quota(factory: &dyn Factory) {
    let store = factory.open().await;
    let refuse = async |action: &str, subject: &str, seconds| {
        let refused = AuditRecord { subject: subject.to_owned(), at: at(seconds), ..record(action) };
        store.record_refusal(&refused, Quota { most: 2, since: at(seconds - 10) }).await.unwrap()
    };
    assert!(refuse("refused", "x", 100).await);
    assert!(refuse("refused", "x", 101).await);
    assert!(!refuse("refused", "x", 110).await);
    assert!(refuse("refused", "y", 110).await);
    assert!(refuse("other", "x", 110).await);
    assert!(refuse("refused", "x", 111).await, "the first is longer ago");
    assert_eq!(store.audit(None, &all()).await.unwrap().total, 5);
}
