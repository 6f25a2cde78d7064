//! The audit log.

use leasehold_store::StoreError;
use leasehold_store::backoffice::{AuditRecord, Quota};
use leasehold_store::licensing::{Page, PageQuery};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::Statement;
use crate::database::{Database, within};
use crate::page::{self, found};
use crate::values::{micros, read_time};

/// The records of a list; `$2` is a subject, or empty.
macro_rules! kept {
    () => {
        concat!(
            "audit WHERE ",
            found!("actor", "action", "subject", "detail"),
            " AND ($2 = '' OR subject = $2)"
        )
    };
}

const RECORD: &str = "INSERT INTO audit (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)";
const RECORD_WITHIN: &str = "INSERT INTO audit (at, actor, action, subject, detail) SELECT $1, $2, $3, $4, $5 \
     WHERE (SELECT count(*) FROM audit WHERE subject = $4 AND action = $3 AND at >= $6) < $7";
const LIST: &str = concat!(
    "SELECT number, at, actor, action, subject, detail FROM ",
    kept!(),
    " AND number < $3 ORDER BY number DESC LIMIT $4 OFFSET $5"
);
const TOTAL: &str = concat!("SELECT count(*) FROM ", kept!());

pub(super) fn record(record: &AuditRecord) -> Statement {
    bound(RECORD, record)
}

/// Records it where the quota is not used up. Several at once may exceed it by as many.
pub(super) fn record_within(record: &AuditRecord, quota: Quota) -> Statement {
    bound(RECORD_WITHIN, record).bind(micros(quota.since)).bind(i64::from(quota.most))
}

fn bound(statement: &'static str, record: &AuditRecord) -> Statement {
    sqlx::query(statement)
        .bind(micros(record.at))
        .bind(record.actor.clone())
        .bind(record.action.clone())
        .bind(record.subject.clone())
        .bind(record.detail.clone())
}

pub(super) async fn list(
    database: &Database,
    subject: Option<&str>,
    page: &PageQuery,
) -> Result<Page<AuditRecord>, StoreError> {
    let (pattern, subject) = (page::pattern(page), subject.unwrap_or_default().to_owned());
    // What was never a number is before all.
    let before = page.after.as_ref().and_then(|key| key.parse().ok()).unwrap_or(i64::MAX);
    let rows = sqlx::query(LIST)
        .bind(pattern.clone())
        .bind(subject.clone())
        .bind(before)
        .bind(page::limit(page))
        .bind(i64::from(page.skip));
    let rows = within(async {
        let rows = rows.fetch_all(database.pool()).await?;
        rows.iter().map(read).collect::<Result<Vec<_>, _>>()
    });
    let rows = rows.await?;
    let total = page::count(database, sqlx::query(TOTAL).bind(pattern).bind(subject)).await?;
    let page = page::cut(rows, page, total, |(number, _)| number.to_string());
    let rows = page.rows.into_iter().map(|(_, record)| record).collect();
    Ok(Page { rows, next: page.next, total: page.total })
}

fn read(row: &AnyRow) -> Result<(i64, AuditRecord), sqlx::Error> {
    let record = AuditRecord {
        at: read_time(row, "at")?,
        actor: row.try_get("actor")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        detail: row.try_get("detail")?,
    };
    Ok((row.try_get("number")?, record))
}
