//! Activity records, as messages.

use leasehold_domain::{Activity, ActivityKind};

use super::time::timestamp;
use crate::licensing::v1 as pb;

impl From<ActivityKind> for pb::ActivityKind {
    fn from(kind: ActivityKind) -> Self {
        match kind {
            ActivityKind::Granted => Self::Granted,
            ActivityKind::Returned => Self::Returned,
            ActivityKind::Expired => Self::Expired,
            ActivityKind::Ended => Self::Ended,
            ActivityKind::Dropped => Self::Dropped,
            ActivityKind::Refused => Self::Refused,
            ActivityKind::RightsChanged => Self::RightsChanged,
            ActivityKind::ReservationsChanged => Self::ReservationsChanged,
            ActivityKind::DeviceChanged => Self::DeviceChanged,
            ActivityKind::InstanceChanged => Self::InstanceChanged,
        }
    }
}

impl From<&Activity> for pb::Activity {
    fn from(activity: &Activity) -> Self {
        let delta = |(item, delta): (&leasehold_domain::LineItemId, &i64)| pb::ActivityDelta {
            line_item_id: item.to_string(),
            delta: *delta,
        };
        Self {
            activity_id: activity.id.to_string(),
            at: Some(timestamp(activity.at)),
            kind: pb::ActivityKind::from(activity.kind).into(),
            hostid: activity.hostid.as_ref().map(Into::into),
            holder: activity.place.clone(),
            feature: activity.feature.clone(),
            grant_id: activity.grant.map(|id| id.to_string()).unwrap_or_default(),
            deltas: activity.deltas.iter().map(delta).collect(),
            detail: activity.detail.clone(),
            request_id: activity.request.map(|id| id.to_string()).unwrap_or_default(),
            actor: activity.actor.clone(),
        }
    }
}
