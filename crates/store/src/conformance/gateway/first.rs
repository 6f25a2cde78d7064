//! The first administrator.

use std::sync::Arc;

use super::Factory;
use super::sample::{actions, add, administrator, at, code, digest, record};
use crate::gateway::{Administrator, FirstCode};

/// And uses up every other code too.
pub async fn a_code_makes_one_administrator(factory: &dyn Factory) {
    let store = factory.open().await;
    store.add_first_code(&code(1), at(0)).await.unwrap();
    store.add_first_code(&code(2), at(0)).await.unwrap();
    let mut codes = store.first_codes(at(0)).await.unwrap();
    codes.sort_by_key(|code| code.digest);
    assert_eq!(codes, [code(1), code(2)]);
    let create = async |name: &str, number| {
        let made = administrator(name);
        store.create_first_administrator(&made, &digest(number), &record("first")).await.unwrap()
    };
    assert!(create("kim", 1).await);
    assert_eq!(store.first_codes(at(0)).await.unwrap(), []);
    store.add_first_code(&code(3), at(0)).await.unwrap();
    assert!(!create("lee", 2).await && !create("lee", 3).await && !create("kim", 1).await);
    assert_eq!(store.administrator("kim").await.unwrap(), Some(administrator("kim")));
    assert_eq!(store.administrator("lee").await.unwrap(), None);
    assert_eq!(actions(&*store).await, ["first"]);
}

/// At the very time of its end it is over.
pub async fn a_code_that_is_over_or_unknown_makes_none(factory: &dyn Factory) {
    let store = factory.open().await;
    store.add_first_code(&code(1), at(0)).await.unwrap();
    let late = Administrator { created_at: code(1).expires_at, ..administrator("kim") };
    assert!(!store.create_first_administrator(&late, &digest(1), &record("first")).await.unwrap());
    let kim = administrator("kim");
    assert!(!store.create_first_administrator(&kim, &digest(2), &record("first")).await.unwrap());
    assert!(!store.has_administrators().await.unwrap());
    assert_eq!(store.first_codes(at(99)).await.unwrap(), [code(1)]);
    assert_eq!(store.first_codes(code(1).expires_at).await.unwrap(), []);
    // Adding one forgets those that are over.
    store.add_first_code(&FirstCode { expires_at: at(300), ..code(2) }, at(200)).await.unwrap();
    assert_eq!(store.first_codes(at(0)).await.unwrap().len(), 1);
}

/// Whichever process they come to, with whichever code.
pub async fn two_that_come_at_once_make_one(factory: &dyn Factory) {
    let store = factory.open().await;
    let stores = [Arc::clone(&store), factory.beside(&store).await];
    for number in [1, 2] {
        store.add_first_code(&code(number), at(0)).await.unwrap();
    }
    let tasks = stores.into_iter().zip([("kim", 1), ("lee", 2)]).map(|(store, (name, number))| {
        tokio::spawn(async move {
            let made = administrator(name);
            loop {
                match store.create_first_administrator(&made, &digest(number), &record("first")).await {
                    Ok(made) => return made,
                    Err(error) => assert!(error.is_passing(), "{error:?}"),
                }
            }
        })
    });
    let mut made = 0;
    for task in tasks.collect::<Vec<_>>() {
        made += u32::from(task.await.unwrap());
    }
    assert_eq!(made, 1);
    assert_eq!(store.administrators(&super::sample::all()).await.unwrap().total, 1);
}

/// Every code stands the same number of them.
pub async fn wrong_tries_use_codes_up(factory: &dyn Factory) {
    let store = factory.open().await;
    store.add_first_code(&code(1), at(0)).await.unwrap();
    for left in [2, 1] {
        store.count_wrong_code(&record("wrong")).await.unwrap();
        let codes = store.first_codes(at(0)).await.unwrap();
        assert_eq!(codes, [FirstCode { tries_left: left, ..code(1) }]);
    }
    store.count_wrong_code(&record("wrong")).await.unwrap();
    assert_eq!(store.first_codes(at(0)).await.unwrap(), []);
    assert!(
        !store.create_first_administrator(&administrator("kim"), &digest(1), &record("first")).await.unwrap()
    );
    assert_eq!(actions(&*store).await, ["wrong"; 3]);
    add(&*store, &administrator("kim")).await;
}
