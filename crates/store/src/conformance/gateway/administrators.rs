//! Those who may sign in.

use std::sync::Arc;

use super::Factory;
use super::sample::{actions, add, administrator, all, at, digest, record, search, session, token};
use crate::gateway::{Administrator, Settled};
use crate::licensing::PageQuery;

/// With everything that was said of it.
pub async fn an_administrator_comes_back_as_it_was_made(factory: &dyn Factory) {
    let store = factory.open().await;
    store.ping().await.unwrap();
    assert!(!store.has_administrators().await.unwrap());
    let made = Administrator {
        roles: vec!["VIEWER".to_owned(), "OPERATOR".to_owned()],
        instances: vec!["plant".to_owned(), "lab".to_owned()],
        disabled: true,
        ..administrator("Zoë")
    };
    add(&*store, &made).await;
    assert_eq!(store.administrator("Zoë").await.unwrap(), Some(made));
    for other in ["zoë", "Zoe", "", "\0"] {
        assert_eq!(store.administrator(other).await.unwrap(), None, "{other:?}");
    }
    assert!(store.has_administrators().await.unwrap());
}

/// The second changes nothing, and is not recorded.
pub async fn a_name_is_taken_once(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    let other = Administrator { disabled: true, ..administrator("kim") };
    assert!(!store.create_administrator(&other, &record("again")).await.unwrap());
    assert_eq!(store.administrator("kim").await.unwrap(), Some(administrator("kim")));
    assert_eq!(actions(&*store).await, ["made"]);
}

/// What it was made with stays.
pub async fn what_changes_is_saved_and_counted(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    add(&*store, &administrator("lee")).await;
    let changed = Administrator {
        password: "another".to_owned(),
        roles: vec!["VIEWER".to_owned()],
        instances: vec!["lab".to_owned()],
        disabled: true,
        created_at: at(99),
        ..administrator("kim")
    };
    assert_eq!(store.save_administrator(&changed, false, &record("changed")).await.unwrap(), Settled::Done);
    let expected = Administrator { revision: 1, created_at: at(1), ..changed };
    assert_eq!(store.administrator("kim").await.unwrap(), Some(expected));
    assert_eq!(actions(&*store).await, ["changed", "made", "made"]);
}

/// And leaves them where it need not.
pub async fn a_change_ends_sessions_where_it_should(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    add(&*store, &administrator("lee")).await;
    for (number, user) in [(1, "kim"), (2, "kim"), (3, "lee")] {
        store.open_session(&session(number, user), None, &record("signed in")).await.unwrap();
    }
    let kim = store.administrator("kim").await.unwrap().unwrap();
    store.save_administrator(&kim, false, &record("changed")).await.unwrap();
    assert!(store.session(&digest(1)).await.unwrap().is_some());
    let kim = store.administrator("kim").await.unwrap().unwrap();
    store.save_administrator(&kim, true, &record("changed")).await.unwrap();
    for (number, stays) in [(1, false), (2, false), (3, true)] {
        assert_eq!(store.session(&digest(number)).await.unwrap().is_some(), stays, "{number}");
    }
}

/// So that nobody undoes what somebody else did meanwhile.
pub async fn a_stale_revision_changes_nothing(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    add(&*store, &administrator("lee")).await;
    let read = administrator("kim");
    store.save_administrator(&read, false, &record("changed")).await.unwrap();
    let late = Administrator { disabled: true, ..read };
    assert_eq!(store.save_administrator(&late, true, &record("late")).await.unwrap(), Settled::Stale);
    assert_eq!(store.delete_administrator("kim", 0, &record("late")).await.unwrap(), Settled::Stale);
    assert_eq!(store.delete_administrator("nobody", 0, &record("late")).await.unwrap(), Settled::Stale);
    assert!(!store.administrator("kim").await.unwrap().unwrap().disabled);
    assert_eq!(actions(&*store).await, ["changed", "made", "made"]);
}

