//! Reservation groups with their reservations and entries.

use leasehold_domain::text::FeatureName;
use leasehold_domain::{Entry, EntryId, Group, GroupId, HostId, Reservation};
use leasehold_store::StoreError;
use serde::Serialize;
use uuid::Uuid;

use crate::decode::Columns;
use crate::encode::whole;

/// The columns of a group `g`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "g.id, g.name, g.revision, \
         (SELECT json_agg(json_build_array(r.position, r.hostid, ( \
                     SELECT json_agg(json_build_array(e.position, e.id, e.feature, e.version, e.count, e.age)) \
                       FROM licensing.entries AS e \
                      WHERE e.instance = r.instance AND e.hostid = r.hostid))) \
            FROM licensing.reservations AS r \
           WHERE r.instance = g.instance AND r.group_id = g.id)"
    };
}
pub(crate) use columns;

/// Every group.
pub(crate) const ALL: &str = concat!(
    "SELECT record_send(ROW(",
    columns!(),
    ")) FROM licensing.reservation_groups AS g WHERE g.instance = $1 ORDER BY g.name"
);

/// Reads an entry.
pub(crate) fn read_entry(row: &[u8]) -> Result<Entry, StoreError> {
    let columns = &mut Columns::of("entries", "id, hostid, feature, version, count, age", row)?;
    Ok(Entry {
        id: EntryId(columns.plain()?),
        hostid: columns.parsed()?,
        feature: columns.feature()?,
        version: columns.parsed()?,
        count: columns.number()?,
        order: columns.number()?,
    })
}

/// Reads a group with its reservations.
pub(crate) fn read(row: &[u8]) -> Result<Group, StoreError> {
    let columns = &mut Columns::of("reservation_groups", "id, name, revision, reservations", row)?;
    Ok(Group {
        id: GroupId(columns.plain()?),
        name: columns.text()?,
        revision: columns.number()?,
        reservations: columns.read(reservations)?,
    })
}

/// The rows of groups and all that is in them; names are those of the columns.
#[derive(Default)]
pub(crate) struct Written<'a> {
    /// The groups.
    pub(crate) groups: Vec<GroupRow<'a>>,
    /// Their reservations.
    pub(crate) reservations: Vec<ReservationRow>,
    /// Their entries.
    pub(crate) entries: Vec<EntryRow<'a>>,
}

#[derive(Serialize)]
pub(crate) struct GroupRow<'a> {
    id: String,
    name: &'a str,
    revision: i64,
}

#[derive(Serialize)]
pub(crate) struct ReservationRow {
    hostid: String,
    group_id: String,
    position: usize,
}

#[derive(Serialize)]
pub(crate) struct EntryRow<'a> {
    id: String,
    hostid: String,
    position: usize,
    feature: &'a str,
    version: &'a str,
    count: i64,
    age: i64,
}

/// The rows of groups and all that is in them.
pub(crate) fn write(groups: &[Group]) -> Result<Written<'_>, StoreError> {
    let mut written = Written::default();
    for group in groups {
        written.groups.push(GroupRow {
            id: group.id.to_string(),
            name: &group.name,
            revision: whole(group.revision)?,
        });
        for (position, reservation) in group.reservations.iter().enumerate() {
            let (hostid, group_id) = (reservation.hostid.to_string(), group.id.to_string());
            written.reservations.push(ReservationRow { hostid, group_id, position });
            for (position, entry) in reservation.entries.iter().enumerate() {
                written.entries.push(EntryRow {
                    id: entry.id.to_string(),
                    hostid: reservation.hostid.to_string(),
                    position,
                    feature: entry.feature.as_str(),
                    version: entry.version.as_str(),
                    count: whole(entry.count)?,
                    age: whole(entry.order)?,
                });
            }
        }
    }
    Ok(written)
}

type EntryColumns = (i64, String, String, String, u64, u64);

fn reservations(json: Option<&str>) -> Result<Vec<Reservation>, String> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let mut rows: Vec<(i64, String, Option<Vec<EntryColumns>>)> =
        serde_json::from_str(json).map_err(|error| error.to_string())?;
    rows.sort_unstable_by_key(|(position, ..)| *position);
    rows.into_iter().map(|(_, hostid, entries)| reservation(&hostid, entries.unwrap_or_default())).collect()
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
