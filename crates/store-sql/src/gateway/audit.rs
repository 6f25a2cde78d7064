//! The audit log.

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::gateway::{AuditRecord, AuditResult};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Statement;
use crate::database::Database;
use crate::page::{self, found};
use crate::values::{micros, read_time, unreadable};

const DONE: &str = "DONE";
const REFUSED: &str = "REFUSED";

/// The records of a list.
macro_rules! kept {
    () => {
        concat!("audit WHERE ", found!("actor", "action", "subject", "result", "detail", "address"))
    };
}

const RECORD: &str = "INSERT INTO audit (at, actor, action, subject, result, detail, address) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const LIST: &str = concat!(
    "SELECT number, at, actor, action, subject, result, detail, address FROM ",
    kept!(),
    " AND number < $2 ORDER BY number DESC LIMIT $3 OFFSET $4"
);
const TOTAL: &str = concat!("SELECT count(*) FROM ", kept!());
const FORGET: &str = "DELETE FROM audit WHERE number IN \
     (SELECT number FROM audit WHERE at < $1 ORDER BY at, number LIMIT $2)";

pub(super) fn record(record: &AuditRecord) -> Statement {
    let result = match record.result {
        AuditResult::Done => DONE,
        AuditResult::Refused => REFUSED,
    };
    sqlx::query(RECORD)
        .bind(micros(record.at))
        .bind(page::storable(&record.actor))
        .bind(record.action.clone())
        .bind(page::storable(&record.subject))
        .bind(result)
        .bind(page::storable(&record.detail))
        .bind(record.address.clone())
}

pub(super) async fn list(database: &Database, page: &PageQuery) -> Result<Page<AuditRecord>, StoreError> {
    let pattern = page::pattern(page);
    let before = page.after.as_ref().and_then(|key| key.parse().ok()).unwrap_or(i64::MAX);
    let rows = sqlx::query(LIST)
        .bind(pattern.clone())
        .bind(before)
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    let statements = (rows, sqlx::query(TOTAL).bind(pattern));
    let page = page::read(database, page, statements, read, |(number, _)| number.to_string()).await?;
    let rows = page.rows.into_iter().map(|(_, record)| record).collect();
    Ok(Page { rows, next: page.next, total: page.total })
}

pub(super) fn forget(before: Timestamp, most: u32) -> Statement {
    sqlx::query(FORGET).bind(micros(before)).bind(i64::from(most))
}

fn read(row: &AnyRow) -> Result<(i64, AuditRecord), sqlx::Error> {
    let result: String = row.try_get("result")?;
    let record = AuditRecord {
        at: read_time(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        result: match result.as_str() {
            DONE => AuditResult::Done,
            REFUSED => AuditResult::Refused,
            other => return Err(unreadable("result", format_args!("{other:?}"))),
        },
        detail: row.try_get("detail")?,
        address: row.try_get("address")?,
    };
    Ok((row.try_get("number")?, record))
}
