//! Reservation groups with their reservations and entries.

use leasehold_domain::text::FeatureName;
use leasehold_domain::{Entry, EntryId, Group, GroupId, HostId, Reservation};
use leasehold_store::StoreError;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::decode::Columns;
use crate::encode::{Document, Shown, whole};

/// The columns of a group `g`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "g.id, g.name, g.revision, \
         (SELECT json_group_array(json_array(r.position, r.hostid, json(( \
                     SELECT json_group_array(json_array(e.position, hex(e.id), e.feature, e.version, e.count, e.age)) \
                       FROM entries AS e \
                      WHERE e.instance = r.instance AND e.hostid = r.hostid)))) \
            FROM reservations AS r \
           WHERE r.instance = g.instance AND r.group_id = g.id)"
    };
}
pub(crate) use columns;

/// Every group.
pub(crate) const ALL: &str =
    concat!("SELECT ", columns!(), " FROM reservation_groups AS g WHERE g.instance = $1 ORDER BY g.name");

/// Finds the entries of the hostids in the argument of this name.
macro_rules! load_entries {
    ($hostids:literal) => {
        concat!(
            "SELECT e.id, e.hostid, e.feature, e.version, e.count, e.age FROM json_each(",
            $hostids,
            ") AS wanted CROSS JOIN entries AS e WHERE e.instance = $1 AND e.hostid = wanted.value"
        )
    };
}
pub(crate) use load_entries;

/// Reads an entry.
pub(crate) fn read_entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let columns = &mut Columns::of("entries", row);
    Ok(Entry {
        id: EntryId(columns.uuid()?),
        hostid: columns.parsed()?,
        feature: columns.feature()?,
        version: columns.parsed()?,
        count: columns.number()?,
        order: columns.number()?,
    })
}

/// Reads a group with its reservations.
pub(crate) fn read(row: &SqliteRow) -> Result<Group, StoreError> {
    let columns = &mut Columns::of("reservation_groups", row);
    Ok(Group {
        id: GroupId(columns.uuid()?),
        name: columns.text()?,
        revision: columns.number()?,
        reservations: columns.read(reservations)?,
    })
}

/// The documents of groups, reservations and entries.
pub(crate) struct Written {
    /// The groups, and their ids as bytes.
    pub(crate) groups: Document,
    /// Their reservations, which name the group by the place of its id in the groups' bytes.
    pub(crate) reservations: Document,
    /// Their entries.
    pub(crate) entries: Document,
}

/// The documents of groups and all that is in them.
pub(crate) fn write(groups: &[Group]) -> Result<Written, StoreError> {
    let mut written =
        Written { groups: Document::new(), reservations: Document::new(), entries: Document::new() };
    for group in groups {
        let id = written.groups.bytes(group.id.0.as_bytes());
        written.groups.row((id, &group.name, whole(group.revision)?))?;
        for (position, reservation) in group.reservations.iter().enumerate() {
            written.reservations.row((Shown(&reservation.hostid), id, position))?;
            write_entries(&mut written.entries, reservation)?;
        }
    }
    Ok(written)
}

fn write_entries(rows: &mut Document, reservation: &Reservation) -> Result<(), StoreError> {
    for (position, entry) in reservation.entries.iter().enumerate() {
        let id = rows.bytes(entry.id.0.as_bytes());
        rows.row((
            id,
            Shown(&reservation.hostid),
            position,
            entry.feature.as_str(),
            entry.version.as_str(),
            whole(entry.count)?,
            whole(entry.order)?,
        ))?;
    }
    Ok(())
}

type EntryColumns = (i64, String, String, String, u64, u64);

fn reservations(json: &str) -> Result<Vec<Reservation>, String> {
    let mut rows: Vec<(i64, String, Vec<EntryColumns>)> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    rows.sort_unstable_by_key(|(position, ..)| *position);
    rows.into_iter().map(|(_, hostid, entries)| reservation(&hostid, entries)).collect()
}

fn reservation(hostid: &str, mut entries: Vec<EntryColumns>) -> Result<Reservation, String> {
    let hostid: HostId = hostid.parse().map_err(|error| format!("{error}"))?;
    entries.sort_unstable_by_key(|(position, ..)| *position);
    let entries = entries.into_iter().map(|columns| entry(&hostid, &columns)).collect::<Result<_, _>>()?;
    Ok(Reservation { hostid, entries })
}

fn entry(hostid: &HostId, columns: &EntryColumns) -> Result<Entry, String> {
    let (_, id, feature, version, count, order) = columns;
    Ok(Entry {
        id: EntryId(Uuid::parse_str(id).map_err(|error| error.to_string())?),
        hostid: hostid.clone(),
        feature: FeatureName::new(feature).map_err(|error| error.to_string())?,
        version: version.parse().map_err(|error| format!("{error}"))?,
        count: *count,
        order: *order,
    })
}
