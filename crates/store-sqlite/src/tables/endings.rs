//! Grants that ended other than by their holder's wish, and why.

use leasehold_domain::GrantId;
use leasehold_domain::grant::Lost;
use leasehold_store::StoreError;
use leasehold_store::licensing::Ending;
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::Document;

/// Those after `$2`, at most `$3`.
pub(crate) const AFTER: &str =
    "SELECT seq, grant_id, lost FROM endings WHERE instance = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// Those of the grants whose ids begin in `$3` where `$2` says.
pub(crate) const OF: &str = "SELECT e.seq, e.grant_id, e.lost \
       FROM json_each($2) AS wanted \
      CROSS JOIN endings AS e \
      WHERE e.instance = $1 AND e.grant_id = substr($3, wanted.value, 16)";

pub(crate) const FORGET: &str = "DELETE FROM endings WHERE seq IN ( \
        SELECT seq FROM endings WHERE instance = $1 AND at < $2 ORDER BY at LIMIT $3)";

/// Reads an ending.
pub(crate) fn read(row: &SqliteRow) -> Result<Ending, StoreError> {
    let columns = &mut Columns::of("endings", row);
    Ok(Ending {
        seq: columns.number()?,
        grant: GrantId(columns.uuid()?),
        lost: columns
            .read(|name: &str| Lost::from_name(name).ok_or_else(|| format!("{name:?} is no reason")))?,
    })
}

/// The document of endings: where each id begins, and the reason.
pub(crate) fn write(ended: &[(GrantId, Lost)]) -> Result<Document, StoreError> {
    let mut rows = Document::new();
    for (grant, lost) in ended.iter().filter(|(_, lost)| *lost != Lost::Returned) {
        let begin = rows.bytes(grant.0.as_bytes());
        rows.row((begin, lost.name()))?;
    }
    Ok(rows)
}
