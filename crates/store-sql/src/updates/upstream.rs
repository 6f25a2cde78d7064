//! How the mirror stands.

use leasehold_domain::InstanceId;
use leasehold_store::StoreError;
use leasehold_store::updates::{Run, RunFailure, Upstream, Versions};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::Statement;
use crate::database::{Database, within};
use crate::error::store_error;
use crate::values::{micros, number, read_number, read_optional_time, unreadable};

const FIND: &str = "SELECT root, timestamp, snapshot, targets, expires_at, succeeded_at, next_at, failures, started_at, \
       ended_at, changed, fetched_files, fetched_bytes, missing_files, failure_reason, message, actor \
     FROM upstreams WHERE instance = $1";
const SAVE: &str = "INSERT INTO upstreams (instance, root, timestamp, snapshot, targets, expires_at, succeeded_at, \
       next_at, failures, started_at, ended_at, changed, fetched_files, fetched_bytes, missing_files, failure_reason, \
       message, actor) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
     ON CONFLICT (instance) DO UPDATE SET root = excluded.root, timestamp = excluded.timestamp, \
       snapshot = excluded.snapshot, targets = excluded.targets, expires_at = excluded.expires_at, \
       succeeded_at = excluded.succeeded_at, next_at = excluded.next_at, failures = excluded.failures, \
       started_at = excluded.started_at, ended_at = excluded.ended_at, changed = excluded.changed, \
       fetched_files = excluded.fetched_files, fetched_bytes = excluded.fetched_bytes, \
       missing_files = excluded.missing_files, failure_reason = excluded.failure_reason, message = excluded.message, \
       actor = excluded.actor";

pub(super) async fn find(database: &Database, instance: InstanceId) -> Result<Option<Upstream>, StoreError> {
    within(async {
        let row = sqlx::query(FIND).bind(instance.to_string()).fetch_optional(database.pool()).await?;
        row.as_ref().map(read).transpose()
    })
    .await
}

pub(super) async fn save(
    database: &Database,
    instance: InstanceId,
    upstream: &Upstream,
) -> Result<(), StoreError> {
    let statement = bound(instance, upstream).map_err(store_error)?;
    within(statement.execute(database.pool())).await.map(drop)
}

fn bound(instance: InstanceId, upstream: &Upstream) -> Result<Statement, sqlx::Error> {
    let (versions, run) = (upstream.versions, upstream.last.as_ref());
    let failure = run.and_then(|run| run.failure.as_ref());
    let count = |of: fn(&Run) -> u64| run.map(|run| number(of(run))).transpose();
    Ok(sqlx::query(SAVE)
        .bind(instance.to_string())
        .bind(number(versions.root)?)
        .bind(number(versions.timestamp)?)
        .bind(number(versions.snapshot)?)
        .bind(number(versions.targets)?)
        .bind(upstream.expires_at.map(micros))
        .bind(upstream.succeeded_at.map(micros))
        .bind(upstream.next_at.map(micros))
        .bind(i64::from(upstream.failures))
        .bind(run.map(|run| micros(run.started_at)))
        .bind(run.and_then(|run| run.ended_at).map(micros))
        .bind(run.map(|run| i64::from(run.changed)))
        .bind(count(|run| run.fetched_files)?)
        .bind(count(|run| run.fetched_bytes)?)
        .bind(count(|run| run.missing_files)?)
        .bind(failure.map(|failure| failure.reason.clone()))
        .bind(failure.map(|failure| failure.message.clone()))
        .bind(run.map(|run| run.actor.clone())))
}

fn read(row: &AnyRow) -> Result<Upstream, sqlx::Error> {
    let failures: i64 = row.try_get("failures")?;
    Ok(Upstream {
        versions: Versions {
            root: read_number(row, "root")?,
            timestamp: read_number(row, "timestamp")?,
            snapshot: read_number(row, "snapshot")?,
            targets: read_number(row, "targets")?,
        },
        expires_at: read_optional_time(row, "expires_at")?,
        last: read_run(row)?,
        succeeded_at: read_optional_time(row, "succeeded_at")?,
        next_at: read_optional_time(row, "next_at")?,
        failures: failures.try_into().map_err(|error| unreadable("failures", error))?,
    })
}

fn read_run(row: &AnyRow) -> Result<Option<Run>, sqlx::Error> {
    let Some(started_at) = read_optional_time(row, "started_at")? else { return Ok(None) };
    let changed: i64 = row.try_get("changed")?;
    let reason: Option<String> = row.try_get("failure_reason")?;
    let message: Option<String> = row.try_get("message")?;
    Ok(Some(Run {
        started_at,
        ended_at: read_optional_time(row, "ended_at")?,
        changed: changed != 0,
        fetched_files: read_number(row, "fetched_files")?,
        fetched_bytes: read_number(row, "fetched_bytes")?,
        missing_files: read_number(row, "missing_files")?,
        failure: reason.zip(message).map(|(reason, message)| RunFailure { reason, message }),
        actor: row.try_get("actor")?,
    }))
}
