//! Floor deadlines of online grants: finding those that have passed, and moving them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::lease::{MIN_TTL, latest_floor, server_patience};
use leasehold_domain::{FencingToken, GrantId};
use leasehold_store::StoreError;
use leasehold_store::licensing::{Promotion, Silent};
use sqlx::postgres::PgArguments;
use uuid::Uuid;

use crate::arguments::add;
use crate::decode::Columns;
use crate::encode::{length, micros, whole};

/// The silent grants at `$2`, longest passed first.
pub(crate) const SILENT: &str = "SELECT record_send(ROW(id, fencing_token, floor_deadline, lease_ttl, unearned)) \
      FROM licensing.grants \
     WHERE instance = $1 AND mode = 0 AND floor_deadline <= $2 \
     ORDER BY floor_deadline, id LIMIT $3";

pub(crate) const COUNT_SILENT: &str =
    "SELECT count(*) FROM licensing.grants WHERE instance = $1 AND mode = 0 AND floor_deadline <= $2";

pub(crate) const COUNT_ONLINE: &str =
    "SELECT count(*) FROM licensing.grants WHERE instance = $1 AND mode = 0";

/// The times to live of grants whose floor is later than `$2`.
pub(crate) const TTLS: &str = "SELECT record_send(ROW(lease_ttl)) FROM licensing.grants \
     WHERE instance = $1 AND mode = 0 AND floor_deadline > $2 AND lease_ttl IS NOT NULL GROUP BY lease_ttl";

pub(crate) const MOVE: &str = "SELECT licensing.move_floors($1, $2, $3, $4, $5)";
pub(crate) const CLAMP: &str = "SELECT licensing.clamp_floors($1, $2, $3, $4)";

/// Grants that are moved in one transaction: others wait for it.
const CHUNK: usize = 500;

/// Reads a row of [`SILENT`].
pub(crate) fn read(row: &[u8]) -> Result<Silent, StoreError> {
    let columns = &mut Columns::of("grants", "id, fencing_token, floor_deadline, lease_ttl, unearned", row)?;
    Ok(Silent {
        id: GrantId(columns.plain()?),
        fencing_token: FencingToken(columns.number()?),
        floor: columns.time()?,
        ttl: columns.optional_length()?.unwrap_or(MIN_TTL),
        unearned: columns.length()?,
    })
}

/// Reads a row of [`TTLS`].
pub(crate) fn read_ttl(row: &[u8]) -> Result<SignedDuration, StoreError> {
    Columns::of("grants", "lease_ttl", row)?.length()
}

/// The arguments of [`MOVE`] for floors that were earned.
pub(crate) fn earned(
    instance: i32,
    floors: &[(GrantId, FencingToken, Timestamp)],
) -> Result<Vec<PgArguments>, StoreError> {
    moved(instance, floors.iter().map(|(id, token, floor)| (*id, *token, *floor, SignedDuration::ZERO)))
}

/// The arguments of [`MOVE`] for floors that were not earned.
pub(crate) fn promoted(instance: i32, promotions: &[Promotion]) -> Result<Vec<PgArguments>, StoreError> {
    let rows = promotions.iter();
    moved(instance, rows.map(|one| (one.id, one.fencing_token, one.floor, one.unearned)))
}

/// The arguments of [`CLAMP`] for these times to live.
pub(crate) fn clamped(
    instance: i32,
    ttls: &[SignedDuration],
    now: Timestamp,
) -> Result<PgArguments, StoreError> {
    let numbers = |number: &dyn Fn(SignedDuration) -> i64| -> Vec<i64> {
        ttls.iter().map(|ttl| number(*ttl)).collect()
    };
    let floor = |ttl| now.checked_add(server_patience(ttl)).unwrap_or(Timestamp::MAX);
    let mut arguments = PgArguments::default();
    add(&mut arguments, instance)?;
    add(&mut arguments, numbers(&length))?;
    add(&mut arguments, numbers(&|ttl| micros(latest_floor(ttl, now))))?;
    add(&mut arguments, numbers(&|ttl| micros(floor(ttl))))?;
    Ok(arguments)
}

fn moved(
    instance: i32,
    rows: impl Iterator<Item = (GrantId, FencingToken, Timestamp, SignedDuration)>,
) -> Result<Vec<PgArguments>, StoreError> {
    // Of several floors for one grant the latest counts.
    let mut latest: BTreeMap<(GrantId, FencingToken), (Timestamp, SignedDuration)> = BTreeMap::new();
    for (id, token, floor, unearned) in rows {
        let known = latest.entry((id, token)).or_insert((floor, unearned));
        *known = (*known).max((floor, unearned));
    }
    let latest: Vec<_> = latest.into_iter().collect();
    latest
        .chunks(CHUNK)
        .map(|rows| {
            let tokens: Vec<i64> =
                rows.iter().map(|((_, token), _)| whole(token.0)).collect::<Result<_, _>>()?;
            let mut arguments = PgArguments::default();
            add(&mut arguments, instance)?;
            add(&mut arguments, rows.iter().map(|((id, _), _)| id.0).collect::<Vec<Uuid>>())?;
            add(&mut arguments, tokens)?;
            add(&mut arguments, rows.iter().map(|(_, (floor, _))| micros(*floor)).collect::<Vec<i64>>())?;
            add(&mut arguments, rows.iter().map(|(_, (_, more))| length(*more)).collect::<Vec<i64>>())?;
            Ok(arguments)
        })
        .collect()
}
