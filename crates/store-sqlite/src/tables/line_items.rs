//! Line items with their cells.

use std::collections::BTreeMap;

use leasehold_domain::LineItemId;
use leasehold_domain::cell::{Cell, LineItemState, Source};
use leasehold_domain::line_item::{Kind, LineItem, Overdraft};
use leasehold_store::StoreError;
use serde::Serialize;
use sqlx::sqlite::SqliteRow;

use crate::decode::{self, Columns};
use crate::encode::{Document, Shown, SourceText, length, micros, whole};

/// The columns of a line item `i`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "i.id, i.product, i.feature, i.version, i.count, i.kind, i.reusable, i.undo_interval, \
         i.transfers_per_year, i.overdraft, i.overdraft_amount, i.starts_at, i.expires_at, \
         i.grace_after_expiry, i.borrow_interval, i.renew_interval_percent, i.lease_ttl, i.allow_virtual, \
         i.vendor_string, i.selectors, i.notice, i.source, i.advisory, \
         (SELECT json_group_array(json_array(c.source, c.allocated, c.used)) \
            FROM cells AS c \
           WHERE c.instance = i.instance AND c.line_item = i.id)"
    };
}

/// The line items of the features in `$2` and, whatever their feature is by now, those in `$3`.
pub(crate) const LOAD: &str = concat!(
    "WITH wanted (id) AS MATERIALIZED ( \
         SELECT item.id \
           FROM json_each($2) AS name \
          CROSS JOIN line_items AS item \
          WHERE item.instance = $1 AND item.feature = name.value \
          UNION \
         SELECT value FROM json_each($3)) \
     SELECT ",
    columns!(),
    " FROM wanted CROSS JOIN line_items AS i WHERE i.instance = $1 AND i.id = wanted.id"
);

/// Every line item.
pub(crate) const ALL: &str =
    concat!("SELECT ", columns!(), " FROM line_items AS i WHERE i.instance = $1 ORDER BY i.id");

/// A row on its way in; the names are those of the columns.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    product: &'a str,
    feature: &'a str,
    version: &'a str,
    count: Option<i64>,
    kind: &'static str,
    reusable: Option<bool>,
    undo_interval: Option<i64>,
    transfers_per_year: Option<u32>,
    overdraft: &'static str,
    overdraft_amount: Option<i64>,
    starts_at: Option<i64>,
    expires_at: Option<i64>,
    grace_after_expiry: i64,
    borrow_interval: Option<i64>,
    renew_interval_percent: Option<u8>,
    lease_ttl: Option<i64>,
    allow_virtual: bool,
    vendor_string: &'a str,
    selectors: &'a BTreeMap<String, String>,
    notice: &'a str,
    source: &'a str,
    advisory: bool,
}

/// Reads a line item with its cells.
pub(crate) fn read(row: &SqliteRow) -> Result<LineItemState, StoreError> {
    let columns = &mut Columns::of("line_items", row);
    let item = LineItem {
        id: columns.line_item()?,
        product: columns.text()?,
        feature: columns.feature()?,
        version: columns.parsed()?,
        count: columns.optional_number()?,
        kind: read_kind(columns)?,
        overdraft: read_overdraft(columns)?,
        starts_at: columns.optional_time()?,
        expires_at: columns.optional_time()?,
        grace_after_expiry: columns.length()?,
        borrow_interval: columns.optional_length()?,
        renew_interval_percent: columns.optional_number()?,
        lease_ttl: columns.optional_length()?,
        allow_virtual: columns.plain()?,
        vendor_string: columns.text()?,
        selectors: columns.read(serde_json::from_str)?,
        notice: columns.text()?,
        source: columns.text()?,
        advisory: columns.plain()?,
    };
    Ok(LineItemState { item, cells: columns.read(cells)? })
}

/// The documents of line items and of their cells.
pub(crate) fn write(states: &[LineItemState]) -> Result<(Document, Document), StoreError> {
    let (mut items, mut cells) = (Document::new(), Document::new());
    for state in states {
        items.row(row(&state.item)?)?;
        for (source, cell) in &state.cells {
            write_cell(&mut cells, &state.item.id, source, *cell)?;
        }
    }
    Ok((items, cells))
}

