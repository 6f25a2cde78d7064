//! Reservations, by group.

use leasehold_proto::convert::hostid::read_hostid_text;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::http::Problem;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{bare, hostid};
use crate::guard::invalid;

/// What every version is at least.
const ANY_VERSION: &str = "0";

/// Counts kept for hostids, added and removed together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReservationGroup {
    /// The group's id.
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub(crate) group_id: String,
    /// Unique in the instance.
    #[schema(example = "training room")]
    pub(crate) name: String,
    /// The reservations, one a hostid.
    pub(crate) reservations: Vec<Reservation>,
    /// Changes with every change of the group.
    pub(crate) etag: String,
}

/// Counts kept for one hostid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Reservation {
    /// Device or user.
    #[schema(example = "a1b2/MACHINE_ID")]
    pub(crate) hostid: String,
    /// What is kept.
    pub(crate) entries: Vec<ReservationEntry>,
}

/// Counts of one feature kept for one hostid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ReservationEntry {
    /// The entry's id.
    pub(crate) entry_id: String,
    /// The feature's name.
    #[schema(example = "render")]
    pub(crate) feature: String,
    /// The lowest version that will do.
    pub(crate) version: String,
    /// Counts.
    #[schema(example = 2)]
    pub(crate) count: i64,
    /// `SATISFIED`: all set aside or in use; `WAITING`: owned, but still out with others; `UNSATISFIED`: too few owned.
    #[schema(example = "SATISFIED")]
    pub(crate) state: String,
    /// Counts missing.
    pub(crate) missing: i64,
    /// Counts of it in use.
    pub(crate) used: i64,
}

/// A group as it shall be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct GroupInput {
    /// Unique in the instance, 1 to 255 bytes.
    #[schema(example = "training room", max_length = 255)]
    pub(crate) name: String,
    /// The reservations, one a hostid. A hostid occurs once in the instance.
    pub(crate) reservations: Vec<ReservationInput>,
    /// Whether it is taken though the owned counts cannot meet it.
    #[serde(default)]
    pub(crate) allow_unsatisfied: bool,
}

/// Counts to be kept for one hostid.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ReservationInput {
    /// Device or user: `VALUE/TYPE`.
    #[schema(example = "a1b2/MACHINE_ID", max_length = 300)]
    pub(crate) hostid: String,
    /// What shall be kept.
    pub(crate) entries: Vec<ReservationEntryInput>,
}

/// Counts of one feature to be kept.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct ReservationEntryInput {
    /// The id of an entry that stands and shall stay; left out for a new one.
    #[serde(default)]
    pub(crate) entry_id: String,
    /// The feature's name.
    #[schema(example = "render", max_length = 255)]
    pub(crate) feature: String,
    /// The lowest version that will do; left out: any.
    #[serde(default)]
    pub(crate) version: String,
    /// Counts: 1 to 1,000,000,000.
    #[schema(example = 2, minimum = 1, maximum = 1_000_000_000)]
    pub(crate) count: i64,
}

impl From<pb::ReservationGroup> for ReservationGroup {
    fn from(found: pb::ReservationGroup) -> Self {
        let reservations = found.reservations.into_iter().map(|found| Reservation {
            hostid: hostid(found.hostid.as_ref()),
            entries: found.entries.into_iter().map(ReservationEntry::from).collect(),
        });
        Self {
            reservations: reservations.collect(),
            group_id: found.group_id,
            name: found.name,
            etag: found.etag,
        }
    }
}

impl From<pb::ReservationEntry> for ReservationEntry {
    fn from(found: pb::ReservationEntry) -> Self {
        let status = found.status.unwrap_or_default();
        Self {
            state: bare(status.state().as_str_name(), "RESERVATION_STATE_"),
            missing: status.missing,
            used: status.used,
            entry_id: found.entry_id,
            feature: found.feature,
            version: found.version,
            count: found.count,
        }
    }
}

impl GroupInput {
    /// The same for the service; `id` and `etag` are empty for a new group.
    pub(crate) fn message(self, id: &str, etag: &str) -> Result<pb::ReservationGroup, Problem> {
        let read = |(index, reservation): (usize, ReservationInput)| {
            let hostid = read_hostid_text(&reservation.hostid)
                .map_err(|error| invalid(&format!("reservations[{index}].hostid"), error.to_string()))?;
            let entries = reservation.entries.into_iter().map(|entry| pb::ReservationEntry {
                entry_id: entry.entry_id,
                feature: entry.feature,
                version: if entry.version.is_empty() { ANY_VERSION.to_owned() } else { entry.version },
                count: entry.count,
                status: None,
            });
            Ok(pb::Reservation { hostid: Some(hostid), entries: entries.collect() })
        };
        let reservations =
            self.reservations.into_iter().enumerate().map(read).collect::<Result<_, Problem>>()?;
        Ok(pb::ReservationGroup {
            group_id: id.to_owned(),
            name: self.name,
            reservations,
            etag: etag.to_owned(),
        })
    }
}
