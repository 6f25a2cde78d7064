//! Lists: what is searched, how it is sorted and which page is shown, all kept in the address.

use askama::Template;
use askama::filters::HtmlSafe;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::number::{grouped, one_or_many};
use crate::model::List;

/// Rows on a page where the address does not say.
const ROWS: u32 = 50;
/// The most rows on a page.
const MOST_ROWS: u32 = 500;
/// The most letters of a search.
const LONGEST_SEARCH: usize = 250;
/// The most rows that services pass over.
const DEEPEST: u32 = 1_000_000;
/// What stays as it is in a part of an address.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as one part of a path or one value of a query.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

/// The state of a list as it stands in an address, not yet checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct ListState {
    /// Part of a name, id or alias.
    pub(crate) search: String,
    /// A column; with a minus before it, from the greatest down.
    pub(crate) sort: String,
    /// Counted from 1.
    pub(crate) page: String,
    /// Rows on a page.
    pub(crate) size: String,
}

/// One list on one page: what the address asks for, checked, and how many rows there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listing {
    path: String,
    search: String,
    sort: String,
    descending: bool,
    page: u32,
    size: u32,
    total: i64,
}

impl Listing {
    /// Reads the state of a list. What does not make sense in an address becomes its default: an address is typed and
    /// cut by hand, and a list is a better answer than an error.
    ///
    /// `columns` are those that can be sorted by; the first is the default.
    pub(crate) fn new(path: impl Into<String>, state: &ListState, columns: &[&str]) -> Self {
        let (name, descending) = match state.sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (state.sort.as_str(), false),
        };
        let known = columns.contains(&name);
        let default = columns.first().copied().unwrap_or_default();
        Self {
            path: path.into(),
            search: state.search.trim().to_owned(),
            sort: if known { name } else { default }.to_owned(),
            descending: known && descending,
            page: state.page.parse().unwrap_or(1).clamp(1, DEEPEST / MOST_ROWS),
            size: state.size.parse().unwrap_or(ROWS).clamp(1, MOST_ROWS),
            total: 0,
        }
    }

    /// The rows of this page, as services are asked for them.
    pub(crate) fn wanted(&self) -> List {
        // What is longer than any name finds nothing in any case.
        let search = self.search.chars().take(LONGEST_SEARCH).collect();
        List { page_size: self.size, skip: self.skip(), search, page_token: String::new() }
    }

    /// The same with the number of rows in the whole list.
    pub(crate) fn with_total(mut self, total: u64) -> Self {
        self.total = i64::try_from(total).unwrap_or(i64::MAX);
        self
    }

    /// Part of a name; empty is everything.
    pub(crate) fn search(&self) -> &str {
        &self.search
    }

    /// The column that is sorted by.
    pub(crate) fn sort(&self) -> &str {
        &self.sort
    }

    /// Sorted from the greatest down.
    pub(crate) fn descending(&self) -> bool {
        self.descending
    }

    /// Rows on a page.
    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// Rows to pass over.
    pub(crate) fn skip(&self) -> u32 {
        (self.page - 1).saturating_mul(self.size)
    }

    /// Rows in the whole list.
    pub(crate) fn total(&self) -> i64 {
        self.total
    }

    /// The sort for a hidden field of the search form: as it stands in the address.
    pub(crate) fn sort_value(&self) -> String {
        format!("{}{}", if self.descending { "-" } else { "" }, self.sort)
    }

    /// The head of a column that can be sorted by. `numeric` columns stand to the right and begin with the greatest.
    pub(crate) fn head(&self, column: &str, label: &str, numeric: bool) -> Head {
        let current = self.sort == column;
        let descending = if current { !self.descending } else { numeric };
        let sort = format!("{}{column}", if descending { "-" } else { "" });
        let state = match (current, self.descending) {
            (false, _) => "",
            (true, false) => "ascending",
            (true, true) => "descending",
        };
        Head { href: self.address(&sort, 1), label: label.to_owned(), state, numeric }
    }

    /// The page numbers under the list. `one` and `many` name its rows.
    pub(crate) fn paging(&self, one: &str, many: &str) -> Paging {
        let size = i64::from(self.size);
        let last = u32::try_from((self.total + size - 1) / size).unwrap_or(u32::MAX).max(1);
        let mut links = Vec::new();
        let mut before = 0;
        for number in page_numbers(self.page.min(last), last) {
            if number > before + 1 {
                links.push(PageLink::Gap);
            }
            before = number;
            let href = self.address(&self.sort_value(), number);
            links.push(PageLink::Page {
                number: grouped(i64::from(number)),
                href,
                current: number == self.page,
            });
        }
        if last == 1 {
            links.clear();
        }
        let past = (self.total > 0 && i64::from(self.skip()) >= self.total)
            .then(|| Past { last: grouped(i64::from(last)), href: self.address(&self.sort_value(), last) });
        Paging { total: one_or_many(self.total, one, many), links, past }
    }

    fn address(&self, sort: &str, page: u32) -> String {
        let mut address = format!("{}?sort={}", self.path, encode(sort));
        if !self.search.is_empty() {
            address.push_str(&format!("&search={}", encode(&self.search)));
        }
        if self.size != ROWS {
            address.push_str(&format!("&size={}", self.size));
        }
        if page != 1 {
            address.push_str(&format!("&page={page}"));
        }
        address
    }
}

