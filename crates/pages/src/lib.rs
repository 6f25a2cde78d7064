//! Pages: what a list request may ask for, and how an answer says where it stands.
//!
//! Responsible for reading the `page` field of requests, for the tokens that lead from page to page, and for pages of
//! rows that are all at hand. Not responsible for which lists there are, nor for how a store finds its rows.

mod token;

use leasehold_domain::Rejection;
use leasehold_proto::types::v1 as types;
use leasehold_store::licensing::{Page, PageQuery};

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 500;
/// In bytes.
const MAX_SEARCH: usize = 255;

/// The lists of a service, each with tokens of its own.
pub trait List: Copy {
    /// How the tokens of this list begin: short, and no two lists of a service alike.
    fn mark(self) -> &'static str;
}

/// Reads the `page` field of a list request; absent means the first page.
///
/// # Errors
///
/// The field that is out of range, and what it may be.
pub fn query(list: impl List, page: Option<types::PageRequest>) -> Result<PageQuery, Rejection> {
    let page = page.unwrap_or_default();
    let limit = match u32::try_from(page.page_size) {
        Ok(0) => DEFAULT_SIZE,
        Ok(size) if size <= MAX_SIZE => size,
        _ => return Err(field("page_size", "give 1 to 500, or 0 for 50")),
    };
    let skip = u32::try_from(page.skip).map_err(|_| field("skip", "give 0 or more"))?;
    if skip > 0 && !page.page_token.is_empty() {
        return Err(field("skip", "give either `skip` or `page_token`, not both"));
    }
    // Databases take no text with a zero byte.
    if page.search.len() > MAX_SEARCH || page.search.contains('\0') {
        return Err(field("search", "give at most 255 bytes, none of them zero"));
    }
    let after = match page.page_token.as_str() {
        "" => None,
        token => {
            let problem = "is not a token of this list; give the `next_page_token` of the page before";
            Some(token::key(list.mark(), token).ok_or_else(|| field("page_token", problem))?)
        }
    };
    Ok(PageQuery { limit, after, skip, search: page.search })
}

fn field(name: &str, problem: &str) -> Rejection {
    Rejection::Field { field: format!("page.{name}"), problem: problem.to_owned() }
}

/// Says where a page stands.
pub fn info<T>(list: impl List, page: &Page<T>) -> types::PageInfo {
    types::PageInfo {
        next_page_token: page.next.as_deref().map(|key| token::of(list.mark(), key)).unwrap_or_default(),
        total: i64::try_from(page.total).unwrap_or(i64::MAX),
    }
}

/// Cuts a page out of rows that are all at hand, in the order of their keys.
pub fn cut<T>(rows: Vec<T>, query: &PageQuery, key: impl Fn(&T) -> String) -> Page<T> {
    let total = rows.len() as u64;
    let start = match &query.after {
        Some(after) => rows.partition_point(|row| key(row) <= *after),
        None => query.skip as usize,
    };
    let more = rows.len() > start.saturating_add(query.limit as usize);
    let rows: Vec<T> = rows.into_iter().skip(start).take(query.limit as usize).collect();
    let next = if more { rows.last().map(key) } else { None };
    Page { rows, next, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Letter(&'static str);

    impl List for Letter {
        fn mark(self) -> &'static str {
            self.0
        }
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let rows: Vec<String> = (0..7).map(|n| format!("row {n}")).collect();
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let asked =
                types::PageRequest { page_size: 3, page_token: token, ..types::PageRequest::default() };
            let page = cut(rows.clone(), &query(Letter("p"), Some(asked)).unwrap(), Clone::clone);
            let info = info(Letter("p"), &page);
            assert_eq!(info.total, 7);
            seen.extend(page.rows);
            token = info.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn rows_are_passed_over_only_where_no_row_comes_before() {
        let rows: Vec<String> = (0..7).map(|n| format!("row {n}")).collect();
        let skipping = types::PageRequest { skip: 5, ..types::PageRequest::default() };
        let page = cut(rows.clone(), &query(Letter("p"), Some(skipping)).unwrap(), Clone::clone);
        assert_eq!((page.rows.as_slice(), page.next, page.total), (&rows[5..], None, 7));
        assert_eq!(query(Letter("p"), None).unwrap().limit, DEFAULT_SIZE);
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_field() {
        let long = "x".repeat(256);
        for (page_size, skip, token, search, field) in [
            (501, 0, "", "", "page.page_size"),
            (-1, 0, "", "", "page.page_size"),
            (0, -1, "", "", "page.skip"),
            (0, 1, "p61", "", "page.skip"),
            (0, 0, "garbage", "", "page.page_token"),
            (0, 0, "p6", "", "page.page_token"),
            (0, 0, "k61", "", "page.page_token"),
            (0, 0, "", "a\0b", "page.search"),
            (0, 0, "", long.as_str(), "page.search"),
        ] {
            let page =
                types::PageRequest { page_size, skip, page_token: token.into(), search: search.into() };
            let Err(Rejection::Field { field: named, .. }) = query(Letter("p"), Some(page)) else {
                panic!("{field} was taken")
            };
            assert_eq!(named, field);
        }
    }
}
