//! The list of exchanges.

use super::Factory;
use super::sample::{World, all, ended, exchange, failure};
use crate::licensing::PageQuery;
use crate::sync::{Exchange, ExchangeState, Failure, Way};

/// A store with exchanges 1 to `count`.
async fn with_exchanges(factory: &dyn Factory, count: u64) -> World {
    let world = World::new(factory).await;
    for number in 1..=count {
        world.put(exchange(number, Way::File)).await;
    }
    world
}

/// The newest come first, page by page, without what was sent and received; numbers sort as numbers.
pub async fn exchanges_are_listed_newest_first(factory: &dyn Factory) {
    let world = with_exchanges(factory, 12).await;
    let last = Exchange {
        state: ExchangeState::Applying,
        response: vec![1],
        changes: vec!["x".to_owned()],
        ..exchange(13, Way::Online)
    };
    world.put(last.clone()).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page =
            world.store.exchanges(world.instance, &PageQuery { limit: 5, after, ..all() }).await.unwrap();
        assert_eq!(page.total, 13);
        seen.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let numbers: Vec<u64> = seen.iter().map(|exchange| exchange.number).collect();
    assert_eq!(numbers, (1..=13).rev().collect::<Vec<_>>());
    assert_eq!(seen[0], Exchange { request: Vec::new(), response: Vec::new(), ..last });
    assert_eq!(world.listed(&PageQuery { limit: 2, skip: 3, ..all() }).await, [10, 9]);
    assert_eq!(world.listed(&PageQuery { limit: 2, skip: 13, ..all() }).await, []);
}

/// The search looks at reasons, messages and actors, whatever the case.
pub async fn exchanges_are_searched(factory: &dyn Factory) {
    let world = World::new(factory).await;
    let failed = |number, why: Failure, actor: &str| Exchange {
        failure: Some(why),
        actor: actor.to_owned(),
        ..ended(exchange(number, Way::Online), ExchangeState::Failed)
    };
    world.put(failed(1, failure("FOREIGN"), "schedule")).await;
    world
        .put(failed(2, Failure { message: "Ask Kim".to_owned(), ..failure("CLONE_SUSPECTED") }, "Kim"))
        .await;
    world.put(failed(3, failure("CLONE_SUSPECTED"), "schedule")).await;
    for (search, numbers) in [
        ("foreign", vec![1]),
        ("KIM", vec![2]),
        ("clone", vec![3, 2]),
        ("because", vec![3, 1]),
        ("SCHEDULE", vec![3, 1]),
        ("nothing", vec![]),
    ] {
        let query = PageQuery { search: search.to_owned(), ..all() };
        assert_eq!(world.listed(&query).await, numbers, "{search}");
        let one = PageQuery { limit: 1, ..query };
        let page = world.store.exchanges(world.instance, &one).await.unwrap();
        assert_eq!((page.total, page.next.is_some()), (numbers.len() as u64, numbers.len() > 1), "{search}");
    }
}

/// What would be a wildcard is itself.
pub async fn a_search_takes_no_wildcards(factory: &dyn Factory) {
    let world = World::new(factory).await;
    for (number, actor) in [(1, "100%"), (2, "a_b"), (3, "a\\b"), (4, "axb")] {
        world.put(Exchange { actor: actor.to_owned(), ..exchange(number, Way::File) }).await;
    }
    for (search, numbers) in
        [("%", vec![1]), ("_", vec![2]), ("\\", vec![3]), ("a_b", vec![2]), ("'", vec![])]
    {
        let query = PageQuery { search: search.to_owned(), ..all() };
        assert_eq!(world.listed(&query).await, numbers, "{search}");
    }
}

/// What was never a key is no error.
pub async fn an_unknown_place_to_go_on_from_is_no_error(factory: &dyn Factory) {
    let world = with_exchanges(factory, 3).await;
    for after in ["", "x", "99999999999999999999", "-1"] {
        world.listed(&PageQuery { after: Some(after.to_owned()), ..all() }).await;
    }
    assert_eq!(world.listed(&PageQuery { after: Some("2".to_owned()), ..all() }).await, [1]);
}
