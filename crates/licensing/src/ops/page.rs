//! Pages: what a list request may ask for, and how an answer says where it stands.

use leasehold_domain::Rejection;
use leasehold_proto::types::v1 as types;
use leasehold_store::licensing::{Page, PageQuery};

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 500;

/// The lists, each with tokens of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Features,
    Devices,
    Grants,
    Groups,
    Activity,
}

impl List {
    fn mark(self) -> &'static str {
        match self {
            Self::Features => "f",
            Self::Devices => "d",
            Self::Grants => "g",
            Self::Groups => "r",
            Self::Activity => "a",
        }
    }

    /// The token that asks for the page after this sort key.
    fn token(self, key: &str) -> String {
        key.bytes().fold(self.mark().to_owned(), |token, byte| format!("{token}{byte:02x}"))
    }

    /// The sort key of a token of this list; `None` where it is none.
    fn key(self, token: &str) -> Option<String> {
        let digits = token.strip_prefix(self.mark())?;
        if digits.is_empty() || digits.len() % 2 != 0 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok());
        String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
    }
}

/// Reads the `page` field of a list request; absent means the first page.
pub(crate) fn query(list: List, page: Option<types::PageRequest>) -> Result<PageQuery, Rejection> {
    let page = page.unwrap_or_default();
    let field = |field: &str, problem: &str| Rejection::Field {
        field: field.to_owned(),
        problem: problem.to_owned(),
    };
    let limit = match u32::try_from(page.page_size) {
        Ok(0) => DEFAULT_SIZE,
        Ok(size) if size <= MAX_SIZE => size,
        _ => return Err(field("page.page_size", "give 1 to 500, or 0 for 50")),
    };
    let skip = u32::try_from(page.skip).map_err(|_| field("page.skip", "give 0 or more"))?;
    if skip > 0 && !page.page_token.is_empty() {
        return Err(field("page.skip", "give either `skip` or `page_token`, not both"));
    }
    if page.search.len() > 255 {
        return Err(field("page.search", "give at most 255 bytes"));
    }
    let after = match page.page_token.as_str() {
        "" => None,
        token => {
            let problem = "is not a token of this list; give the `next_page_token` of the page before";
            Some(list.key(token).ok_or_else(|| field("page.page_token", problem))?)
        }
    };
    Ok(PageQuery { limit, after, skip, search: page.search })
}

/// Says where a page stands.
pub(crate) fn info<T>(list: List, page: &Page<T>) -> types::PageInfo {
    types::PageInfo {
        next_page_token: page.next.as_deref().map(|key| list.token(key)).unwrap_or_default(),
        total: i64::try_from(page.total).unwrap_or(i64::MAX),
    }
}

/// Cuts a page out of rows that are all at hand, in the order of their keys.
pub(crate) fn cut<T>(rows: Vec<T>, query: &PageQuery, key: impl Fn(&T) -> String) -> Page<T> {
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

    #[test]
    fn pages_follow_one_another_without_gap_or_repetition() {
        let rows: Vec<String> = (0..7).map(|n| format!("row {n}")).collect();
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let query = PageQuery { limit: 3, after, skip: 0, search: String::new() };
            let page = cut(rows.clone(), &query, Clone::clone);
            assert_eq!(page.total, 7);
            seen.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, rows);
    }

    #[test]
    fn a_token_brings_its_key_back() {
        let key = "3D Rendering\u{0}0000000001";
        assert_eq!(List::Features.key(&List::Features.token(key)).as_deref(), Some(key));
    }

    #[test]
    fn sizes_out_of_range_are_refused_by_field() {
        for (page_size, skip, token, field) in [
            (501, 0, "", "page.page_size"),
            (-1, 0, "", "page.page_size"),
            (0, -1, "", "page.skip"),
            (0, 1, "f61", "page.skip"),
            (0, 0, "garbage", "page.page_token"),
            (0, 0, "d61", "page.page_token"),
        ] {
            let page =
                types::PageRequest { page_size, skip, page_token: token.into(), search: String::new() };
            let Err(Rejection::Field { field: named, .. }) = query(List::Features, Some(page)) else {
                panic!("{field} was taken")
            };
            assert_eq!(named, field);
        }
    }
}
