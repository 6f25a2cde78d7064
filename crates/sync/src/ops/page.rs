//! Pages: what a list request may ask for, and how an answer says where it stands.

use leasehold_proto::types::v1 as types;
use leasehold_store::licensing::{Page, PageQuery};

use crate::Error;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 500;
const MAX_SEARCH: usize = 255;
/// How a token of the list of exchanges begins; what follows is its last row's number.
const MARK: &str = "x";

/// Reads the `page` field of a list request; absent means the first page.
pub(crate) fn query(page: Option<types::PageRequest>) -> Result<PageQuery, Error> {
    let page = page.unwrap_or_default();
    let limit = match u32::try_from(page.page_size) {
        Ok(0) => DEFAULT_SIZE,
        Ok(size) if size <= MAX_SIZE => size,
        _ => return Err(Error::field("page.page_size", "give 1 to 500, or 0 for 50")),
    };
    let skip = u32::try_from(page.skip).map_err(|_| Error::field("page.skip", "give 0 or more"))?;
    if skip > 0 && !page.page_token.is_empty() {
        return Err(Error::field("page.skip", "give either `skip` or `page_token`, not both"));
    }
    if page.search.len() > MAX_SEARCH || page.search.contains('\0') {
        return Err(Error::field("page.search", "give at most 255 bytes, none of them zero"));
    }
    let after = match page.page_token.as_str() {
        "" => None,
        token => {
            let number =
                token.strip_prefix(MARK).filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
            let number = number.filter(|number| number.parse::<u64>().is_ok()).ok_or_else(|| {
                let problem = "is not a token of this list; give the `next_page_token` of the page before";
                Error::field("page.page_token", problem)
            })?;
            Some(number.to_owned())
        }
    };
    Ok(PageQuery { limit, after, skip, search: page.search })
}

/// Says where a page stands.
pub(crate) fn info<T>(page: &Page<T>) -> types::PageInfo {
    types::PageInfo {
        next_page_token: page.next.as_deref().map(|key| format!("{MARK}{key}")).unwrap_or_default(),
        total: i64::try_from(page.total).unwrap_or(i64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use leasehold_domain::Rejection;

    use super::*;

    #[test]
    fn a_token_brings_its_key_back() {
        let page = Page::<()> { rows: Vec::new(), next: Some("17".to_owned()), total: 99 };
        let page_token = info(&page).next_page_token;
        let request = types::PageRequest { page_token, ..types::PageRequest::default() };
        assert_eq!(query(Some(request)).unwrap().after.as_deref(), Some("17"));
        assert_eq!(query(None).unwrap().limit, DEFAULT_SIZE);
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_field() {
        let long = "x".repeat(256);
        for (page_size, skip, token, search, field) in [
            (501, 0, "", "", "page.page_size"),
            (-1, 0, "", "", "page.page_size"),
            (0, -1, "", "", "page.skip"),
            (0, 1, "x1", "", "page.skip"),
            (0, 0, "garbage", "", "page.page_token"),
            (0, 0, "x", "", "page.page_token"),
            (0, 0, "x-1", "", "page.page_token"),
            (0, 0, "x99999999999999999999", "", "page.page_token"),
            (0, 0, "", long.as_str(), "page.search"),
            (0, 0, "", "\0", "page.search"),
        ] {
            let page =
                types::PageRequest { page_size, skip, page_token: token.into(), search: search.into() };
            let Err(Error::Rejected(Rejection::Field { field: named, .. })) = query(Some(page)) else {
                panic!("{field} was taken")
            };
            assert_eq!(named, field);
        }
    }
}
