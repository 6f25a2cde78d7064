//! Floor deadlines of online grants: finding those that have passed, and moving them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::lease::{MIN_TTL, REAPER_TICK, skew};
use leasehold_domain::{FencingToken, GrantId};
use leasehold_store::StoreError;
use leasehold_store::licensing::{Promotion, Silent};
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::{Document, length, micros, whole};
use crate::writer::Query;

pub(crate) const SILENT: &str = "SELECT id, fencing_token, floor_deadline, lease_ttl, unearned FROM grants \
      WHERE instance = $1 AND mode = 0 AND floor_deadline <= $2 \
      ORDER BY floor_deadline, id LIMIT $3";

pub(crate) const COUNT_SILENT: &str =
    "SELECT count(*) FROM grants WHERE instance = $1 AND mode = 0 AND floor_deadline <= $2";

/// Moves floors; a row is: where the id begins in `$3`, token, floor, unearned. An unearned floor that is not later
/// than what stands changes nothing: somebody was heard meanwhile.
pub(crate) const MOVE: &str = "UPDATE grants SET floor_deadline = max(grants.floor_deadline, moved.floor), unearned = moved.unearned \
      FROM (SELECT substr($3, value ->> 0, 16) AS id, value ->> 1 AS token, value ->> 2 AS floor, \
                   value ->> 3 AS unearned \
              FROM jsonb_each($2)) AS moved \
     WHERE grants.instance = $1 AND grants.id = moved.id AND grants.mode = 0 \
       AND grants.fencing_token = moved.token \
       AND (moved.unearned = 0 OR grants.floor_deadline < moved.floor); \
    COMMIT";

/// `$2` now, `$3` the least skew, `$4` the reaper's tick, all in microseconds; see `domain::lease`.
pub(crate) const CLAMP: &str = "UPDATE grants SET floor_deadline = $2 + lease_ttl + max($3, lease_ttl / 20) \
      WHERE instance = $1 AND mode = 0 \
        AND floor_deadline > $2 + lease_ttl + max($3, lease_ttl / 20) + lease_ttl / 4 + $4";

/// Reads a row of [`SILENT`].
pub(crate) fn read(row: &SqliteRow) -> Result<Silent, StoreError> {
    let columns = &mut Columns::of("grants", row);
    Ok(Silent {
        id: GrantId(columns.uuid()?),
        fencing_token: FencingToken(columns.number()?),
        floor: columns.time()?,
        ttl: columns.optional_length()?.unwrap_or(MIN_TTL),
        unearned: columns.length()?,
    })
}

/// The statement that moves earned floors; `None` where there are none.
pub(crate) fn earned(
    instance: Option<i64>,
    floors: &[(GrantId, FencingToken, Timestamp)],
) -> Result<Option<Query<'static>>, StoreError> {
    moved(instance, floors.iter().map(|(id, token, floor)| (*id, *token, *floor, SignedDuration::ZERO)))
}

/// The statement that moves unearned floors; `None` where there are none.
pub(crate) fn promoted(
    instance: Option<i64>,
    promotions: &[Promotion],
) -> Result<Option<Query<'static>>, StoreError> {
    let rows = promotions.iter();
    moved(instance, rows.map(|one| (one.id, one.fencing_token, one.floor, one.unearned)))
}

/// The statement that sets floors back which another clock wrote.
pub(crate) fn clamped(instance: Option<i64>, now: Timestamp) -> Query<'static> {
    sqlx::query(CLAMP).bind(instance).bind(micros(now)).bind(length(skew(MIN_TTL))).bind(length(REAPER_TICK))
}

fn moved(
    instance: Option<i64>,
    rows: impl Iterator<Item = (GrantId, FencingToken, Timestamp, SignedDuration)>,
) -> Result<Option<Query<'static>>, StoreError> {
    // Of several floors for one grant the latest counts; the statement would take any.
    let mut latest: BTreeMap<(GrantId, FencingToken), (Timestamp, SignedDuration)> = BTreeMap::new();
    for (id, token, floor, unearned) in rows {
        let known = latest.entry((id, token)).or_insert((floor, unearned));
        *known = (*known).max((floor, unearned));
    }
    if latest.is_empty() {
        return Ok(None);
    }
    let mut moved = Document::new();
    for ((id, token), (floor, unearned)) in latest {
        let id = moved.bytes(id.0.as_bytes());
        moved.row((id, whole(token.0)?, micros(floor), length(unearned)))?;
    }
    let (rows, bytes) = moved.finish()?;
    Ok(Some(sqlx::query(MOVE).bind(instance).bind(rows).bind(bytes)))
}
