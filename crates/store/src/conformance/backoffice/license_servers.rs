//! Licence servers and what is known of them.

use super::Factory;
use super::sample::{World, all, at, bound, customer, record, search, server, server_id};
use crate::StoreError;
use crate::backoffice::{Binding, LicenseServer};
use crate::licensing::PageQuery;

/// Bound or not, it comes back whole.
pub async fn a_license_server_comes_back_as_it_was_made(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.add(&bound(2, "c", "two")).await;
    assert_eq!(world.store.license_server(server_id(1)).await.unwrap(), Some(server(1, "c", "one")));
    assert_eq!(world.store.license_server(server_id(2)).await.unwrap(), Some(bound(2, "c", "two")));
    assert_eq!(world.store.license_server(server_id(3)).await.unwrap(), None);
    assert_eq!(*world.begin(2).await.license_server(), bound(2, "c", "two"));
}

/// Another customer may use the name.
pub async fn a_name_is_taken_once_for_a_customer(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.store.create_customer(&customer("d"), &record("made")).await.unwrap());
    let before = world.actions().await;
    assert!(
        !world.store.create_license_server(&server(2, "c", "one"), &record("made")).await.unwrap(),
        "the customer has one of that name"
    );
    assert_eq!(world.actions().await, before);
    world.add(&server(2, "d", "one")).await;
    let error = world.store.create_license_server(&server(2, "d", "two"), &record("made")).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
}

/// Nothing is left of the attempt.
pub async fn a_customer_that_is_not_there_is_refused(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let error =
        world.store.create_license_server(&server(2, "nobody", "two"), &record("made")).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    assert_eq!(world.store.license_servers(&all()).await.unwrap().total, 1);
}

/// What is saved is what is found, and what never changes stays.
pub async fn what_changes_is_saved(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let save = async |server: &LicenseServer| {
        let mut turn = world.begin(1).await;
        turn.save(server).await.unwrap();
        turn.commit().await.unwrap();
        world.store.license_server(server.id).await.unwrap().unwrap()
    };
    assert_eq!(save(&bound(1, "c", "one")).await, bound(1, "c", "one"));
    let fresh = Binding { first_previous: None, acknowledged: 0, ..bound(1, "c", "one").binding.unwrap() };
    let fresh = LicenseServer { binding: Some(fresh), ..server(1, "c", "one") };
    assert_eq!(save(&fresh).await, fresh);
    let renamed = LicenseServer { created_at: at(99), ..server(1, "c", "renamed") };
    assert_eq!(save(&renamed).await, server(1, "c", "one"));
}

/// Their pages follow one another over the customers.
pub async fn license_servers_are_listed_by_customer_and_name(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for name in ["B", "c x"] {
        assert!(world.store.create_customer(&customer(name), &record("made")).await.unwrap());
    }
    for (number, customer, name) in [(2, "c x", "a"), (3, "B", "z"), (4, "c", "Two"), (5, "B", "a")] {
        world.add(&server(number, customer, name)).await;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.license_servers(&PageQuery { limit: 2, after, ..all() }).await.unwrap();
        assert_eq!(page.total, 5);
        seen.extend(page.rows.into_iter().map(|server| server.id.0.as_u128()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [5, 3, 4, 1, 2]);
    let found = async |text: &str| {
        let page = world.store.license_servers(&search(text)).await.unwrap();
        page.rows.into_iter().map(|server| server.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(found("TWO").await, [4]);
    assert_eq!(found("C X").await, [2]);
    assert_eq!(found(&server_id(3).to_string()).await, [3]);
}
