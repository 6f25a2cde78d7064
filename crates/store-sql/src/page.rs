//! Lists by page: what to search for, where to go on, and whether more follow.

use leasehold_store::StoreError;
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Statement;
use crate::database::{Database, within};

/// What ends a text in a key of two. No text has it: it is a control character.
const SEPARATOR: char = '\u{1f}';

/// The condition that keeps rows of which one of the columns contains what `$1` has as a pattern.
macro_rules! found {
    ($first:literal $(, $more:literal)*) => {
        concat!("(lower(", $first, ") LIKE $1 ESCAPE '!'", $(" OR lower(", $more, ") LIKE $1 ESCAPE '!'",)* ")")
    };
}
pub(crate) use found;

/// The pattern of what a page is searched for, which is matched against lower case.
pub(crate) fn pattern(page: &PageQuery) -> String {
    let mut pattern = "%".to_owned();
    for char in storable(&page.search).chars() {
        if matches!(char, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(char.to_ascii_lowercase());
    }
    pattern + "%"
}

/// The key that the page follows; before the first, one that is before all.
pub(crate) fn after(page: &PageQuery) -> String {
    storable(page.after.as_deref().unwrap_or_default())
}

/// The same for a key of two texts.
pub(crate) fn after_both(page: &PageQuery) -> (String, String) {
    let key = after(page);
    let (first, second) = key.split_once(SEPARATOR).unwrap_or((&key, ""));
    (first.to_owned(), second.to_owned())
}

/// A key of two texts.
pub(crate) fn both(first: &str, second: &str) -> String {
    format!("{first}{SEPARATOR}{second}")
}

/// One row more than the page has, to see whether more follow.
pub(crate) fn limit(page: &PageQuery) -> i64 {
    i64::from(page.limit) + 1
}

/// Runs a page's statement and the one that counts the whole list.
pub(crate) async fn read<T>(
    database: &Database,
    page: &PageQuery,
    (rows, total): (Statement, Statement),
    read: impl Fn(&AnyRow) -> Result<T, sqlx::Error>,
    key: impl Fn(&T) -> String,
) -> Result<Page<T>, StoreError> {
    let rows = within(async {
        let rows = rows.fetch_all(database.pool()).await?;
        rows.iter().map(read).collect::<Result<Vec<T>, _>>()
    });
    let rows = rows.await?;
    Ok(cut(rows, page, count(database, total).await?, key))
}

/// What a statement counts.
pub(crate) async fn count(database: &Database, total: Statement) -> Result<u64, StoreError> {
    let counted: i64 = within(async { total.fetch_one(database.pool()).await?.try_get::<i64, _>(0) }).await?;
    Ok(counted.unsigned_abs())
}

/// The page of rows that may be one too many.
pub(crate) fn cut<T>(mut rows: Vec<T>, page: &PageQuery, total: u64, key: impl Fn(&T) -> String) -> Page<T> {
    let more = rows.len() > page.limit as usize;
    rows.truncate(page.limit as usize);
    let next = if more { rows.last().map(key) } else { None };
    Page { rows, next, total }
}

/// A text from a caller without the one character that a database does not take; no row has it.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
