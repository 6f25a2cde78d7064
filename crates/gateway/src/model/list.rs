//! Which part of a list is wanted, and a part of one.

use data_encoding::BASE64URL_NOPAD;
use leasehold_proto::types::v1::{PageInfo, PageRequest};
use leasehold_runtime::http::Problem;
use leasehold_store::licensing::{Page, PageQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::guard::invalid;

/// Rows of a page where nobody says how many.
const USUAL: u32 = 50;
/// Most rows of a page.
const MOST: u32 = 500;
/// Most rows that are passed over.
const DEEPEST: u32 = 1_000_000;
/// Longest search in bytes.
const LONGEST_SEARCH: usize = 255;
/// Longest token in bytes.
const LONGEST_TOKEN: usize = 1_024;

/// Which part of a list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct List {
    /// Rows of the answer: 1 to 500. Left out: 50.
    #[param(minimum = 0, maximum = 500, example = 50)]
    pub(crate) page_size: u32,
    /// The `next_page_token` of the page before. Excludes `skip`.
    #[param(max_length = 1024)]
    pub(crate) page_token: String,
    /// Rows to pass over, for numbered pages. Excludes `page_token`.
    #[param(minimum = 0, maximum = 1_000_000)]
    pub(crate) skip: u32,
    /// Keeps rows that contain this text, without regard to case.
    #[param(max_length = 255)]
    pub(crate) search: String,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// Rows of the whole list, after the search.
    pub(crate) total: u64,
    /// Asks for the next part; left out with the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_page_token: Option<String>,
}

impl List {
    /// Refuses what no list has.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        if self.page_size > MOST {
            return Err(invalid("page_size", format!("give 1 to {MOST}")));
        }
        if self.skip > DEEPEST {
            return Err(invalid("skip", format!("give at most {DEEPEST}; go on by page_token, or search")));
        }
        if self.skip > 0 && !self.page_token.is_empty() {
            return Err(invalid("skip", "give either this or page_token".to_owned()));
        }
        let texts =
            [("search", &self.search, LONGEST_SEARCH), ("page_token", &self.page_token, LONGEST_TOKEN)];
        for (name, text, most) in texts {
            if text.len() > most {
                return Err(invalid(name, format!("give at most {most} bytes")));
            }
        }
        Ok(())
    }

    /// The same for a service.
    pub(crate) fn request(&self) -> PageRequest {
        PageRequest {
            page_size: i32::try_from(self.page_size).unwrap_or(i32::MAX),
            page_token: self.page_token.clone(),
            skip: i32::try_from(self.skip).unwrap_or(i32::MAX),
            search: self.search.clone(),
        }
    }

    /// The same for the gateway's own store.
    pub(crate) fn query(&self) -> Result<PageQuery, Problem> {
        let after = (!self.page_token.is_empty()).then(|| self.key()).transpose()?;
        let limit = if self.page_size == 0 { USUAL } else { self.page_size };
        Ok(PageQuery { limit, after, skip: self.skip, search: self.search.clone() })
    }

    /// The key that a token of the gateway's own lists stands for.
    fn key(&self) -> Result<String, Problem> {
        let bytes = BASE64URL_NOPAD.decode(self.page_token.as_bytes()).ok();
        bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
            let problem = "is not a token of this list; give the `next_page_token` of the page before";
            invalid("page_token", problem.to_owned())
        })
    }

    /// The whole list from here on, in the largest parts that there are.
    pub(crate) fn largest(&self) -> Self {
        Self { page_size: MOST, ..self.clone() }
    }
}

impl<T> Listing<T> {
    /// What a service answered.
    pub(crate) fn answered<M>(rows: Vec<M>, page: Option<PageInfo>, convert: impl Fn(M) -> T) -> Self {
        let page = page.unwrap_or_default();
        Self {
            items: rows.into_iter().map(convert).collect(),
            total: page.total.try_into().unwrap_or_default(),
            next_page_token: (!page.next_page_token.is_empty()).then_some(page.next_page_token),
        }
    }

    /// A part of a list of the gateway's own.
    pub(crate) fn of<M>(page: Page<M>, convert: impl Fn(M) -> T) -> Self {
        Self {
            items: page.rows.into_iter().map(convert).collect(),
            total: page.total,
            next_page_token: page.next.map(|key| BASE64URL_NOPAD.encode(key.as_bytes())),
        }
    }
}
