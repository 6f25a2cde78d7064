//! The keys that answers are signed with.

use std::sync::Arc;

use leasehold_store::StoreError;
use leasehold_store::licensing::AnswerKey;
use sqlx::postgres::PgArguments;

use crate::arguments::add;
use crate::connections::Connections;
use crate::decode::Columns;
use crate::encode::micros;
use crate::error::store_error;
use crate::transaction::Transaction;

/// The newest `$2`.
pub(crate) const NEWEST: &str = "SELECT record_send(ROW(key_id, sealed_seed, certificates, not_before, not_after, \
                           created_at)) \
       FROM licensing.answer_keys WHERE instance = $1 ORDER BY created_at DESC, key_id LIMIT $2";

const COLUMNS: &str = "key_id, sealed_seed, certificates, not_before, not_after, created_at";

const ADD: &str = "INSERT INTO licensing.answer_keys \
        (instance, key_id, sealed_seed, certificates, not_before, not_after, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// Forgets those that had ended at `$2`.
pub(crate) const FORGET: &str = "DELETE FROM licensing.answer_keys WHERE instance = $1 AND not_after <= $2";

/// Adds a key.
pub(crate) async fn add_one(
    connections: &Arc<Connections>,
    instance: i32,
    key: &AnswerKey,
) -> Result<(), StoreError> {
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, key.key_id.to_vec())?;
    add(&mut arguments, key.sealed_seed.clone())?;
    add(&mut arguments, key.certificates.clone())?;
    for time in [key.not_before, key.not_after, key.created_at] {
        add(&mut arguments, micros(time))?;
    }
    // In a transaction that is known to have begun, because twice is once too often.
    let mut transaction = Transaction::new(connections, None);
    transaction.begin("").await.map_err(store_error)?;
    transaction.fetch(ADD, arguments).await.map_err(store_error)?;
    transaction.commit().await.map_err(store_error)
}

/// Reads a row of [`NEWEST`].
pub(crate) fn read(row: &[u8]) -> Result<AnswerKey, StoreError> {
    let columns = &mut Columns::of("answer_keys", COLUMNS, row)?;
    Ok(AnswerKey {
        key_id: columns.plain()?,
        sealed_seed: columns.plain::<&[u8]>()?.to_vec(),
        certificates: columns.plain::<&[u8]>()?.to_vec(),
        not_before: columns.time()?,
        not_after: columns.time()?,
        created_at: columns.time()?,
    })
}
