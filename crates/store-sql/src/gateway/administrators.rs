//! Those who may sign in.

use std::convert::Infallible;

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::gateway::{ADMIN, Administrator};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::run;
use crate::Statement;
use crate::database::{Database, within};
use crate::error::store_error;
use crate::page::{self, found};
use crate::values::{lines, micros, number, read_lines, read_number, read_optional_time, read_time};

/// The columns as [`read`] reads them, of the table `a`.
macro_rules! columns {
    () => {
        "a.name AS user_name, a.password, a.roles AS user_roles, a.instances, a.disabled, \
         a.created_at AS user_created_at, a.signed_in_at, a.revision"
    };
}
pub(super) use columns;

const TURN: &str = "UPDATE turns SET number = number + 1 WHERE lone = 1";
const ANY: &str = "SELECT count(*) FROM administrators";
const FIND: &str = concat!("SELECT ", columns!(), " FROM administrators a WHERE a.name = $1");
const LIST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM administrators a WHERE ",
    found!("a.name", "a.roles"),
    " AND a.name > $2 ORDER BY a.name LIMIT $3 OFFSET $4"
);
const TOTAL: &str = concat!("SELECT count(*) FROM administrators a WHERE ", found!("a.name", "a.roles"));
/// Those who may do everything: the role stands in a line of its own.
const SERVED: &str = "SELECT count(*) FROM administrators \
     WHERE disabled = 0 AND '\n' || roles || '\n' LIKE '%\n' || $1 || '\n%'";
const INSERT: &str = "INSERT INTO administrators (name, password, roles, instances, disabled, created_at, revision) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
const INSERT_FIRST: &str = "INSERT INTO administrators (name, password, roles, instances, disabled, created_at, revision) \
     SELECT $1, $2, $3, $4, $5, $6, $7 WHERE NOT EXISTS (SELECT 1 FROM administrators)";
const UPDATE: &str = "UPDATE administrators SET password = $1, roles = $2, instances = $3, disabled = $4, \
     revision = revision + 1 WHERE name = $5 AND revision = $6";
const DELETE: &str = "DELETE FROM administrators WHERE name = $1 AND revision = $2";
const SIGNED_IN: &str = "UPDATE administrators SET signed_in_at = $1 WHERE name = $2";

/// Begins a transaction that changes administrators, and waits for its turn.
pub(super) async fn begin(database: &Database) -> Result<Transaction<'static, Any>, StoreError> {
    let mut transaction = database.begin().await?;
    run(&mut transaction, sqlx::query(TURN)).await?;
    Ok(transaction)
}

pub(super) async fn any(database: &Database) -> Result<bool, StoreError> {
    Ok(page::count(database, sqlx::query(ANY)).await? > 0)
}

pub(super) async fn find(database: &Database, name: &str) -> Result<Option<Administrator>, StoreError> {
    within(async {
        let row = sqlx::query(FIND).bind(page::storable(name)).fetch_optional(database.pool()).await?;
        row.as_ref().map(read).transpose()
    })
    .await
}

pub(super) async fn list(database: &Database, page: &PageQuery) -> Result<Page<Administrator>, StoreError> {
    let pattern = page::pattern(page);
    let rows = sqlx::query(LIST)
        .bind(pattern.clone())
        .bind(page::after(page))
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    let key = |administrator: &Administrator| administrator.name.clone();
    page::read(database, page, (rows, sqlx::query(TOTAL).bind(pattern)), read, key).await
}

/// Whether there is somebody who may do everything.
pub(super) async fn is_served(transaction: &mut Transaction<'static, Any>) -> Result<bool, StoreError> {
    let counted = within(async {
        sqlx::query(SERVED).bind(ADMIN).fetch_one(&mut **transaction).await?.try_get::<i64, _>(0)
    });
    Ok(counted.await? > 0)
}

pub(super) fn insert(administrator: &Administrator) -> Result<Statement, StoreError> {
    bound(INSERT, administrator)
}

pub(super) fn insert_first(administrator: &Administrator) -> Result<Statement, StoreError> {
    bound(INSERT_FIRST, administrator)
}

fn bound(statement: &'static str, administrator: &Administrator) -> Result<Statement, StoreError> {
    Ok(sqlx::query(statement)
        .bind(administrator.name.clone())
        .bind(administrator.password.clone())
        .bind(lines(&administrator.roles))
        .bind(lines(&administrator.instances))
        .bind(i64::from(administrator.disabled))
        .bind(micros(administrator.created_at))
        .bind(number(administrator.revision).map_err(store_error)?))
}

pub(super) fn update(administrator: &Administrator) -> Result<Statement, StoreError> {
    Ok(sqlx::query(UPDATE)
        .bind(administrator.password.clone())
        .bind(lines(&administrator.roles))
        .bind(lines(&administrator.instances))
        .bind(i64::from(administrator.disabled))
        .bind(administrator.name.clone())
        .bind(number(administrator.revision).map_err(store_error)?))
}

pub(super) fn delete(name: &str, revision: u64) -> Result<Statement, StoreError> {
    Ok(sqlx::query(DELETE).bind(page::storable(name)).bind(number(revision).map_err(store_error)?))
}

pub(super) fn signed_in(name: &str, at: Timestamp) -> Statement {
    sqlx::query(SIGNED_IN).bind(micros(at)).bind(name.to_owned())
}

pub(super) fn read(row: &AnyRow) -> Result<Administrator, sqlx::Error> {
    let texts = |column| read_lines(row, column, |line| Ok::<_, Infallible>(line.to_owned()));
    Ok(Administrator {
        name: row.try_get("user_name")?,
        password: row.try_get("password")?,
        roles: texts("user_roles")?,
        instances: texts("instances")?,
        disabled: row.try_get::<i64, _>("disabled")? != 0,
        created_at: read_time(row, "user_created_at")?,
        signed_in_at: read_optional_time(row, "signed_in_at")?,
        revision: read_number(row, "revision")?,
    })
}
