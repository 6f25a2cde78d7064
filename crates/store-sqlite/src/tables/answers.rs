//! Stored answers.

use leasehold_domain::RequestId;
use leasehold_store::StoreError;
use leasehold_store::licensing::StoredAnswer;
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::Document;

/// The answers to the requests whose ids begin in `$3` where `$2` says.
pub(crate) const CLAIM: &str = "SELECT a.id, a.body_hash, a.answer \
       FROM json_each($2) AS wanted \
      CROSS JOIN answers AS a \
      WHERE a.instance = $1 AND a.id = substr($3, wanted.value, 16)";

/// Reads an answer.
pub(crate) fn read(row: &SqliteRow) -> Result<StoredAnswer, StoreError> {
    let columns = &mut Columns::of("answers", row);
    Ok(StoredAnswer { id: RequestId(columns.uuid()?), body_hash: columns.bytes()?, answer: columns.plain()? })
}

/// The document of answers: where id, hash and answer begin, and how long the answer is.
pub(crate) fn write(answers: &[StoredAnswer]) -> Result<Document, StoreError> {
    let mut rows = Document::new();
    for answer in answers {
        let begin = rows.bytes(answer.id.0.as_bytes());
        rows.bytes(&answer.body_hash);
        rows.bytes(&answer.answer);
        rows.row((begin, answer.answer.len()))?;
    }
    Ok(rows)
}
