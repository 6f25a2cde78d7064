//! Entitlements and their line items.

use super::Factory;
use super::sample::{
    World, all, at, customer, entitlement, entitlement_id, item, record, search, server, server_id,
};
use crate::StoreError;
use crate::backoffice::Entitlement;
use crate::licensing::PageQuery;

/// With its line items in their order, whatever their ids.
pub async fn an_entitlement_comes_back_as_it_was_saved(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let made = entitlement(1, 1, &["b", "a", "ü c"]);
    world.entitle(&made).await;
    world.entitle(&entitlement(2, 1, &[])).await;
    let row = world.store.entitlement(entitlement_id(1)).await.unwrap().unwrap();
    assert_eq!((row.entitlement, row.customer.as_str()), (made.clone(), "c"));
    let empty = world.store.entitlement(entitlement_id(2)).await.unwrap().unwrap();
    assert_eq!(empty.entitlement.line_items, []);
    assert_eq!(world.store.entitlement(entitlement_id(3)).await.unwrap(), None);
    let mut turn = world.begin(1).await;
    assert_eq!(turn.entitlement(entitlement_id(1)).await.unwrap(), Some(made));
    let items = ["b", "a", "ü c"].map(|id| (entitlement_id(1), item(id)));
    assert_eq!(turn.line_items().await.unwrap(), items);
}

/// When it was made stays.
pub async fn saved_line_items_replace_the_old_ones(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.entitle(&entitlement(1, 1, &["a", "b"])).await;
    let mut changed = entitlement(1, 1, &["b", "c"]);
    changed.revision = 2;
    changed.line_items[0].content = vec![0, 159, 146, 150];
    world.entitle(&Entitlement { created_at: at(99), ..changed.clone() }).await;
    let row = world.store.entitlement(entitlement_id(1)).await.unwrap().unwrap();
    assert_eq!(row.entitlement, changed);
}

/// The second is refused whole.
pub async fn a_line_item_id_is_taken_once_for_a_server(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.entitle(&entitlement(1, 1, &["a"])).await;
    let mut turn = world.begin(1).await;
    let error = turn.save_entitlement(&entitlement(2, 1, &["x", "a"])).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    drop(turn);
    assert_eq!(world.store.entitlements(None, &all()).await.unwrap().total, 1);
}

/// What one server has, another may have too.
pub async fn servers_do_not_share_line_item_ids(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.add(&server(2, "c", "two")).await;
    world.entitle(&entitlement(1, 1, &["a"])).await;
    world.entitle(&entitlement(2, 2, &["a"])).await;
    let items = world.begin(2).await.line_items().await.unwrap();
    assert_eq!(items, [(entitlement_id(2), item("a"))]);
}

/// Their ids are free again.
pub async fn a_removed_entitlement_goes_with_its_line_items(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.entitle(&entitlement(1, 1, &["a"])).await;
    let mut turn = world.begin(1).await;
    assert!(turn.remove_entitlement(entitlement_id(1)).await.unwrap());
    assert!(!turn.remove_entitlement(entitlement_id(1)).await.unwrap());
    assert_eq!(turn.line_items().await.unwrap(), []);
    turn.commit().await.unwrap();
    assert_eq!(world.store.entitlement(entitlement_id(1)).await.unwrap(), None);
    world.entitle(&entitlement(2, 1, &["a"])).await;
}

/// What is another server's is not found, and not removed.
pub async fn a_turn_sees_its_own_server_alone(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.add(&server(2, "c", "two")).await;
    world.entitle(&entitlement(1, 1, &["a"])).await;
    let mut turn = world.begin(2).await;
    assert_eq!(turn.entitlement(entitlement_id(1)).await.unwrap(), None);
    assert!(!turn.remove_entitlement(entitlement_id(1)).await.unwrap());
    assert_eq!(turn.line_items().await.unwrap(), []);
    turn.commit().await.unwrap();
    assert!(world.store.entitlement(entitlement_id(1)).await.unwrap().is_some());
}

/// A page counts entitlements, however many line items they have.
pub async fn entitlements_are_listed_by_id_and_server(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert!(world.store.create_customer(&customer("d"), &record("made")).await.unwrap());
    world.add(&server(2, "d", "two")).await;
    for (number, server, items) in [(3, 1, &["a", "b"][..]), (1, 2, &[]), (2, 2, &["a", "b", "c"])] {
        world.entitle(&entitlement(number, server, items)).await;
    }
    let list = async |of, page: PageQuery| {
        let page = world.store.entitlements(of, &page).await.unwrap();
        let rows = page
            .rows
            .into_iter()
            .map(|row| (row.entitlement.id.0.as_u128(), row.entitlement.line_items.len()));
        (rows.collect::<Vec<_>>(), page.total, page.next)
    };
    let (first, total, next) = list(None, PageQuery { limit: 2, ..all() }).await;
    assert_eq!((first, total), (vec![(1, 0), (2, 3)], 3));
    assert_eq!(list(None, PageQuery { after: next, ..all() }).await, (vec![(3, 2)], 3, None));
    assert_eq!(list(Some(server_id(2)), all()).await, (vec![(1, 0), (2, 3)], 2, None));
    assert_eq!(list(Some(server_id(9)), all()).await, (vec![], 0, None));
    assert_eq!(list(None, search(&entitlement_id(3).to_string())).await, (vec![(3, 2)], 1, None));
    assert_eq!(list(None, search("D")).await.1, 2);
}
