//! One logical licence server.

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bare, given, hostid, time};

/// One logical licence server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Instance {
    /// Its id, a UUID.
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub(crate) instance_id: String,
    /// Its name.
    #[schema(example = "default")]
    pub(crate) name: String,
    /// `UNENROLLED`, `RUNNING`, `UNSYNCHRONIZED`, `SUSPENDED`, `BINDING_BROKEN`, `CLOCK_SKEW`, `MOVED` or `RESTORED`.
    #[schema(example = "RUNNING")]
    pub(crate) status: String,
    /// The server's version.
    pub(crate) version: String,
    /// The hostid in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hostid: Option<String>,
    /// All hostids found.
    pub(crate) detected_hostids: Vec<String>,
    /// The time by the server's clock.
    pub(crate) server_time: Option<Timestamp>,
    /// The vendor that it is enrolled with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vendor_id: Option<String>,
    /// The id that the vendor gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) license_server_id: Option<String>,
    /// The sequence number of the bundle of rights in force; 0 before the first.
    pub(crate) bundle_sequence: u64,
    /// From then on nothing is granted until it has synchronised again.
    pub(crate) synchronize_before: Option<Timestamp>,
    /// That an administrator suspended it; left out where nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suspension: Option<Suspension>,
}

/// That an instance is suspended: it gives nothing new out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Suspension {
    /// What clients are told.
    pub(crate) text: String,
    /// Since when.
    pub(crate) since: Option<Timestamp>,
    /// Who did it.
    pub(crate) actor: String,
}

impl From<pb::GetInstanceResponse> for Instance {
    fn from(found: pb::GetInstanceResponse) -> Self {
        Self {
            status: bare(found.status().as_str_name(), "INSTANCE_STATUS_"),
            instance_id: found.instance_id,
            name: found.name,
            version: found.version,
            hostid: given(hostid(found.hostid.as_ref())),
            detected_hostids: found.detected_hostids.iter().map(|id| hostid(Some(id))).collect(),
            server_time: time(found.server_time.as_ref()),
            vendor_id: given(found.vendor_id),
            license_server_id: given(found.license_server_id),
            bundle_sequence: found.bundle_sequence,
            synchronize_before: time(found.synchronize_before.as_ref()),
            suspension: found.suspension.map(|found| Suspension {
                since: time(found.since.as_ref()),
                text: found.text,
                actor: found.actor,
            }),
        }
    }
}
