//! Clients, and what they follow.

use leasehold_domain::updates::UpdateState;

use super::Factory;
use super::sample::{World, all, assigned, at, check_in, event, id, installed, instance};
use crate::licensing::PageQuery;
use crate::updates::{CheckIn, Client, Holding, Installed};

/// Every field comes back; the first time stays, and products are sorted.
pub async fn a_client_comes_back_as_it_checked_in(factory: &dyn Factory) {
    let world = World::new(factory).await;
    assert_eq!(world.client(id(1)).await, None);
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    let cad = Installed {
        version: "7.1".to_owned(),
        sha256: Some([3; 32]),
        assigned: Some(assigned("8")),
        ..installed("cad")
    };
    let again = CheckIn {
        alias: String::new(),
        time_zone: String::new(),
        free_bytes: 0,
        products: vec![installed("scan"), cad.clone()],
        ..check_in(1, &[], at(60))
    };
    world.check_in(&again).await;
    let expected = Client {
        id: id(1),
        hostid: again.hostid.clone(),
        alias: String::new(),
        client_version: "0.1.0".to_owned(),
        time_zone: String::new(),
        free_bytes: 0,
        first_seen_at: at(0),
        seen_at: at(60),
        last_event: 0,
        products: vec![cad, installed("scan")],
    };
    assert_eq!(world.client(id(1)).await, Some(expected));
}

/// A product that is not in the last check-in is gone.
pub async fn what_is_not_followed_any_more_is_forgotten(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.check_in(&check_in(1, &["cad", "scan"], at(0))).await;
    world.check_in(&check_in(2, &["cad"], at(0))).await;
    world.check_in(&check_in(1, &["scan"], at(1))).await;
    assert_eq!(world.client(id(1)).await.unwrap().products, [installed("scan")]);
    assert_eq!(world.client(id(2)).await.unwrap().products, [installed("cad")]);
}

/// It stays when the client has what it was assigned, and goes with the next assignment.
pub async fn a_reported_state_stays_until_there_is_another_assignment(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let mut one = check_in(1, &["scan"], at(0));
    one.products[0].assigned = Some(assigned("1"));
    world.check_in(&one).await;
    world.report(id(1), &[event(1, UpdateState::Installed)], at(2)).await;
    let state = async || {
        let client = world.client(id(1)).await.unwrap();
        (client.products[0].state, client.products[0].message.clone())
    };
    let reported = (Some((UpdateState::Installed, at(2))), "event 1".to_owned());
    assert_eq!(state().await, reported);
    for assigned_now in [Some(assigned("1")), None] {
        one.at = at(one.at.duration_since(at(0)).as_secs() + 10);
        one.products[0].assigned = assigned_now;
        world.check_in(&one).await;
        assert_eq!(state().await, reported);
    }
    one.at = at(99);
    one.products[0].assigned = Some(assigned("2"));
    world.check_in(&one).await;
    assert_eq!(state().await, (None, String::new()));
}

/// By hostid, page by page.
pub async fn clients_are_listed_by_device(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for number in [3, 1, 7, 5, 2, 6, 4] {
        world.check_in(&check_in(number, &["scan"], at(0))).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = PageQuery { limit: 3, after, ..all() };
        let page = world.store.clients(world.instance, None, &page).await.unwrap();
        assert_eq!(page.total, 7);
        assert!(page.rows.iter().all(|client| client.products == [installed("scan")]));
        seen.extend(page.rows.iter().map(|client| client.id.as_u128()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(world.listed(None, &PageQuery { limit: 2, skip: 5, ..all() }).await, [6, 7]);
    let odd = PageQuery { after: Some("\u{1f}\u{1f}x".to_owned()), ..all() };
    world.listed(None, &odd).await;
}

/// The search takes no wildcards.
pub async fn clients_are_found_by_product_and_search(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    world.check_in(&check_in(2, &["cad", "scan"], at(0))).await;
    world.check_in(&CheckIn { alias: "100% o'Hare".to_owned(), ..check_in(3, &["cad"], at(0)) }).await;
    for (product, search, found) in [
        (None, "", vec![1, 2, 3]),
        (Some("scan"), "", vec![1, 2]),
        (Some("cad"), "", vec![2, 3]),
        (Some("sc"), "", vec![]),
        (Some("cad' OR '1'='1"), "", vec![]),
        (None, "HOST-02", vec![2]),
        (None, "kim", vec![1, 2]),
        (Some("cad"), "kim", vec![2]),
        (None, "%", vec![3]),
        (None, "O'H", vec![3]),
        (None, "000000000003", vec![3]),
    ] {
        let page = PageQuery { search: search.to_owned(), ..all() };
        assert_eq!(world.listed(product, &page).await, found, "{product:?} {search}");
        let total = world.store.clients(world.instance, product, &page).await.unwrap().total;
        assert_eq!(total, found.len() as u64);
    }
}

/// By product and hash.
pub async fn holdings_are_counted(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for (number, hash) in [(1, Some([1; 32])), (2, Some([1; 32])), (3, Some([2; 32])), (4, None)] {
        let mut one = check_in(number, &["scan"], at(0));
        one.products[0].sha256 = hash;
        world.check_in(&one).await;
    }
    let mut held = world.store.holdings(world.instance).await.unwrap();
    held.sort_by_key(|holding| holding.sha256);
    let holding = |sha256, clients| Holding { product: "scan".to_owned(), sha256, clients };
    assert_eq!(held, [holding(None, 1), holding(Some([1; 32]), 2), holding(Some([2; 32]), 1)]);
}

/// The same id in two instances is two clients.
pub async fn clients_belong_to_instances(factory: &dyn Factory) {
    let world = World::new(factory).await;
    world.check_in(&check_in(1, &["scan"], at(0))).await;
    let other = World { store: world.store.clone(), instance: instance(2) };
    assert_eq!(other.client(id(1)).await, None);
    other.check_in(&check_in(1, &["cad"], at(9))).await;
    assert_eq!(world.client(id(1)).await.unwrap().products, [installed("scan")]);
    assert!(other.store.holdings(instance(3)).await.unwrap().is_empty());
}
