//! The keys that assignments are signed with.

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use leasehold_store::StoreError;
use leasehold_store::licensing::AnswerKey;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::database::{Database, within};
use crate::values::{micros, read_32, read_time};

const NEWEST: &str = "SELECT key_id, sealed_seed, certificates, not_before, not_after, created_at FROM answer_keys \
     WHERE instance = $1 ORDER BY created_at DESC, key_id LIMIT $2";
const ADD: &str = "INSERT INTO answer_keys (instance, key_id, sealed_seed, certificates, not_before, not_after, \
     created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
const FORGET: &str = "DELETE FROM answer_keys WHERE instance = $1 AND not_after <= $2";

pub(super) async fn newest(
    database: &Database,
    instance: InstanceId,
    limit: u32,
) -> Result<Vec<AnswerKey>, StoreError> {
    let query = sqlx::query(NEWEST).bind(instance.to_string()).bind(i64::from(limit));
    within(async { query.fetch_all(database.pool()).await?.iter().map(read).collect() }).await
}

pub(super) async fn add(
    database: &Database,
    instance: InstanceId,
    key: &AnswerKey,
) -> Result<(), StoreError> {
    let statement = sqlx::query(ADD)
        .bind(instance.to_string())
        .bind(key.key_id.to_vec())
        .bind(key.sealed_seed.clone())
        .bind(key.certificates.clone())
        .bind(micros(key.not_before))
        .bind(micros(key.not_after))
        .bind(micros(key.created_at));
    within(statement.execute(database.pool())).await.map(drop)
}

pub(super) async fn forget(
    database: &Database,
    instance: InstanceId,
    before: Timestamp,
) -> Result<u64, StoreError> {
    let statement = sqlx::query(FORGET).bind(instance.to_string()).bind(micros(before));
    Ok(within(statement.execute(database.pool())).await?.rows_affected())
}

fn read(row: &AnyRow) -> Result<AnswerKey, sqlx::Error> {
    Ok(AnswerKey {
        key_id: read_32(row, "key_id")?,
        sealed_seed: row.try_get("sealed_seed")?,
        certificates: row.try_get("certificates")?,
        not_before: read_time(row, "not_before")?,
        not_after: read_time(row, "not_after")?,
        created_at: read_time(row, "created_at")?,
    })
}