/// The last who is enabled and has the role itself, not only a part of its name.
pub async fn the_last_administrator_stays(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    add(&*store, &Administrator { disabled: true, ..administrator("off") }).await;
    let nearly = vec!["VIEWER".to_owned(), "ADMINISTRATIVE".to_owned()];
    add(&*store, &Administrator { roles: nearly.clone(), ..administrator("lee") }).await;
    let last = Settled::LastAdministrator;
    for changed in [
        Administrator { disabled: true, ..administrator("kim") },
        Administrator { roles: nearly, ..administrator("kim") },
    ] {
        assert_eq!(store.save_administrator(&changed, false, &record("changed")).await.unwrap(), last);
    }
    assert_eq!(store.delete_administrator("kim", 0, &record("deleted")).await.unwrap(), last);
    assert_eq!(store.administrator("kim").await.unwrap(), Some(administrator("kim")));
    let roles = vec!["VIEWER".to_owned(), "ADMIN".to_owned(), "OFFLINE".to_owned()];
    let lee = Administrator { roles, ..administrator("lee") };
    assert_eq!(store.save_administrator(&lee, false, &record("changed")).await.unwrap(), Settled::Done);
    assert_eq!(store.delete_administrator("kim", 0, &record("deleted")).await.unwrap(), Settled::Done);
    assert_eq!(store.administrator("kim").await.unwrap(), None);
}

/// Whichever process they are removed by.
pub async fn two_that_go_at_once_leave_one(factory: &dyn Factory) {
    let store = factory.open().await;
    for round in 0..10 {
        let names = [format!("a{round}"), format!("b{round}")];
        for name in &names {
            add(&*store, &administrator(name)).await;
        }
        for other in store.administrators(&all()).await.unwrap().rows {
            if !names.contains(&other.name) {
                store.delete_administrator(&other.name, 0, &record("deleted")).await.unwrap();
            }
        }
        let stores = [Arc::clone(&store), factory.beside(&store).await];
        let tasks = stores.into_iter().zip(names).map(|(store, name)| {
            tokio::spawn(async move {
                loop {
                    match store.delete_administrator(&name, 0, &record("deleted")).await {
                        Ok(settled) => return settled,
                        Err(error) => assert!(error.is_passing(), "{error:?}"),
                    }
                }
            })
        });
        let mut outcomes = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            outcomes.push(task.await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|it| **it == Settled::Done).count(), 1, "{outcomes:?}");
        assert!(outcomes.contains(&Settled::LastAdministrator), "{outcomes:?}");
    }
}

/// So that another one of the name has nothing of it.
pub async fn a_deleted_administrator_goes_with_sessions_and_tokens(factory: &dyn Factory) {
    let store = factory.open().await;
    add(&*store, &administrator("kim")).await;
    add(&*store, &administrator("lee")).await;
    store.open_session(&session(1, "kim"), None, &record("signed in")).await.unwrap();
    store.create_token(&token(2, "kim"), &record("made")).await.unwrap();
    store.delete_administrator("kim", 0, &record("deleted")).await.unwrap();
    add(&*store, &administrator("kim")).await;
    assert_eq!(store.session(&digest(1)).await.unwrap(), None);
    assert_eq!(store.token(&digest(2)).await.unwrap(), None);
}

/// By their bytes; a search takes no wildcards.
pub async fn administrators_are_listed_by_name(factory: &dyn Factory) {
    let store = factory.open().await;
    for name in ["kim", "Lee", "a_b", "axb"] {
        add(&*store, &administrator(name)).await;
    }
    let names = async |page: PageQuery| {
        let page = store.administrators(&page).await.unwrap();
        (page.rows.into_iter().map(|it| it.name).collect::<Vec<_>>(), page.next, page.total)
    };
    let expected = ["Lee", "a_b", "axb", "kim"].map(str::to_owned).to_vec();
    assert_eq!(names(all()).await, (expected.clone(), None, 4));
    let (first, next, total) = names(PageQuery { limit: 3, ..all() }).await;
    assert_eq!((first.as_slice(), total), (&expected[..3], 4));
    assert_eq!(names(PageQuery { after: next, ..all() }).await, (vec!["kim".to_owned()], None, 4));
    assert_eq!(names(PageQuery { skip: 3, ..all() }).await.0, ["kim"]);
    for (text, found) in [("KIM", 1), ("a_", 1), ("admin", 4), ("\0", 0), ("%", 0)] {
        assert_eq!(names(search(text)).await.2, found, "{text:?}");
    }
}
