//! Whose back office it is.

use super::Factory;
use super::sample::{record, vendor};
use crate::backoffice::{OnlineKey, UpdateRepository, Vendor};

/// A store that is there answers.
pub async fn a_store_answers(factory: &dyn Factory) {
    factory.open().await.ping().await.unwrap();
}

/// The first vendor stays.
pub async fn the_vendor_is_written_once(factory: &dyn Factory) {
    let store = factory.open().await;
    assert_eq!(store.vendor().await.unwrap(), None);
    assert!(store.create_vendor(&vendor(), &record("set_up")).await.unwrap());
    let other = Vendor { id: "other".to_owned(), ..vendor() };
    assert!(!store.create_vendor(&other, &record("set_up")).await.unwrap());
    assert_eq!(store.vendor().await.unwrap(), Some(vendor()));
    assert_eq!(store.audit(None, &super::sample::all()).await.unwrap().total, 1);
}

/// Another root changes nothing, and is not recorded.
pub async fn the_online_key_is_replaced_for_the_root_alone(factory: &dyn Factory) {
    let store = factory.open().await;
    let key = OnlineKey { seed: vec![5], certificate: vec![6, 0, 6] };
    assert!(!store.replace_online_key(&[7; 32], &key, &record("renewed")).await.unwrap());
    store.create_vendor(&vendor(), &record("set_up")).await.unwrap();
    assert!(!store.replace_online_key(&[6; 32], &key, &record("renewed")).await.unwrap());
    assert_eq!(store.vendor().await.unwrap(), Some(vendor()));
    assert!(store.replace_online_key(&[7; 32], &key, &record("renewed")).await.unwrap());
    assert_eq!(store.vendor().await.unwrap(), Some(Vendor { online_key: key, ..vendor() }));
    assert_eq!(store.audit(None, &super::sample::all()).await.unwrap().total, 2);
}

/// The same again changes nothing, and is not recorded; nor is one of nobody.
pub async fn the_update_repository_is_set_and_recorded_once(factory: &dyn Factory) {
    let store = factory.open().await;
    let one = UpdateRepository { address: "https://u.example.com".to_owned(), root: vec![b'{', 0, 255] };
    assert!(!store.set_update_repository(&one, &record("updates")).await.unwrap());
    store.create_vendor(&vendor(), &record("set_up")).await.unwrap();
    assert!(store.set_update_repository(&one, &record("updates")).await.unwrap());
    assert!(!store.set_update_repository(&one, &record("updates")).await.unwrap());
    assert_eq!(store.vendor().await.unwrap(), Some(Vendor { updates: one.clone(), ..vendor() }));
    let other = UpdateRepository { root: vec![1], ..one };
    assert!(store.set_update_repository(&other, &record("updates")).await.unwrap());
    assert!(store.set_update_repository(&UpdateRepository::default(), &record("updates")).await.unwrap());
    assert_eq!(store.vendor().await.unwrap(), Some(vendor()));
    assert_eq!(store.audit(None, &super::sample::all()).await.unwrap().total, 4);
}
