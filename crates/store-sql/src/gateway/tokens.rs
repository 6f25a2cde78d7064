//! What scripts show.

use std::convert::Infallible;

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::gateway::{Administrator, ApiToken, SecretDigest};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::administrators::{self, columns};
use crate::Statement;
use crate::database::{Database, within};
use crate::page::{self, found};
use crate::values::{lines, micros, read_32, read_lines, read_optional_time, read_time, unreadable};

/// The columns as [`read`] reads them.
macro_rules! token_columns {
    () => {
        "t.id, t.name, t.owner, t.digest, t.roles, t.created_at, t.expires_at, t.used_at"
    };
}

/// The tokens of a list; `$2` is an owner, or empty.
macro_rules! kept {
    () => {
        concat!("tokens t WHERE ", found!("t.name", "t.owner"), " AND ($2 = '' OR t.owner = $2)")
    };
}

const INSERT: &str = "INSERT INTO tokens (id, name, owner, digest, roles, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FIND: &str = concat!(
    "SELECT ",
    token_columns!(),
    ", ",
    columns!(),
    " FROM tokens t JOIN administrators a ON a.name = t.owner WHERE t.digest = $1"
);
const LIST: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM ",
    kept!(),
    " AND t.id > $3 ORDER BY t.id LIMIT $4 OFFSET $5"
);
const TOTAL: &str = concat!("SELECT count(*) FROM ", kept!());
const TOUCH: &str = "UPDATE tokens SET used_at = $1 WHERE id = $2";
const DELETE: &str = "DELETE FROM tokens WHERE id = $1 AND ($2 = '' OR owner = $2)";

pub(super) fn insert(token: &ApiToken) -> Statement {
    sqlx::query(INSERT)
        .bind(token.id.to_string())
        .bind(token.name.clone())
        .bind(token.owner.clone())
        .bind(token.digest.to_vec())
        .bind(lines(&token.roles))
        .bind(micros(token.created_at))
        .bind(micros(token.expires_at))
}

pub(super) async fn find(
    database: &Database,
    digest: &SecretDigest,
) -> Result<Option<(ApiToken, Administrator)>, StoreError> {
    within(async {
        let row = sqlx::query(FIND).bind(digest.to_vec()).fetch_optional(database.pool()).await?;
        row.as_ref().map(|row| Ok((read(row)?, administrators::read(row)?))).transpose()
    })
    .await
}

pub(super) async fn list(
    database: &Database,
    owner: Option<&str>,
    page: &PageQuery,
) -> Result<Page<ApiToken>, StoreError> {
    let (pattern, owner) = (page::pattern(page), page::storable(owner.unwrap_or_default()));
    let rows = sqlx::query(LIST)
        .bind(pattern.clone())
        .bind(owner.clone())
        .bind(page::after(page))
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    let total = sqlx::query(TOTAL).bind(pattern).bind(owner);
    page::read(database, page, (rows, total), read, |token| token.id.to_string()).await
}

pub(super) fn touch(id: Uuid, used_at: Timestamp) -> Statement {
    sqlx::query(TOUCH).bind(micros(used_at)).bind(id.to_string())
}

pub(super) fn delete(id: Uuid, owner: Option<&str>) -> Statement {
    sqlx::query(DELETE).bind(id.to_string()).bind(page::storable(owner.unwrap_or_default()))
}

fn read(row: &AnyRow) -> Result<ApiToken, sqlx::Error> {
    let id: String = row.try_get("id")?;
    Ok(ApiToken {
        id: Uuid::parse_str(&id).map_err(|error| unreadable("id", error))?,
        name: row.try_get("name")?,
        owner: row.try_get("owner")?,
        digest: read_32(row, "digest")?,
        roles: read_lines(row, "roles", |line| Ok::<_, Infallible>(line.to_owned()))?,
        created_at: read_time(row, "created_at")?,
        expires_at: read_time(row, "expires_at")?,
        used_at: read_optional_time(row, "used_at")?,
    })
}