/// Adds a cell to a document.
pub(crate) fn write_cell(
    cells: &mut Document,
    line_item: &LineItemId,
    source: &Source,
    cell: Cell,
) -> Result<(), StoreError> {
    cells.row((line_item.as_str(), Shown(SourceText(source)), whole(cell.allocated)?, whole(cell.used)?))
}

fn row(item: &LineItem) -> Result<Row<'_>, StoreError> {
    let (kind, reusable, undo_interval, transfers_per_year) = match item.kind {
        Kind::Concurrent => ("CONCURRENT", None, None, None),
        Kind::Metered { reusable, undo_interval } => ("METERED", Some(reusable), Some(undo_interval), None),
        Kind::Seat { transfers_per_year } => ("SEAT", None, None, Some(transfers_per_year)),
    };
    let (overdraft, overdraft_amount) = match item.overdraft {
        Overdraft::None => ("NONE", None),
        Overdraft::Count(count) => ("COUNT", Some(count)),
        Overdraft::Percent(percent) => ("PERCENT", Some(percent.into())),
        Overdraft::Unlimited => ("UNLIMITED", None),
    };
    Ok(Row {
        id: item.id.as_str(),
        product: &item.product,
        feature: item.feature.as_str(),
        version: item.version.as_str(),
        count: item.count.map(whole).transpose()?,
        kind,
        reusable,
        undo_interval: undo_interval.map(length),
        transfers_per_year,
        overdraft,
        overdraft_amount: overdraft_amount.map(whole).transpose()?,
        starts_at: item.starts_at.map(micros),
        expires_at: item.expires_at.map(micros),
        grace_after_expiry: length(item.grace_after_expiry),
        borrow_interval: item.borrow_interval.map(length),
        renew_interval_percent: item.renew_interval_percent,
        lease_ttl: item.lease_ttl.map(length),
        allow_virtual: item.allow_virtual,
        vendor_string: &item.vendor_string,
        selectors: &item.selectors,
        notice: &item.notice,
        source: &item.source,
        advisory: item.advisory,
    })
}

fn read_kind(columns: &mut Columns<'_>) -> Result<Kind, StoreError> {
    let name: &str = columns.plain()?;
    let (reusable, undo_interval): (Option<bool>, _) = (columns.plain()?, columns.optional_length()?);
    let transfers_per_year: Option<u32> = columns.optional_number()?;
    match (name, reusable, undo_interval, transfers_per_year) {
        ("CONCURRENT", ..) => Ok(Kind::Concurrent),
        ("METERED", Some(reusable), Some(undo_interval), _) => Ok(Kind::Metered { reusable, undo_interval }),
        ("SEAT", _, _, Some(transfers_per_year)) => Ok(Kind::Seat { transfers_per_year }),
        _ => Err(decode::corrupt("line_items", "kind", format!("{name:?} or what belongs to it"))),
    }
}

fn read_overdraft(columns: &mut Columns<'_>) -> Result<Overdraft, StoreError> {
    let (name, amount): (&str, Option<u64>) = (columns.plain()?, columns.optional_number()?);
    match (name, amount, amount.and_then(|percent| u32::try_from(percent).ok())) {
        ("NONE", ..) => Ok(Overdraft::None),
        ("COUNT", Some(count), _) => Ok(Overdraft::Count(count)),
        ("PERCENT", _, Some(percent)) => Ok(Overdraft::Percent(percent)),
        ("UNLIMITED", ..) => Ok(Overdraft::Unlimited),
        _ => Err(decode::corrupt("line_items", "overdraft", format!("{name:?} or its amount"))),
    }
}

fn cells(json: &str) -> Result<BTreeMap<Source, Cell>, String> {
    let rows: Vec<(String, u64, u64)> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    rows.into_iter()
        .map(|(source, allocated, used)| Ok((decode::source(&source)?, Cell { allocated, used })))
        .collect()
}
