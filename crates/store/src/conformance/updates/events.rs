//! What clients did.

use leasehold_domain::updates::UpdateState;

use super::Factory;
use super::sample::{World, all, at, check_in, event, id};
use crate::licensing::PageQuery;
use crate::updates::{Event, KeptEvent};

async fn with_client(factory: &dyn Factory) -> World {
    let world = World::new(factory).await;
    world.check_in(&check_in(1, &["cad", "scan"], at(0))).await;
    world
}

async fn kept(world: &World, page: &PageQuery) -> Vec<u64> {
    let found = world.store.events(world.instance, id(1), page).await.unwrap();
    found.rows.iter().map(|kept| kept.event.sequence).collect()
}

/// What came before is passed over, whatever it says now; a gap is none of the store's business.
pub async fn events_are_kept_in_order_and_each_once(factory: &dyn Factory) {
    let world = with_client(factory).await;
    let (accepted, installed) = (event(1, UpdateState::Accepted), event(2, UpdateState::Installed));
    assert_eq!(world.report(id(1), std::slice::from_ref(&accepted), at(10)).await, Some(1));
    let other = Event { message: "another".to_owned(), ..event(1, UpdateState::Failed) };
    assert_eq!(world.report(id(1), &[other.clone(), installed.clone()], at(11)).await, Some(2));
    assert_eq!(world.report(id(1), &[other, installed.clone()], at(12)).await, Some(2));
    assert_eq!(world.report(id(1), &[event(9, UpdateState::Deferred)], at(13)).await, Some(9));
    assert_eq!(world.report(id(1), &[event(8, UpdateState::Deferred)], at(14)).await, Some(9));
    let found = world.store.events(world.instance, id(1), &all()).await.unwrap();
    let expected = [
        KeptEvent { event: event(9, UpdateState::Deferred), received_at: at(13) },
        KeptEvent { event: installed, received_at: at(11) },
        KeptEvent { event: accepted, received_at: at(10) },
    ];
    assert_eq!(found.rows, expected);
    assert_eq!(world.client(id(1)).await.unwrap().last_event, 9);
}

/// There has to be a client.
pub async fn nobody_has_events_who_never_checked_in(factory: &dyn Factory) {
    let world = with_client(factory).await;
    assert_eq!(world.report(id(2), &[event(1, UpdateState::Accepted)], at(1)).await, None);
    assert_eq!(world.store.events(world.instance, id(2), &all()).await.unwrap().total, 0);
}

/// Each product has its own, and one that is not followed has none.
pub async fn the_last_event_of_a_product_is_its_state(factory: &dyn Factory) {
    let world = with_client(factory).await;
    let other = |sequence, product: &str| Event {
        product: product.to_owned(),
        ..event(sequence, UpdateState::Failed)
    };
    let events = [
        event(1, UpdateState::Accepted),
        other(2, "cad"),
        event(3, UpdateState::Downloading),
        other(4, "nobody's"),
    ];
    world.report(id(1), &events, at(20)).await;
    let client = world.client(id(1)).await.unwrap();
    let states: Vec<_> =
        client.products.iter().map(|it| (it.product.as_str(), it.state, it.message.as_str())).collect();
    assert_eq!(
        states,
        [
            ("cad", Some((UpdateState::Failed, at(20))), "event 2"),
            ("scan", Some((UpdateState::Downloading, at(20))), "event 3"),
        ]
    );
}

/// Numbers sort as numbers, and the search takes no wildcards.
pub async fn events_are_listed_newest_first_and_searched(factory: &dyn Factory) {
    let world = with_client(factory).await;
    let mut events: Vec<Event> = (1..=12).map(|number| event(number, UpdateState::Downloading)).collect();
    "50% of it".clone_into(&mut events[4].message);
    events[6].state = UpdateState::Failed;
    world.report(id(1), &events, at(1)).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = PageQuery { limit: 5, after, ..all() };
        let page = world.store.events(world.instance, id(1), &page).await.unwrap();
        assert_eq!(page.total, 12);
        seen.extend(page.rows.iter().map(|kept| kept.event.sequence));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=12).rev().collect::<Vec<_>>());
    for (search, found) in [("failed", vec![7]), ("%", vec![5]), ("EVENT 12", vec![12]), ("nothing", vec![])]
    {
        assert_eq!(kept(&world, &PageQuery { search: search.to_owned(), ..all() }).await, found, "{search}");
    }
    assert_eq!(kept(&world, &PageQuery { limit: 2, skip: 1, ..all() }).await, [11, 10]);
    kept(&world, &PageQuery { after: Some("never a key".to_owned()), ..all() }).await;
}

/// Nothing that was forgotten is taken again.
pub async fn old_events_are_forgotten_and_their_numbers_stay_used(factory: &dyn Factory) {
    let world = with_client(factory).await;
    world.report(id(1), &[event(1, UpdateState::Accepted)], at(10)).await;
    world.report(id(1), &[event(2, UpdateState::Installed)], at(20)).await;
    assert_eq!(world.store.forget_events(world.instance, at(20)).await.unwrap(), 1);
    assert_eq!(kept(&world, &all()).await, [2]);
    assert_eq!(world.store.forget_events(world.instance, at(21)).await.unwrap(), 1);
    assert_eq!(world.report(id(1), &[event(2, UpdateState::Installed)], at(30)).await, Some(2));
    assert!(kept(&world, &all()).await.is_empty());
}
