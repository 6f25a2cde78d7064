//! Activity: one record for every change of state. Sealing and keeping them is the service's affair.
//! Reference: licensing, "Activity".

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::hostid::HostId;
use crate::ids::{GrantId, LineItemId, RequestId};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActivityKind {
    /// A grant was made, renewed or changed by its holder.
    Granted,
    /// A holder returned a grant.
    Returned,
    /// Heartbeats stayed away and the counts were taken back.
    Expired,
    /// A grant's period, or a part's, ended.
    Ended,
    /// An administrator ended a grant.
    Dropped,
    /// A feature was refused.
    Refused,
    /// Line items changed.
    RightsChanged,
    /// Reservations changed.
    ReservationsChanged,
    /// A device was blocked, unblocked or dropped.
    DeviceChanged,
    /// The instance was marked as restored from a backup, or confirmed.
    InstanceChanged,
}

impl ActivityKind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 10] = [
        Self::Granted,
        Self::Returned,
        Self::Expired,
        Self::Ended,
        Self::Dropped,
        Self::Refused,
        Self::RightsChanged,
        Self::ReservationsChanged,
        Self::DeviceChanged,
        Self::InstanceChanged,
    ];

    /// The kind's stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Granted => "GRANTED",
            Self::Returned => "RETURNED",
            Self::Expired => "EXPIRED",
            Self::Ended => "ENDED",
            Self::Dropped => "DROPPED",
            Self::Refused => "REFUSED",
            Self::RightsChanged => "RIGHTS_CHANGED",
            Self::ReservationsChanged => "RESERVATIONS_CHANGED",
            Self::DeviceChanged => "DEVICE_CHANGED",
            Self::InstanceChanged => "INSTANCE_CHANGED",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One change of state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Sorts by time.
    pub id: Uuid,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// What it is about.
    pub kind: ActivityKind,
    /// The device, where there is one.
    pub hostid: Option<HostId>,
    /// The place on the device, as text.
    pub place: String,
    /// The feature's name, where there is one.
    pub feature: String,
    /// The grant, where there is one.
    pub grant: Option<GrantId>,
    /// What the change added to the counts out, by line item; never 0.
    pub deltas: BTreeMap<LineItemId, i64>,
    /// The refusal's reason, or why.
    pub detail: String,
    /// The request, where there is one.
    pub request: Option<RequestId>,
    /// Who did it: `client`, `server`, or an administrator's name.
    pub actor: String,
}
