//! Whole lists, for orders that services do not have: rows are fetched, sorted and cut into pages here.
//!
//! An order by name is the services' own, and needs none of this.

use std::cmp::Ordering;
use std::future::Future;

use leasehold_runtime::http::Problem;

use super::parts::Listing as Shown;
use crate::model::{List, Listing};

/// Most rows that are sorted; what is longer is searched first.
const MOST: usize = 10_000;

/// One page of a list.
pub(crate) struct Page<T> {
    /// The rows.
    pub(crate) rows: Vec<T>,
    /// The state of the list, with its total.
    pub(crate) listing: Shown,
    /// Only the first rows were sorted: there are too many.
    pub(crate) cut: bool,
}

/// Every row up to a limit, and how many there are.
pub(crate) async fn everything<T, F, R>(search: &str, mut fetch: F) -> Result<Listing<T>, Problem>
where
    F: FnMut(List) -> R,
    R: Future<Output = Result<Listing<T>, Problem>>,
{
    let mut list = List { search: search.to_owned(), ..List::default() }.largest();
    let mut all = fetch(list.clone()).await?;
    while all.items.len() < MOST
        && let Some(token) = all.next_page_token.take()
    {
        list.page_token = token;
        let more = fetch(list.clone()).await?;
        all.items.extend(more.items);
        all.next_page_token = more.next_page_token;
    }
    Ok(all)
}

/// The page that somebody wants: straight from the service where the order is its own, else from everything.
pub(crate) async fn page<T, F, R, C>(
    listing: Shown,
    own: &str,
    mut fetch: F,
    compare: C,
) -> Result<Page<T>, Problem>
where
    F: FnMut(List) -> R,
    R: Future<Output = Result<Listing<T>, Problem>>,
    C: Fn(&str, &T, &T) -> Ordering,
{
    if listing.sort() == own && !listing.descending() {
        let found = fetch(listing.wanted()).await?;
        return Ok(Page { rows: found.items, listing: listing.with_total(found.total), cut: false });
    }
    let found = everything(listing.search(), fetch).await?;
    let mut rows = found.items;
    let cut = u64::try_from(rows.len()).is_ok_and(|sorted| sorted < found.total);
    // Stable, so that what is alike stays in the service's order.
    rows.sort_by(|one, other| {
        let order = compare(listing.sort(), one, other);
        if listing.descending() { order.reverse() } else { order }
    });
    let (skip, size) = (listing.skip() as usize, listing.size() as usize);
    let rows = rows.into_iter().skip(skip).take(size).collect();
    Ok(Page { rows, listing: listing.with_total(found.total), cut })
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use super::super::parts::ListState;
    use super::*;

    /// A service with the numbers from 0, of which it gives at most 500 at a time.
    fn numbers(count: u64, list: &List) -> Ready<Result<Listing<u64>, Problem>> {
        let from =
            if list.page_token.is_empty() { u64::from(list.skip) } else { list.page_token.parse().unwrap() };
        let to = (from + u64::from(list.page_size)).min(count);
        let next_page_token = (to < count).then(|| to.to_string());
        ready(Ok(Listing { items: (from..to).collect(), total: count, next_page_token }))
    }

    fn wanted(sort: &str, page: &str) -> Shown {
        let state =
            ListState { sort: sort.into(), page: page.into(), size: "3".into(), ..ListState::default() };
        Shown::new("/numbers", &state, &["own", "odd"])
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "rows are compared by reference")]
    fn odd_first(column: &str, one: &u64, other: &u64) -> Ordering {
        assert_eq!(column, "odd");
        one.is_multiple_of(2).cmp(&other.is_multiple_of(2))
    }

    #[tokio::test]
    async fn the_services_own_order_is_paged_by_the_service() {
        let page = page(wanted("own", "2"), "own", |list| numbers(20_000, &list), odd_first).await.unwrap();
        assert_eq!((page.rows, page.listing.total(), page.cut), (vec![3, 4, 5], 20_000, false));
    }

    #[tokio::test]
    async fn other_orders_are_made_of_everything() {
        let page = page(wanted("odd", "1"), "own", |list| numbers(1_001, &list), odd_first).await.unwrap();
        assert_eq!((page.rows, page.cut), (vec![1, 3, 5], false));
        let last =
            super::page(wanted("-odd", "1"), "own", |list| numbers(1_001, &list), odd_first).await.unwrap();
        assert_eq!(last.rows, [0, 2, 4]);
    }

    #[tokio::test]
    async fn what_is_too_long_is_sorted_as_far_as_it_was_read_and_says_so() {
        let page = page(wanted("odd", "1"), "own", |list| numbers(10_600, &list), odd_first).await.unwrap();
        assert!(page.cut);
        assert_eq!(page.listing.total(), 10_600);
    }
}
