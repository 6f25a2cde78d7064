//! Pages: what a list request may ask for, and how an answer says where it stands.

use leasehold_domain::text;
use leasehold_proto::types::v1 as types;
use leasehold_store::licensing::{Page, PageQuery};

use crate::Error;

const DEFAULT_SIZE: u32 = 50;
const MAX_SIZE: u32 = 500;
const MAX_SEARCH: usize = 255;

/// The lists, each with tokens of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum List {
    Products,
    Customers,
    LicenseServers,
    Entitlements,
    Audit,
}

impl List {
    fn mark(self) -> &'static str {
        match self {
            Self::Products => "p",
            Self::Customers => "k",
            Self::LicenseServers => "s",
            Self::Entitlements => "e",
            Self::Audit => "a",
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
pub(crate) fn query(list: List, page: Option<types::PageRequest>) -> Result<PageQuery, Error> {
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
    text::check_optional(&page.search, MAX_SEARCH).map_err(|error| Error::field("page.search", error))?;
    let after = match page.page_token.as_str() {
        "" => None,
        token => {
            let problem = "is not a token of this list; give the `next_page_token` of the page before";
            Some(list.key(token).ok_or_else(|| Error::field("page.page_token", problem))?)
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

#[cfg(test)]
mod tests {
    use leasehold_domain::Rejection;

    use super::*;

    #[test]
    fn a_token_brings_its_key_back_to_its_list_alone() {
        let key = "Größe & Co\u{1f}first";
        let token = List::LicenseServers.token(key);
        assert_eq!(List::LicenseServers.key(&token).as_deref(), Some(key));
        assert_eq!(List::Products.key(&token), None);
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_field() {
        for (page_size, skip, token, search, field) in [
            (501, 0, "", "", "page.page_size"),
            (-1, 0, "", "", "page.page_size"),
            (0, -1, "", "", "page.skip"),
            (0, 1, "p61", "", "page.skip"),
            (0, 0, "garbage", "", "page.page_token"),
            (0, 0, "p6", "", "page.page_token"),
            (0, 0, "k61", "", "page.page_token"),
            (0, 0, "", "a\0b", "page.search"),
        ] {
            let page =
                types::PageRequest { page_size, skip, page_token: token.into(), search: search.into() };
            let Err(Error::Rejected(Rejection::Field { field: named, .. })) =
                query(List::Products, Some(page))
            else {
                panic!("{field} was taken")
            };
            assert_eq!(named, field);
        }
    }
}
