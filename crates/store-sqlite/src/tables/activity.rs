//! Activity records.

use leasehold_domain::{Activity, ActivityKind, GrantId, LineItemId, RequestId};
use leasehold_store::StoreError;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use sqlx::sqlite::SqliteRow;

use crate::decode::Columns;
use crate::encode::{Document, Shown, micros};

/// The columns of a record, as [`read`] wants them.
macro_rules! columns {
    () => {
        "id, at, kind, hostid, place, feature, grant_id, deltas, detail, request, actor"
    };
}
pub(crate) use columns;

/// Reads a record.
pub(crate) fn read(row: &SqliteRow) -> Result<Activity, StoreError> {
    let columns = &mut Columns::of("activity", row);
    Ok(Activity {
        id: columns.uuid()?,
        at: columns.time()?,
        kind: columns.read(kind)?,
        hostid: columns.optional_hostid()?,
        place: columns.text()?,
        feature: columns.text()?,
        grant: columns.optional_uuid()?.map(GrantId),
        deltas: columns.read(deltas)?,
        detail: columns.text()?,
        request: columns.optional_uuid()?.map(RequestId),
        actor: columns.text()?,
    })
}

/// The document of records.
pub(crate) fn write(records: &[Activity]) -> Result<Document, StoreError> {
    let mut rows = Document::new();
    for record in records {
        let id = rows.bytes(record.id.as_bytes());
        let grant = record.grant.map(|grant| rows.bytes(grant.0.as_bytes()));
        let request = record.request.map(|request| rows.bytes(request.0.as_bytes()));
        rows.row((
            id,
            micros(record.at),
            record.kind.name(),
            record.hostid.as_ref().map(Shown),
            &record.place,
            &record.feature,
            grant,
            Deltas(record),
            &record.detail,
            request,
            &record.actor,
        ))?;
    }
    Ok(rows)
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

fn deltas(json: &str) -> Result<std::collections::BTreeMap<LineItemId, i64>, String> {
    let deltas: Vec<(String, i64)> = serde_json::from_str::<std::collections::BTreeMap<_, _>>(json)
        .map_err(|error| error.to_string())?
        .into_iter()
        .collect();
    deltas
        .into_iter()
        .map(|(line_item, delta)| {
            Ok((LineItemId::new(&line_item).map_err(|error| error.to_string())?, delta))
        })
        .collect()
}
