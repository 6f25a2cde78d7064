//! Those who are signed in.

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::gateway::{Administrator, SecretDigest, Session};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::administrators::{self, columns};
use crate::Statement;
use crate::database::{Database, within};
use crate::values::{micros, read_32, read_time};

const INSERT: &str = "INSERT INTO sessions (id, owner, created_at, seen_at, ends_at, address) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const FIND: &str = concat!(
    "SELECT s.id, s.owner, s.created_at, s.seen_at, s.ends_at, s.address, ",
    columns!(),
    " FROM sessions s JOIN administrators a ON a.name = s.owner WHERE s.id = $1"
);
const TOUCH: &str = "UPDATE sessions SET seen_at = $1 WHERE id = $2";
const END: &str = "DELETE FROM sessions WHERE id = $1";
const END_ALL: &str = "DELETE FROM sessions WHERE owner = $1";
const FORGET: &str = "DELETE FROM sessions WHERE ends_at <= $1 OR seen_at < $2";

pub(super) fn insert(session: &Session) -> Statement {
    sqlx::query(INSERT)
        .bind(session.id.to_vec())
        .bind(session.user.clone())
        .bind(micros(session.created_at))
        .bind(micros(session.seen_at))
        .bind(micros(session.ends_at))
        .bind(session.address.clone())
}

pub(super) async fn find(
    database: &Database,
    id: &SecretDigest,
) -> Result<Option<(Session, Administrator)>, StoreError> {
    within(async {
        let row = sqlx::query(FIND).bind(id.to_vec()).fetch_optional(database.pool()).await?;
        row.as_ref().map(|row| Ok((read(row)?, administrators::read(row)?))).transpose()
    })
    .await
}

pub(super) fn touch(id: &SecretDigest, seen_at: Timestamp) -> Statement {
    sqlx::query(TOUCH).bind(micros(seen_at)).bind(id.to_vec())
}

pub(super) fn end(id: &SecretDigest) -> Statement {
    sqlx::query(END).bind(id.to_vec())
}

pub(super) fn end_all(user: &str) -> Statement {
    sqlx::query(END_ALL).bind(user.to_owned())
}

pub(super) fn forget(now: Timestamp, idle_since: Timestamp) -> Statement {
    sqlx::query(FORGET).bind(micros(now)).bind(micros(idle_since))
}

fn read(row: &AnyRow) -> Result<Session, sqlx::Error> {
    Ok(Session {
        id: read_32(row, "id")?,
        user: row.try_get("owner")?,
        created_at: read_time(row, "created_at")?,
        seen_at: read_time(row, "seen_at")?,
        ends_at: read_time(row, "ends_at")?,
        address: row.try_get("address")?,
    })
}