/// The first, the last, and those around the current one.
fn page_numbers(current: u32, last: u32) -> Vec<u32> {
    let near = current.saturating_sub(2).max(1)..=current.saturating_add(2).min(last);
    let mut numbers: Vec<u32> = std::iter::once(1).chain(near).chain(std::iter::once(last)).collect();
    numbers.dedup();
    numbers
}

/// The head of a column, as a link that sorts.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/head.html")]
pub(crate) struct Head {
    href: String,
    label: String,
    state: &'static str,
    numeric: bool,
}

impl HtmlSafe for Head {}

impl Head {
    /// The same to the left, over bars: they are numbers that begin on that side.
    pub(crate) fn leftwards(mut self) -> Self {
        self.numeric = false;
        self
    }
}

/// How many rows there are, and the pages to jump to.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/paging.html")]
pub(crate) struct Paging {
    total: String,
    links: Vec<PageLink>,
    /// Stands in place of the rows where the address asks for a page past the last one.
    pub(crate) past: Option<Past>,
}

impl HtmlSafe for Paging {}

/// Says that a list has ended before this page, and leads back.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "parts/past.html")]
pub(crate) struct Past {
    last: String,
    href: String,
}

impl HtmlSafe for Past {}

/// One place in the row of page numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageLink {
    /// A page.
    Page {
        /// As it is shown.
        number: String,
        /// Its address.
        href: String,
        /// The one that is shown.
        current: bool,
    },
    /// Pages left out.
    Gap,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(search: &str, sort: &str, page: &str) -> ListState {
        ListState { search: search.into(), sort: sort.into(), page: page.into(), size: String::new() }
    }

    #[test]
    fn what_makes_no_sense_becomes_the_default() {
        for (sort, page) in [("nonsense", "0"), ("-", "-3"), ("", "x")] {
            let listing = Listing::new("/features", &state("", sort, page), &["name", "used"]);
            assert_eq!((listing.sort(), listing.descending(), listing.skip()), ("name", false, 0));
        }
    }

    #[test]
    fn a_head_turns_the_order_round_and_keeps_the_search() {
        let listing = Listing::new("/features", &state("3D & co", "-used", "4"), &["name", "used"]);
        let used = listing.head("used", "Used", true);
        assert_eq!(used.href, "/features?sort=used&search=3D%20%26%20co");
        assert_eq!(used.state, "descending");
        assert_eq!(listing.head("name", "Feature", false).href, "/features?sort=name&search=3D%20%26%20co");
        assert!(used.to_string().contains(r#"aria-sort="descending""#));
    }

    #[test]
    fn page_numbers_show_the_ends_and_what_is_near() {
        assert_eq!(page_numbers(1, 1), [1]);
        assert_eq!(page_numbers(1, 3), [1, 2, 3]);
        assert_eq!(page_numbers(10, 20), [1, 8, 9, 10, 11, 12, 20]);
    }

    #[test]
    fn paging_tells_the_total_and_marks_the_current_page() {
        let listing = Listing::new("/devices", &state("", "", "3"), &["alias"]).with_total(1234);
        assert_eq!((listing.skip(), listing.size()), (100, 50));
        let html = listing.paging("device", "devices").to_string();
        assert!(html.contains("1,234 devices"), "{html}");
        assert!(html.contains(r#"aria-current="page">3<"#), "{html}");
        assert!(html.contains("…"), "{html}");
        let short = Listing::new("/devices", &state("", "", ""), &["alias"]).with_total(1);
        let html = short.paging("device", "devices").to_string();
        assert!(html.contains("1 device<") && !html.contains("<a"), "{html}");
    }

    #[test]
    fn a_page_past_the_end_says_so_and_leads_back() {
        let past = |page: &str, total| {
            let listing = Listing::new("/activity", &state("cad", "", page), &["at"]).with_total(total);
            listing.paging("record", "records").past.map(|past| past.to_string())
        };
        let html = past("9999", 1044).unwrap();
        assert!(html.contains("page 21") && html.contains("?sort=at&#38;search=cad&#38;page=21"), "{html}");
        let html = past("2", 50).unwrap();
        assert!(html.contains(r#"href="/activity?sort=at&#38;search=cad""#), "{html}");
        for (page, total) in [("21", 1044), ("1", 0), ("7", 0), ("", 3)] {
            assert_eq!(past(page, total), None, "{page} of {total}");
        }
    }

    #[test]
    fn addresses_carry_any_text() {
        assert_eq!(encode("00:1a/ETHERNET?"), "00%3A1a%2FETHERNET%3F");
    }
}
