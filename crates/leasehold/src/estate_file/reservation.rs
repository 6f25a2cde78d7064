//! Reservations of an estate file: those of one group name belong to one group.

use std::collections::BTreeMap;

use leasehold_domain::{HostId, MAX_COUNT, text as texts};
use leasehold_proto::convert::field::MAX_SHORT_TEXT;
use leasehold_proto::licensing::v1 as pb;
use serde_json::Value;

use super::error::Problem;
use super::line_item::{feature_name, version};
use super::object::{Object, number, parsed, text};
use super::{WantedEntry, WantedGroup, WantedReservation};

/// Reads all reservations; a hostid occurs once. Groups come in the order of their first reservation.
pub(super) fn read_all(values: &[(String, &Value)]) -> Result<Vec<WantedGroup>, Problem> {
    let mut groups: Vec<WantedGroup> = Vec::new();
    let mut paths: BTreeMap<HostId, &str> = BTreeMap::new();
    for (path, value) in values {
        let (name, reservation) = read(path, value)?;
        if let Some(first) = paths.insert(reservation.hostid.clone(), path) {
            let text =
                format!("{first} is for {} already; put the entries together there", reservation.hostid);
            return Err(Problem::new(format!("{path}.hostid"), text));
        }
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.reservations.push(reservation),
            None => groups.push(WantedGroup { name, reservations: vec![reservation] }),
        }
    }
    Ok(groups)
}

fn read(path: &str, value: &Value) -> Result<(String, WantedReservation), Problem> {
    let object = Object::new(path, value, &["group", "hostid", "entries"])?;
    let group = object.required("group", |value| {
        let name = text(value)?;
        texts::check(&name, MAX_SHORT_TEXT).map_err(|error| error.to_string())?;
        Ok(name)
    })?;
    let hostid = object.required("hostid", parsed)?;
    let entries = object.list("entries")?;
    if entries.is_empty() {
        return Err(Problem::new(object.at("entries"), "must name at least one feature"));
    }
    let entries = entries.iter().map(|(path, value)| entry(path, value)).collect::<Result<_, _>>()?;
    Ok((group, WantedReservation { hostid, entries }))
}

fn entry(path: &str, value: &Value) -> Result<WantedEntry, Problem> {
    let object = Object::new(path, value, &["feature", "version", "count"])?;
    Ok(WantedEntry {
        feature: object.required("feature", feature_name)?,
        version: version(&object)?,
        count: object.required("count", |value| number(value, 1, MAX_COUNT))?,
    })
}

impl From<&WantedGroup> for pb::ReservationGroup {
    fn from(group: &WantedGroup) -> Self {
        let entry = |entry: &WantedEntry| pb::ReservationEntry {
            feature: entry.feature.to_string(),
            version: entry.version.to_string(),
            count: i64::try_from(entry.count).expect("a count is at most 1,000,000,000"),
            ..pb::ReservationEntry::default()
        };
        let reservation = |reservation: &WantedReservation| pb::Reservation {
            hostid: Some((&reservation.hostid).into()),
            entries: reservation.entries.iter().map(entry).collect(),
        };
        Self {
            name: group.name.clone(),
            reservations: group.reservations.iter().map(reservation).collect(),
            ..Self::default()
        }
    }
}
