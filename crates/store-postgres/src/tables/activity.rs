//! Activity records.

use std::collections::BTreeMap;

use leasehold_domain::{Activity, ActivityKind, GrantId, LineItemId, RequestId};
use leasehold_store::StoreError;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::decode::Columns;
use crate::encode::micros;
use crate::rows::Rows;
use crate::session::Types;

/// The columns of a record `r` in a row `a`, as [`read`] wants them.
macro_rules! columns {
    () => {
        "r.id, a.at, r.kind, r.hostid, r.place, r.feature, r.grant_id, r.deltas, r.detail, r.request, r.actor"
    };
}
pub(crate) use columns;

/// Records in a row at most. A page of a list reads whole rows.
const RECORDS_IN_A_ROW: usize = 64;

/// Bytes of most records.
const RECORD: usize = 320;

/// Reads a record.
pub(crate) fn read(row: &[u8]) -> Result<Activity, StoreError> {
    let columns = &mut Columns::of("activity", columns!(), row)?;
    Ok(Activity {
        id: columns.plain()?,
        at: columns.time()?,
        kind: columns.read(kind)?,
        hostid: columns.optional_hostid()?,
        place: columns.text()?,
        feature: columns.text()?,
        grant: columns.plain::<Option<_>>()?.map(GrantId),
        deltas: columns.read(deltas)?,
        detail: columns.text()?,
        request: columns.plain::<Option<_>>()?.map(RequestId),
        actor: columns.text()?,
    })
}

/// The rows of records: each has those of one moment.
pub(crate) fn write(types: &Types, records: &[Activity]) -> Result<Rows, StoreError> {
    let mut sorted: Vec<&Activity> = records.iter().collect();
    sorted.sort_by_key(|record| (record.at, record.id));
    let mut rows = Rows::with_room(types.activity, records.len() * RECORD);
    let moments = sorted.chunk_by(|one, other| one.at == other.at);
    for records in moments.flat_map(|moment| moment.chunks(RECORDS_IN_A_ROW)) {
        rows.row(3, |row| {
            row.int8(micros(records[0].at))?
                .uuid(&records[0].id)?
                .rows(types.activity_record, |rows| write_records(rows, records))?;
            Ok(())
        })?;
    }
    Ok(rows)
}

fn write_records(rows: &mut Rows, records: &[&Activity]) -> Result<(), StoreError> {
    for record in records {
        rows.row(10, |row| {
            row.uuid(&record.id)?
                .text(record.kind.name())?
                .optional_hostid(record.hostid.as_ref())?
                .text(&record.place)?
                .text(&record.feature)?
                .optional_uuid(record.grant.as_ref().map(|grant| &grant.0))?
                .json_text(&Deltas(record))?
                .text(&record.detail)?
                .optional_uuid(record.request.as_ref().map(|request| &request.0))?
                .text(&record.actor)?;
            Ok(())
        })?;
    }
    Ok(())
}

/// What a record added to the counts out, as an object.
struct Deltas<'a>(&'a Activity);

impl Serialize for Deltas<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.deltas.len()))?;
        for (line_item, delta) in &self.0.deltas {
            map.serialize_entry(line_item.as_str(), delta)?;
        }
        map.end()
    }
}

fn kind(name: &str) -> Result<ActivityKind, String> {
    ActivityKind::from_name(name).ok_or_else(|| format!("{name:?} is no kind of activity"))
}

fn deltas(json: &str) -> Result<BTreeMap<LineItemId, i64>, String> {
    let deltas: BTreeMap<String, i64> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    deltas
        .into_iter()
        .map(|(line_item, delta)| {
            Ok((LineItemId::new(&line_item).map_err(|error| error.to_string())?, delta))
        })
        .collect()
}
