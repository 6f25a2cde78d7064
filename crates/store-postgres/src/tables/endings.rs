//! Endings: grants that their holders lost.

use leasehold_domain::GrantId;
use leasehold_domain::grant::Lost;
use leasehold_store::StoreError;
use leasehold_store::licensing::Ending;

use crate::decode::Columns;
use crate::rows::Rows;
use crate::session::Types;

/// The endings after `$2`, in their order.
pub(crate) const AFTER: &str = "SELECT record_send(ROW(seq, grant_id, lost)) FROM licensing.endings \
     WHERE instance = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// The endings of the grants `$2`.
pub(crate) const OF: &str = "SELECT record_send(ROW(seq, grant_id, lost)) FROM licensing.endings \
     WHERE instance = $1 AND grant_id = ANY ($2) ORDER BY seq";

/// Forgets the oldest endings.
pub(crate) const FORGET: &str = "DELETE FROM licensing.endings WHERE instance = $1 AND seq IN ( \
         SELECT seq FROM licensing.endings WHERE instance = $1 AND at < $2 ORDER BY at, seq LIMIT $3)";

/// Reads an ending.
pub(crate) fn read(row: &[u8]) -> Result<Ending, StoreError> {
    let columns = &mut Columns::of("endings", "seq, grant_id, lost", row)?;
    Ok(Ending {
        seq: columns.number()?,
        grant: GrantId(columns.plain()?),
        lost: columns.read(|name: &str| {
            Lost::from_name(name).ok_or_else(|| format!("{name:?} is no reason to lose a grant"))
        })?,
    })
}

/// The rows of grants that ended other than by their holder's wish.
pub(crate) fn write(types: &Types, ended: &[(GrantId, Lost)]) -> Result<Rows, StoreError> {
    let mut rows = Rows::new(types.ending);
    for (grant, lost) in ended.iter().filter(|(_, lost)| *lost != Lost::Returned) {
        rows.row(2, |row| {
            row.uuid(&grant.0)?.text(lost.name())?;
            Ok(())
        })?;
    }
    Ok(rows)
}
