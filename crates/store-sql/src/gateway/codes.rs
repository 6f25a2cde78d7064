//! Codes by which the first administrator is made.

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::gateway::{FirstCode, SecretDigest};
use sqlx::any::AnyRow;

use crate::Statement;
use crate::database::{Database, within};
use crate::values::{micros, read_32, read_number, read_time, unreadable};

const LIST: &str = "SELECT digest, expires_at, tries_left FROM first_codes WHERE expires_at > $1";
const INSERT: &str = "INSERT INTO first_codes (digest, expires_at, tries_left) VALUES ($1, $2, $3)";
const TAKE: &str = "DELETE FROM first_codes WHERE digest = $1 AND expires_at > $2";
const FORGET: &str = "DELETE FROM first_codes WHERE expires_at <= $1";
const FORGET_ALL: &str = "DELETE FROM first_codes";
const FORGET_TRIED: &str = "DELETE FROM first_codes WHERE tries_left <= 1";
const COUNT_TRY: &str = "UPDATE first_codes SET tries_left = tries_left - 1";

pub(super) async fn list(database: &Database, now: Timestamp) -> Result<Vec<FirstCode>, StoreError> {
    within(async {
        let rows = sqlx::query(LIST).bind(micros(now)).fetch_all(database.pool()).await?;
        rows.iter().map(read).collect()
    })
    .await
}

pub(super) fn insert(code: &FirstCode) -> Statement {
    sqlx::query(INSERT)
        .bind(code.digest.to_vec())
        .bind(micros(code.expires_at))
        .bind(i64::from(code.tries_left))
}

pub(super) fn take(code: &SecretDigest, now: Timestamp) -> Statement {
    sqlx::query(TAKE).bind(code.to_vec()).bind(micros(now))
}

pub(super) fn forget(now: Timestamp) -> Statement {
    sqlx::query(FORGET).bind(micros(now))
}

pub(super) fn forget_all() -> Statement {
    sqlx::query(FORGET_ALL)
}

pub(super) fn forget_tried() -> Statement {
    sqlx::query(FORGET_TRIED)
}

pub(super) fn count_try() -> Statement {
    sqlx::query(COUNT_TRY)
}

fn read(row: &AnyRow) -> Result<FirstCode, sqlx::Error> {
    let tries = read_number(row, "tries_left")?;
    Ok(FirstCode {
        digest: read_32(row, "digest")?,
        expires_at: read_time(row, "expires_at")?,
        tries_left: u32::try_from(tries).map_err(|error| unreadable("tries_left", error))?,
    })
}
