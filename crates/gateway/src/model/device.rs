//! Devices, and what they hold.

use jiff::Timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::source::Source;
use serde::Serialize;
use utoipa::ToSchema;

use super::{bare, hostid, time};

/// One client machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Device {
    /// The hostid that names it.
    #[schema(example = "a1b2/MACHINE_ID")]
    pub(crate) hostid: String,
    /// The name for people.
    #[schema(example = "workstation 7")]
    pub(crate) alias: String,
    /// `PHYSICAL`, `VIRTUAL` or `UNKNOWN`.
    #[schema(example = "PHYSICAL")]
    pub(crate) device_type: String,
    /// First request.
    pub(crate) first_seen: Option<Timestamp>,
    /// Newest request.
    pub(crate) last_seen: Option<Timestamp>,
    /// Whether an administrator blocked it.
    pub(crate) blocked: bool,
    /// Grants that it holds.
    pub(crate) grants: i64,
    /// Counts that it holds, summed.
    pub(crate) counts: i64,
    /// When the last of its grants ends if nothing renews it; `null`: it holds nothing.
    pub(crate) expires_at: Option<Timestamp>,
}

/// One device, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DeviceDetails {
    /// The device.
    pub(crate) device: Device,
    /// What it holds.
    pub(crate) grants: Vec<Grant>,
}

/// What one holder holds of one feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Grant {
    /// The grant's id.
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub(crate) grant_id: String,
    /// The device.
    #[schema(example = "a1b2/MACHINE_ID")]
    pub(crate) hostid: String,
    /// The slot or client, empty for the device itself.
    pub(crate) holder: String,
    /// The feature's name.
    #[schema(example = "render")]
    pub(crate) feature: String,
    /// Counts, summed over the parts.
    pub(crate) count: i64,
    /// `ONLINE` or `BORROW`.
    #[schema(example = "ONLINE")]
    pub(crate) mode: String,
    /// Where its counts are charged.
    pub(crate) parts: Vec<GrantPart>,
    /// First granted.
    pub(crate) granted_at: Option<Timestamp>,
    /// Newest change.
    pub(crate) changed_at: Option<Timestamp>,
    /// When it ends if nothing renews it.
    pub(crate) expires_at: Option<Timestamp>,
}

/// A part of a grant: of one line item, from one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GrantPart {
    /// The line item.
    pub(crate) line_item_id: String,
    /// Its version.
    pub(crate) version: String,
    /// `default`, `pool NAME` or `reservation ID`.
    #[schema(example = "default")]
    pub(crate) source: String,
    /// Counts.
    pub(crate) count: i64,
    /// When it ends.
    pub(crate) ends_at: Option<Timestamp>,
    /// Whether it serves beyond its line item's end.
    pub(crate) in_grace: bool,
}

impl From<pb::Device> for Device {
    fn from(found: pb::Device) -> Self {
        Self {
            hostid: hostid(found.hostid.as_ref()),
            device_type: bare(found.device_type().as_str_name(), "DEVICE_TYPE_"),
            first_seen: time(found.first_seen.as_ref()),
            last_seen: time(found.last_seen.as_ref()),
            expires_at: time(found.expires_at.as_ref()),
            alias: found.alias,
            blocked: found.blocked,
            grants: found.grants,
            counts: found.counts,
        }
    }
}

impl From<pb::Grant> for Grant {
    fn from(found: pb::Grant) -> Self {
        Self {
            hostid: hostid(found.hostid.as_ref()),
            mode: bare(found.mode().as_str_name(), "GRANT_MODE_"),
            granted_at: time(found.granted_at.as_ref()),
            changed_at: time(found.changed_at.as_ref()),
            expires_at: time(found.expires_at.as_ref()),
            grant_id: found.grant_id,
            holder: found.holder,
            feature: found.feature,
            count: found.count,
            parts: found.parts.into_iter().map(GrantPart::from).collect(),
        }
    }
}

impl From<pb::GrantPart> for GrantPart {
    fn from(found: pb::GrantPart) -> Self {
        Self {
            source: match found.source.and_then(|source| source.source) {
                Some(Source::Pool(name)) => format!("pool {name}"),
                Some(Source::ReservationEntryId(id)) => format!("reservation {id}"),
                Some(Source::DefaultPool(_)) | None => "default".to_owned(),
            },
            ends_at: time(found.ends_at.as_ref()),
            line_item_id: found.line_item_id,
            version: found.version,
            count: found.count,
            in_grace: found.in_grace,
        }
    }
}
