//! Entitlements with their line items.

use leasehold_domain::LineItemId;
use leasehold_store::StoreError;
use leasehold_store::backoffice::{
    Entitlement, EntitlementId, EntitlementRow, LicenseServerId, LineItemContent,
};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Statement;
use super::license_servers::read_id;
use crate::database::{Database, within};
use crate::page::{self, found};
use crate::values::{micros, number, read_number, read_time, unreadable};

/// Entitlements `e` with one row for each line item, or one without.
macro_rules! with_items {
    ($entitlements:literal) => {
        concat!(
            "SELECT e.id, e.license_server, e.revision, e.created_at, s.customer, i.id AS line_item, i.content FROM ",
            $entitlements,
            " AS e JOIN license_servers AS s ON s.id = e.license_server LEFT JOIN line_items AS i ON i.entitlement = e.id "
        )
    };
}

/// The entitlements of a list, `e` with their licence server `s`; `$2` is the id of one, or empty.
macro_rules! kept {
    () => {
        concat!(
            "entitlements AS e JOIN license_servers AS s ON s.id = e.license_server WHERE ",
            found!("e.id", "s.id", "s.customer"),
            " AND ($2 = '' OR e.license_server = $2)"
        )
    };
}

const FIND: &str = concat!(with_items!("entitlements"), "WHERE e.id = $1 ORDER BY i.place");
const LIST: &str = concat!(
    "WITH kept AS (SELECT e.id, e.license_server, e.revision, e.created_at FROM ",
    kept!(),
    " AND e.id > $3 ORDER BY e.id LIMIT $4 OFFSET $5) ",
    with_items!("kept"),
    "ORDER BY e.id, i.place"
);
const TOTAL: &str = concat!("SELECT count(*) FROM ", kept!());
const ITEMS_OF_SERVER: &str = "SELECT entitlement, id AS line_item, content FROM line_items \
     WHERE license_server = $1 ORDER BY entitlement, place";

const PUT: &str = "INSERT INTO entitlements (id, license_server, revision, created_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (id) DO UPDATE SET revision = excluded.revision";
const PUT_ITEM: &str =
    "INSERT INTO line_items (license_server, entitlement, place, id, content) VALUES ($1, $2, $3, $4, $5)";
const CLEAR_ITEMS: &str = "DELETE FROM line_items WHERE license_server = $1 AND entitlement = $2";
const REMOVE: &str = "DELETE FROM entitlements WHERE license_server = $1 AND id = $2";

pub(super) async fn find(
    database: &Database,
    id: EntitlementId,
) -> Result<Option<EntitlementRow>, StoreError> {
    within(async {
        let rows = find_one(id).fetch_all(database.pool()).await?;
        Ok(gather(&rows)?.pop())
    })
    .await
}

/// One entitlement, in the rows that [`gather`] reads.
pub(super) fn find_one(id: EntitlementId) -> Statement {
    sqlx::query(FIND).bind(id.to_string())
}

pub(super) async fn list(
    database: &Database,
    of: Option<LicenseServerId>,
    page: &PageQuery,
) -> Result<Page<EntitlementRow>, StoreError> {
    let (pattern, of) = (page::pattern(page), of.map(|id| id.to_string()).unwrap_or_default());
    let rows = sqlx::query(LIST)
        .bind(pattern.clone())
        .bind(of.clone())
        .bind(page::after(page))
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    let rows = within(async { gather(&rows.fetch_all(database.pool()).await?) }).await?;
    let total = page::count(database, sqlx::query(TOTAL).bind(pattern).bind(of)).await?;
    Ok(page::cut(rows, page, total, |row| row.entitlement.id.to_string()))
}

pub(super) fn items_of_server(id: LicenseServerId) -> Statement {
    sqlx::query(ITEMS_OF_SERVER).bind(id.to_string())
}

/// What writes an entitlement, in order: its row, its old line items away, the new ones.
pub(super) fn put(entitlement: &Entitlement) -> Result<Vec<Statement>, sqlx::Error> {
    let (id, server) = (entitlement.id.to_string(), entitlement.license_server.to_string());
    let row = sqlx::query(PUT)
        .bind(id.clone())
        .bind(server.clone())
        .bind(number(entitlement.revision)?)
        .bind(micros(entitlement.created_at));
    let mut statements = vec![row, sqlx::query(CLEAR_ITEMS).bind(server.clone()).bind(id.clone())];
    for (place, item) in (0_i64..).zip(&entitlement.line_items) {
        let put = sqlx::query(PUT_ITEM).bind(server.clone()).bind(id.clone()).bind(place);
        statements.push(put.bind(item.id.to_string()).bind(item.content.clone()));
    }
    Ok(statements)
}

pub(super) fn remove(server: LicenseServerId, id: EntitlementId) -> Statement {
    sqlx::query(REMOVE).bind(server.to_string()).bind(id.to_string())
}

/// Entitlements out of rows with one line item each, which come one after the other.
pub(super) fn gather(rows: &[AnyRow]) -> Result<Vec<EntitlementRow>, sqlx::Error> {
    let mut gathered: Vec<EntitlementRow> = Vec::new();
    for row in rows {
        let id = read_entitlement(row, "id")?;
        if gathered.last().is_none_or(|last| last.entitlement.id != id) {
            gathered.push(read(id, row)?);
        }
        let has_item: Option<String> = row.try_get("line_item")?;
        if let (Some(last), Some(_)) = (gathered.last_mut(), has_item) {
            last.entitlement.line_items.push(read_item(row)?);
        }
    }
    Ok(gathered)
}

fn read(id: EntitlementId, row: &AnyRow) -> Result<EntitlementRow, sqlx::Error> {
    let entitlement = Entitlement {
        id,
        license_server: read_id(row, "license_server")?,
        line_items: Vec::new(),
        revision: read_number(row, "revision")?,
        created_at: read_time(row, "created_at")?,
    };
    Ok(EntitlementRow { entitlement, customer: row.try_get("customer")? })
}

pub(super) fn read_item(row: &AnyRow) -> Result<LineItemContent, sqlx::Error> {
    let id: String = row.try_get("line_item")?;
    let id = LineItemId::new(&id).map_err(|error| unreadable("line_items.id", error))?;
    Ok(LineItemContent { id, content: row.try_get("content")? })
}

/// The id of an entitlement in a column.
pub(super) fn read_entitlement(row: &AnyRow, column: &'static str) -> Result<EntitlementId, sqlx::Error> {
    let text: String = row.try_get(column)?;
    text.parse().map(EntitlementId).map_err(|error| unreadable(column, error))
}
