//! Line items with their cells.

use std::collections::BTreeMap;

use leasehold_domain::LineItemId;
use leasehold_domain::cell::{Cell, LineItemState, Source, UNLIMITED};
use leasehold_domain::line_item::{Kind, LineItem, Overdraft};
use leasehold_store::StoreError;
use serde::Serialize;

use crate::decode::{self, Columns};
use crate::encode::{SourceText, length, micros, whole};
use crate::rows::Rows;
use crate::session::Types;

/// The columns of a line item `i` before its cells, as [`read`] wants them and `licensing.load` sends them.
macro_rules! columns {
    () => {
        "i.id, i.product, i.feature, i.version, i.count, i.kind, i.reusable, i.undo_interval, \
         i.transfers_per_year, i.overdraft, i.overdraft_amount, i.starts_at, i.expires_at, \
         i.grace_after_expiry, i.borrow_interval, i.renew_interval_percent, i.lease_ttl, i.allow_virtual, \
         i.vendor_string, i.selectors, i.notice, i.source, i.advisory"
    };
}

/// Every line item.
pub(crate) const ALL: &str = concat!(
    "SELECT record_send(ROW(",
    columns!(),
    ", (SELECT array_agg(ROW(c.line_item, c.source, c.allocated, c.used)::licensing.cell_in) \
          FROM licensing.cells AS c \
         WHERE c.instance = i.instance AND c.line_item = i.id))) \
       FROM licensing.line_items AS i WHERE i.instance = $1 ORDER BY i.id"
);

/// A row on its way in; the names are those of the columns.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    product: &'a str,
    feature: &'a str,
    version: &'a str,
    count: Option<i64>,
    capacity: Option<i64>,
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
pub(crate) fn read(row: &[u8]) -> Result<LineItemState, StoreError> {
    let columns = &mut Columns::of("line_items", concat!(columns!(), ", cells"), row)?;
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
    let cells = columns.rows()?.into_iter().map(read_cell).collect::<Result<_, _>>()?;
    Ok(LineItemState { item, cells })
}

/// The rows of line items, to become JSON, and of their cells.
pub(crate) fn write<'a>(
    types: &Types,
    states: &'a [LineItemState],
) -> Result<(impl Serialize + use<'a>, Rows), StoreError> {
    let items: Vec<_> = states.iter().map(row).collect::<Result<_, _>>()?;
    let mut cells = Rows::new(types.cell);
    for state in states {
        for (source, cell) in &state.cells {
            write_cell(&mut cells, &state.item.id, source, *cell)?;
        }
    }
    Ok((items, cells))
}

/// The rows of cells.
pub(crate) fn write_cells(types: &Types, cells: &[(LineItemId, Source, Cell)]) -> Result<Rows, StoreError> {
    let mut rows = Rows::new(types.cell);
    for (line_item, source, cell) in cells {
        write_cell(&mut rows, line_item, source, *cell)?;
    }
    Ok(rows)
}

fn write_cell(
    rows: &mut Rows,
    line_item: &LineItemId,
    source: &Source,
    cell: Cell,
) -> Result<(), StoreError> {
    rows.row(4, |row| {
        row.text(line_item.as_str())?
            .shown(SourceText(source))?
            .int8(whole(cell.allocated)?)?
            .int8(whole(cell.used)?)?;
        Ok(())
    })
}

fn row(state: &LineItemState) -> Result<Row<'_>, StoreError> {
    let item = &state.item;
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
    let capacity = state.capacity();
    Ok(Row {
        id: item.id.as_str(),
        product: &item.product,
        feature: item.feature.as_str(),
        version: item.version.as_str(),
        count: item.count.map(whole).transpose()?,
        capacity: (capacity < UNLIMITED).then(|| whole(capacity)).transpose()?,
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

fn read_cell(row: &[u8]) -> Result<(Source, Cell), StoreError> {
    let columns = &mut Columns::of("cells", "line_item, source, allocated, used", row)?;
    let _line_item: &str = columns.plain()?;
    let source = columns.read(decode::source)?;
    Ok((source, Cell { allocated: columns.number()?, used: columns.number()? }))
}
