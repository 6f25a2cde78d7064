//! Products, customers, and what holds for every list.

use super::Factory;
use super::sample::{all, customer, product, record, search};
use crate::BackOfficeStore;
use crate::backoffice::Product;
use crate::licensing::PageQuery;

/// Products come back as they were added, in the order of their names' bytes.
pub async fn products_come_back_by_name(factory: &dyn Factory) {
    let store = factory.open().await;
    assert_eq!(store.product("b").await.unwrap(), None);
    for name in ["b", "Zeta", "αβγ"] {
        assert!(store.create_product(&product(name), &record("made")).await.unwrap());
    }
    let plain = Product { features: Vec::new(), description: String::new(), ..product("c") };
    assert!(store.create_product(&plain, &record("made")).await.unwrap());
    let page = store.products(&all()).await.unwrap();
    assert_eq!(page.rows, [product("Zeta"), product("b"), plain, product("αβγ")]);
    assert_eq!((page.total, page.next), (4, None));
    assert_eq!(store.product("b").await.unwrap(), Some(product("b")));
    assert_eq!(store.product("B").await.unwrap(), None);
}

/// So do customers.
pub async fn customers_come_back_by_name(factory: &dyn Factory) {
    let store = factory.open().await;
    for name in ["b", "Zeta", "αβγ"] {
        assert!(store.create_customer(&customer(name), &record("made")).await.unwrap());
    }
    let page = store.customers(&all()).await.unwrap();
    assert_eq!(page.rows, ["Zeta", "b", "αβγ"].map(customer));
    assert_eq!(store.customer("Zeta").await.unwrap(), Some(customer("Zeta")));
    assert_eq!(store.customer("zeta").await.unwrap(), None);
}

/// What has a name keeps it.
pub async fn a_taken_name_changes_and_records_nothing(factory: &dyn Factory) {
    let store = factory.open().await;
    assert!(store.create_product(&product("p"), &record("made")).await.unwrap());
    assert!(store.create_customer(&customer("c"), &record("made")).await.unwrap());
    let other = Product { description: "other".to_owned(), ..product("p") };
    assert!(!store.create_product(&other, &record("made")).await.unwrap());
    assert!(!store.create_customer(&customer("c"), &record("made")).await.unwrap());
    assert_eq!(store.products(&all()).await.unwrap().rows, [product("p")]);
    assert_eq!(store.audit(None, &all()).await.unwrap().total, 2);
}

async fn names(store: &dyn BackOfficeStore, text: &str) -> Vec<String> {
    let page = store.customers(&search(text)).await.unwrap();
    assert_eq!(page.total, page.rows.len() as u64);
    page.rows.into_iter().map(|customer| customer.name).collect()
}

/// Case does not count, and other columns do.
pub async fn lists_are_searched(factory: &dyn Factory) {
    let store = factory.open().await;
    for name in ["Alpha", "beta"] {
        store.create_customer(&customer(name), &record("made")).await.unwrap();
    }
    assert_eq!(names(&*store, "ALPH").await, ["Alpha"]);
    assert_eq!(names(&*store, "TA@ex").await, ["beta"]);
    assert_eq!(names(&*store, "a").await.len(), 2);
    assert_eq!(names(&*store, "gamma").await.len(), 0);
}

/// What elsewhere stands for any text stands for itself, and a text that no column can have finds nothing.
pub async fn a_search_takes_no_wildcards(factory: &dyn Factory) {
    let store = factory.open().await;
    for name in ["a_b", "axb", "50% off", r"C:\temp", "wow!", "[x]"] {
        store.create_customer(&customer(name), &record("made")).await.unwrap();
    }
    for (text, found) in [
        ("a_b", &["a_b"][..]),
        ("0%", &["50% off"]),
        ("%", &["50% off"]),
        (r"\", &[r"C:\temp"]),
        ("!", &["wow!"]),
        ("[x]", &["[x]"]),
        ("'", &[]),
        ("a\0b", &[]),
    ] {
        assert_eq!(names(&*store, text).await, found, "{text:?}");
    }
}

/// Every row comes once, and the last page says so.
pub async fn pages_follow_one_another(factory: &dyn Factory) {
    let store = factory.open().await;
    for number in 0..7 {
        store.create_customer(&customer(&format!("c{number}")), &record("made")).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.customers(&PageQuery { limit: 3, after, ..all() }).await.unwrap();
        assert_eq!(page.total, 7);
        seen.extend(page.rows.into_iter().map(|customer| customer.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (0..7).map(|number| format!("c{number}")).collect::<Vec<_>>());
    let skipped = store.customers(&PageQuery { skip: 5, limit: 1, ..all() }).await.unwrap();
    assert_eq!((skipped.rows, skipped.next.as_deref()), (vec![customer("c5")], Some("c5")));
}

/// A page that is to follow what was never a row's key is a page of some kind, and not an error.
pub async fn an_unknown_place_to_go_on_from_is_no_error(factory: &dyn Factory) {
    let store = factory.open().await;
    for key in ["", "nonsense", "a\u{1f}b\u{1f}c", "\0", "é", "99999999999999999999", "-1"] {
        let page = PageQuery { after: Some(key.to_owned()), ..all() };
        assert_eq!(store.products(&page).await.unwrap().total, 0, "{key:?}");
        assert_eq!(store.customers(&page).await.unwrap().total, 0, "{key:?}");
        assert_eq!(store.license_servers(&page).await.unwrap().total, 0, "{key:?}");
        assert_eq!(store.entitlements(None, &page).await.unwrap().total, 0, "{key:?}");
        assert_eq!(store.audit(None, &page).await.unwrap().total, 0, "{key:?}");
    }
}
