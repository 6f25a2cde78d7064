//! Grants with their parts.

use leasehold_domain::holder::Place;
use leasehold_domain::{FencingToken, Grant, GrantId, Holder, LeaseToken, Mode, Part, Source};
use leasehold_store::StoreError;
use uuid::Uuid;

use crate::decode::{self, Columns};
use crate::encode::{SourceText, length, micros, whole};
use crate::rows::Rows;
use crate::session::Types;

/// The columns of a grant, as [`read`] wants them and `licensing.grant_out` sends them.
const COLUMNS: &str = "id, device, place, feature, mode, fencing_token, lease_token, lease_ttl, granted_at, \
     changed_at, floor_deadline, parts";

/// The grants of the ids `$2`.
pub(crate) const BY_ID: &str =
    "SELECT licensing.grant_out(g) FROM licensing.grants AS g WHERE g.instance = $1 AND g.id = ANY ($2)";

/// Bytes of most rows.
const ROW: usize = 512;

/// Reads a grant.
pub(crate) fn read(row: &[u8]) -> Result<Grant, StoreError> {
    let columns = &mut Columns::of("grants", COLUMNS, row)?;
    Ok(Grant {
        id: GrantId(columns.plain()?),
        holder: Holder { device: columns.parsed()?, place: columns.read(place)? },
        feature: columns.feature()?,
        mode: columns.read(mode)?,
        fencing_token: FencingToken(columns.number()?),
        lease_token: columns.plain::<Option<_>>()?.map(LeaseToken),
        lease_ttl: columns.optional_length()?,
        granted_at: columns.time()?,
        changed_at: columns.time()?,
        floor_deadline: columns.optional_time()?,
        parts: columns.rows()?.into_iter().map(read_part).collect::<Result<_, _>>()?,
    })
}

/// The rows of grants.
pub(crate) fn write(types: &Types, grants: &[&Grant]) -> Result<Rows, StoreError> {
    let mut rows = Rows::with_room(types.grant, grants.len() * ROW);
    for grant in grants {
        let lease_token = grant.lease_token.map(|token| Uuid::from_bytes(token.0));
        rows.row(16, |row| {
            row.uuid(&grant.id.0)?
                .hostid(&grant.holder.device)?
                .shown(&grant.holder.place)?
                .text(grant.feature.as_str())?
                .int2(matches!(grant.mode, Mode::Borrow).into())?
                .int8(whole(grant.fencing_token.0)?)?
                .optional_uuid(lease_token.as_ref())?
                .optional_int8(grant.lease_ttl.map(length))?
                .int8(micros(grant.granted_at))?
                .int8(micros(grant.changed_at))?
                .optional_int8(grant.floor_deadline.map(micros))?
                .int8(whole(grant.count())?)?
                .int8(micros(grant.first_end()))?
                .int8(micros(grant.last_end()))?
                .bool(grant.parts.iter().any(|part| part.source != Source::Default))?
                .rows(types.part, |rows| write_parts(rows, &grant.parts))?;
            Ok(())
        })?;
    }
    Ok(rows)
}

fn write_parts(rows: &mut Rows, parts: &[Part]) -> Result<(), StoreError> {
    for part in parts {
        rows.row(4, |row| {
            row.text(part.line_item.as_str())?
                .shown(SourceText(&part.source))?
                .int8(whole(part.count)?)?
                .int8(micros(part.ends_at))?;
            Ok(())
        })?;
    }
    Ok(())
}

fn read_part(row: &[u8]) -> Result<Part, StoreError> {
    let columns = &mut Columns::of("grants.parts", "line_item, source, count, ends_at", row)?;
    Ok(Part {
        line_item: columns.line_item()?,
        source: columns.read(decode::source)?,
        count: columns.number()?,
        ends_at: columns.time()?,
    })
}

fn place(text: &str) -> Result<Place, String> {
    Place::from_text(text).ok_or_else(|| format!("{text:?} is no place"))
}

fn mode(number: i64) -> Result<Mode, String> {
    match number {
        0 => Ok(Mode::Online),
        1 => Ok(Mode::Borrow),
        _ => Err(format!("{number} is no mode")),
    }
}
