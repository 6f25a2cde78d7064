//! Stored answers.

use leasehold_domain::RequestId;
use leasehold_store::StoreError;
use leasehold_store::licensing::StoredAnswer;

use crate::decode::Columns;
use crate::rows::Rows;
use crate::session::Types;

/// Bytes of a row without the answer.
const ROW: usize = 96;

/// Reads an answer.
pub(crate) fn read(row: &[u8]) -> Result<StoredAnswer, StoreError> {
    let columns = &mut Columns::of("answers", "id, body_hash, answer", row)?;
    let (id, body_hash) = (RequestId(columns.plain()?), columns.plain()?);
    Ok(StoredAnswer { id, body_hash, answer: columns.plain::<&[u8]>()?.to_owned() })
}

/// The rows of answers.
pub(crate) fn write(types: &Types, answers: &[StoredAnswer]) -> Result<Rows, StoreError> {
    let room = answers.iter().map(|answer| answer.answer.len() + ROW).sum();
    let mut rows = Rows::with_room(types.answer, room);
    for answer in answers {
        rows.row(3, |row| {
            row.uuid(&answer.id.0)?.bytes(&answer.body_hash)?.bytes(&answer.answer)?;
            Ok(())
        })?;
    }
    Ok(rows)
}
