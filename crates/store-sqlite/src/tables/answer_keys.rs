//! The keys that answers are signed with.

use jiff::Timestamp;
use leasehold_store::StoreError;
use leasehold_store::licensing::AnswerKey;
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::micros;
use crate::writer::Query;

/// The newest `$2`.
pub(crate) const NEWEST: &str = "SELECT key_id, sealed_seed, certificates, not_before, not_after, created_at \
       FROM answer_keys WHERE instance = $1 ORDER BY created_at DESC, key_id LIMIT $2";

const ADD: &str = "INSERT INTO answer_keys \
        (instance, key_id, sealed_seed, certificates, not_before, not_after, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7); COMMIT";

const FORGET: &str = "DELETE FROM answer_keys WHERE instance = $1 AND not_after <= $2";

/// The statements that add a key and commit.
pub(crate) fn add(instance: i64, key: &AnswerKey) -> Query<'_> {
    sqlx::query(ADD)
        .bind(instance)
        .bind(key.key_id.to_vec())
        .bind(&key.sealed_seed)
        .bind(&key.certificates)
        .bind(micros(key.not_before))
        .bind(micros(key.not_after))
        .bind(micros(key.created_at))
}

/// The statement that forgets those that had ended by then.
pub(crate) fn forget(instance: Option<i64>, before: Timestamp) -> Query<'static> {
    sqlx::query(FORGET).bind(instance).bind(micros(before))
}

/// Reads a row of [`NEWEST`].
pub(crate) fn read(row: &SqliteRow) -> Result<AnswerKey, StoreError> {
    let columns = &mut Columns::of("answer_keys", row);
    Ok(AnswerKey {
        key_id: columns.bytes()?,
        sealed_seed: columns.plain()?,
        certificates: columns.plain()?,
        not_before: columns.time()?,
        not_after: columns.time()?,
        created_at: columns.time()?,
    })
}
