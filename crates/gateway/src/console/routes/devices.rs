//! The list of devices.

use std::cmp::Ordering;

use axum::response::Response;
use jiff::Timestamp;
use leasehold_runtime::http::{Problem, axum};

use crate::console::answer::page;
use crate::console::gather;
use crate::console::pages::devices::{DeviceRow, DevicesPage};
use crate::console::parts::{Count, ListState, Listing, encode, one_or_many};
use crate::console::shell::Section;
use crate::console::visit::{EVENTS, INSTANCE, SUMMARY, Visit};
use crate::console::words::{device_page, id_type, machine};
use crate::extract::Query;
use crate::model::Device;

/// Columns by which it sorts: name, label, whether it is a number. The first is the service's own order.
const COLUMNS: [(&str, &str, bool); 7] = [
    ("hostid", "Device", false),
    ("type", "Id type", false),
    ("machine", "Machine", false),
    ("grants", "Grants", true),
    ("counts", "Counts", true),
    ("until", "Until", false),
    ("last_seen", "Last seen", false),
];

/// The list.
pub(crate) async fn list(visit: Visit, Query(state): Query<ListState>) -> Result<Response, Problem> {
    let columns: Vec<&str> = COLUMNS.iter().map(|(column, ..)| *column).collect();
    let listing = Listing::new("/devices", &state, &columns);
    let services = &visit.services();
    let fetch = |list| async move { services.devices(INSTANCE, &list).await };
    let (shell, found) = tokio::join!(
        visit.shell("Devices", Section::Devices),
        gather::page(listing, "hostid", fetch, compare)
    );
    let gather::Page { rows, listing, cut } = found?;
    page(&DevicesPage {
        facts: match cut {
            true => format!(
                "Too many to sort: the first ones of {}, sorted. Search for part of a name.",
                listing.total()
            ),
            false if listing.search().is_empty() => {
                one_or_many(listing.total(), "device known", "devices known")
            }
            false => one_or_many(listing.total(), "device found", "devices found"),
        },
        shell,
        events: EVENTS,
        event_names: SUMMARY,
        export: format!("/api/v1/instances/~/devices?format=csv&search={}", encode(listing.search())),
        heads: COLUMNS.iter().map(|(column, label, numeric)| listing.head(column, label, *numeric)).collect(),
        rows: rows.into_iter().map(|row| row_of(row, &visit)).collect(),
        paging: listing.paging("device", "devices"),
        listing,
    })
}

fn row_of(row: Device, visit: &Visit) -> DeviceRow {
    let named = !row.alias.is_empty();
    DeviceRow {
        href: device_page(&row.hostid),
        blocked: row.blocked,
        id_type: id_type(&row.hostid),
        machine: machine(&row.device_type),
        grants: Count(row.grants),
        counts: Count(row.counts),
        until: row.expires_at.map(|at| visit.when(at)),
        last_seen: row.last_seen.map(|at| visit.when(at)),
        subtitle: if named { row.hostid.clone() } else { String::new() },
        title: if named { row.alias } else { row.hostid },
    }
}

fn compare(column: &str, one: &Device, other: &Device) -> Ordering {
    let until = |device: &Device| device.expires_at.unwrap_or(Timestamp::MAX);
    match column {
        "type" => id_type(&one.hostid).cmp(id_type(&other.hostid)),
        "machine" => machine(&one.device_type).cmp(machine(&other.device_type)),
        "grants" => one.grants.cmp(&other.grants),
        "counts" => one.counts.cmp(&other.counts),
        "until" => until(one).cmp(&until(other)),
        // Seen last comes first: that is what somebody looks for.
        "last_seen" => other.last_seen.cmp(&one.last_seen),
        _ => one.hostid.cmp(&other.hostid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_sorted_by_what_they_hold_and_when_they_were_seen() {
        let device = |hostid: &str, counts, seen: &str| Device {
            hostid: hostid.into(),
            alias: String::new(),
            device_type: "PHYSICAL".into(),
            first_seen: None,
            last_seen: Some(seen.parse().unwrap()),
            blocked: false,
            grants: counts,
            counts,
            expires_at: None,
        };
        let (old, new) = (device("a", 3, "2026-01-01T00:00:00Z"), device("b", 1, "2026-02-01T00:00:00Z"));
        assert_eq!(compare("counts", &old, &new), Ordering::Greater);
        assert_eq!(compare("last_seen", &old, &new), Ordering::Greater);
        assert_eq!(compare("hostid", &old, &new), Ordering::Less);
    }
}
