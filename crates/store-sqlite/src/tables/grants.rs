//! Grants with their parts.

use leasehold_domain::cell::Source;
use leasehold_domain::holder::Place;
use leasehold_domain::{FencingToken, Grant, GrantId, Holder, LeaseToken, LineItemId, Mode, Part};
use leasehold_store::StoreError;
use sqlx::sqlite::SqliteRow;

use crate::decode::{self, Columns};
use crate::encode::{Document, Shown, SourceText, length, micros, whole};

/// The columns of a grant `g`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "g.id, g.device, g.place, g.feature, g.mode, g.fencing_token, g.lease_token, g.lease_ttl, \
         g.granted_at, g.changed_at, g.floor_deadline, \
         (SELECT json_group_array(json_array(p.seq, p.line_item, p.source, p.count, p.ends_at)) \
            FROM parts AS p \
           WHERE p.instance = g.instance AND p.grant_id = g.id)"
    };
}
pub(crate) use columns;

/// Finds grants of the holders `$2`, with all their features, and grants by id: `$3` says where each begins
/// in `$4`.
macro_rules! load {
    () => {
        concat!(
            "WITH wanted (id) AS MATERIALIZED ( \
                 SELECT held.id \
                   FROM jsonb_each($2) AS holder \
                  CROSS JOIN grants AS held \
                  WHERE held.instance = $1 \
                    AND held.device = holder.value ->> 0 \
                    AND held.place = holder.value ->> 1 \
                  UNION \
                 SELECT substr($4, value, 16) FROM json_each($3)) \
             SELECT ",
            crate::tables::grants::columns!(),
            " FROM wanted CROSS JOIN grants AS g WHERE g.instance = $1 AND g.id = wanted.id"
        )
    };
}
pub(crate) use load;

/// Reads a grant.
pub(crate) fn read(row: &SqliteRow) -> Result<Grant, StoreError> {
    let columns = &mut Columns::of("grants", row);
    Ok(Grant {
        id: GrantId(columns.uuid()?),
        holder: Holder { device: columns.parsed()?, place: columns.read(place)? },
        feature: columns.feature()?,
        mode: columns.read(mode)?,
        fencing_token: FencingToken(columns.number()?),
        lease_token: columns.optional_bytes()?.map(LeaseToken),
        lease_ttl: columns.optional_length()?,
        granted_at: columns.time()?,
        changed_at: columns.time()?,
        floor_deadline: columns.optional_time()?,
        parts: columns.read(parts)?,
    })
}

/// The documents of grants and of their parts. The parts name their grant by the place of its id in the
/// grants' bytes.
pub(crate) fn write(grants: &[Grant]) -> Result<(Document, Document), StoreError> {
    let (mut rows, mut parts) = (Document::new(), Document::new());
    for grant in grants {
        let id = rows.bytes(grant.id.0.as_bytes());
        let lease_token = grant.lease_token.map(|token| rows.bytes(&token.0));
        rows.row((
            id,
            Shown(&grant.holder.device),
            Shown(&grant.holder.place),
            grant.feature.as_str(),
            matches!(grant.mode, Mode::Borrow),
            whole(grant.fencing_token.0)?,
            lease_token,
            grant.lease_ttl.map(length),
            micros(grant.granted_at),
            micros(grant.changed_at),
            grant.floor_deadline.map(micros),
            micros(grant.first_end()),
        ))?;
        for (seq, part) in grant.parts.iter().enumerate() {
            parts.row((
                id,
                seq,
                part.line_item.as_str(),
                Shown(SourceText(&part.source)),
                whole(part.count)?,
                micros(part.ends_at),
            ))?;
        }
    }
    Ok((rows, parts))
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

fn parts(json: &str) -> Result<Vec<Part>, String> {
    let mut rows: Vec<(i64, String, String, u64, i64)> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    rows.sort_unstable_by_key(|(seq, ..)| *seq);
    rows.into_iter()
        .map(|(_, line_item, source, count, ends_at)| part(&line_item, &source, count, ends_at))
        .collect()
}

fn part(line_item: &str, source: &str, count: u64, ends_at: i64) -> Result<Part, String> {
    let source: Source = decode::source(source)?;
    Ok(Part {
        line_item: LineItemId::new(line_item).map_err(|error| error.to_string())?,
        source,
        count,
        ends_at: decode::time(ends_at).map_err(|error| error.to_string())?,
    })
}
