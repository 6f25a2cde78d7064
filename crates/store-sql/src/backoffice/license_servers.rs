//! Licence servers and their bindings.

use jiff::SignedDuration;
use leasehold_domain::HostId;
use leasehold_store::StoreError;
use leasehold_store::backoffice::{Binding, LicenseServer, LicenseServerId};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Statement;
use crate::database::{Database, within};
use crate::error::store_error;
use crate::page::{self, found};
use crate::values::{
    lines, micros, number, read_32, read_lines, read_number, read_optional_32, read_optional_time, read_time,
    unreadable,
};

macro_rules! columns {
    () => {
        "id, customer, name, synchronize_within, created_at, signing_key, recipient, bound_at, first_previous, \
         acknowledged, hostids, software_version, seen_at, sequence, applied_sequence, synchronize_before, \
         clone_suspected"
    };
}

const INSERT: &str = concat!(
    "INSERT INTO license_servers (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
     ON CONFLICT (customer, name) DO NOTHING"
);
const FIND: &str = concat!("SELECT ", columns!(), " FROM license_servers WHERE id = $1");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM license_servers WHERE ",
    found!("name", "customer", "id"),
    " AND (customer, name) > ($2, $3) ORDER BY customer, name LIMIT $4 OFFSET $5"
);
const TOTAL: &str = concat!("SELECT count(*) FROM license_servers WHERE ", found!("name", "customer", "id"));
/// Waits for everybody else who works on the row.
const LOCK: &str =
    concat!("UPDATE license_servers SET turns = turns + 1 WHERE id = $1 RETURNING ", columns!());
const UPDATE: &str = "UPDATE license_servers SET signing_key = $2, recipient = $3, bound_at = $4, \
     first_previous = $5, acknowledged = $6, hostids = $7, software_version = $8, seen_at = $9, sequence = $10, \
     applied_sequence = $11, synchronize_before = $12, clone_suspected = $13 WHERE id = $1";

pub(super) fn insert(server: &LicenseServer) -> Result<Statement, StoreError> {
    let statement = sqlx::query(INSERT)
        .bind(server.id.to_string())
        .bind(server.customer.clone())
        .bind(server.name.clone())
        .bind(i64::try_from(server.synchronize_within.as_micros()).unwrap_or(i64::MAX))
        .bind(micros(server.created_at));
    changing(statement, server).map_err(store_error)
}

pub(super) fn update(server: &LicenseServer) -> Result<Statement, sqlx::Error> {
    changing(sqlx::query(UPDATE).bind(server.id.to_string()), server)
}

pub(super) fn lock(id: LicenseServerId) -> Statement {
    sqlx::query(LOCK).bind(id.to_string())
}

pub(super) async fn find(
    database: &Database,
    id: LicenseServerId,
) -> Result<Option<LicenseServer>, StoreError> {
    within(async {
        let row = sqlx::query(FIND).bind(id.to_string()).fetch_optional(database.pool()).await?;
        row.as_ref().map(read).transpose()
    })
    .await
}

pub(super) async fn list(database: &Database, page: &PageQuery) -> Result<Page<LicenseServer>, StoreError> {
    let (pattern, (customer, name)) = (page::pattern(page), page::after_both(page));
    let rows = sqlx::query(LIST)
        .bind(pattern.clone())
        .bind(customer)
        .bind(name)
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    let key = |server: &LicenseServer| page::both(&server.customer, &server.name);
    page::read(database, page, (rows, sqlx::query(TOTAL).bind(pattern)), read, key).await
}

/// Binds the columns that change, in the order that both statements have them.
fn changing(statement: Statement, server: &LicenseServer) -> Result<Statement, sqlx::Error> {
    let binding = server.binding.as_ref();
    Ok(statement
        .bind(binding.map(|binding| binding.signing_key.to_vec()))
        .bind(binding.map(|binding| binding.recipient.clone()))
        .bind(binding.map(|binding| micros(binding.bound_at)))
        .bind(binding.and_then(|binding| binding.first_previous).map(|digest| digest.to_vec()))
        .bind(number(binding.map_or(0, |binding| binding.acknowledged))?)
        .bind(lines(&server.hostids))
        .bind(server.software_version.clone())
        .bind(server.seen_at.map(micros))
        .bind(number(server.sequence)?)
        .bind(number(server.applied_sequence)?)
        .bind(server.synchronize_before.map(micros))
        .bind(server.clone_suspected.clone()))
}

pub(super) fn read(row: &AnyRow) -> Result<LicenseServer, sqlx::Error> {
    Ok(LicenseServer {
        id: read_id(row, "id")?,
        name: row.try_get("name")?,
        customer: row.try_get("customer")?,
        synchronize_within: SignedDuration::from_micros(row.try_get("synchronize_within")?),
        created_at: read_time(row, "created_at")?,
        binding: read_binding(row)?,
        hostids: read_lines(row, "hostids", str::parse::<HostId>)?,
        software_version: row.try_get("software_version")?,
        seen_at: read_optional_time(row, "seen_at")?,
        sequence: read_number(row, "sequence")?,
        applied_sequence: read_number(row, "applied_sequence")?,
        synchronize_before: read_optional_time(row, "synchronize_before")?,
        clone_suspected: row.try_get("clone_suspected")?,
    })
}

fn read_binding(row: &AnyRow) -> Result<Option<Binding>, sqlx::Error> {
    let Some(bound_at) = read_optional_time(row, "bound_at")? else { return Ok(None) };
    Ok(Some(Binding {
        signing_key: read_32(row, "signing_key")?,
        recipient: row.try_get("recipient")?,
        bound_at,
        first_previous: read_optional_32(row, "first_previous")?,
        acknowledged: read_number(row, "acknowledged")?,
    }))
}

/// The id of a licence server in a column.
pub(super) fn read_id(row: &AnyRow, column: &'static str) -> Result<LicenseServerId, sqlx::Error> {
    let text: String = row.try_get(column)?;
    text.parse().map(LicenseServerId).map_err(|error| unreadable(column, error))
}
