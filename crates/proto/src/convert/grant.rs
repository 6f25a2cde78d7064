//! Grants and their parts, as messages.

use jiff::Timestamp;
use leasehold_domain::{Device, DeviceType, Grant, LineItemId, Mode, Version};

use super::field::to_int64;
use super::time::timestamp;
use crate::licensing::v1 as pb;
use crate::types::v1 as types;

/// What a part's message says about its line item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFacts {
    /// The line item's version.
    pub version: Version,
    /// It has expired and serves in its grace period.
    pub in_grace: bool,
}

impl From<Mode> for pb::GrantMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Online => Self::Online,
            Mode::Borrow => Self::Borrow,
        }
    }
}

/// A grant as administrators see it, without its secret.
///
/// `expires_at` is when it ends if nothing renews it. `facts` looks a line item up; the version of one that
/// it does not find stays empty.
pub fn grant(
    grant: &Grant,
    expires_at: Timestamp,
    facts: impl Fn(&LineItemId) -> Option<PartFacts>,
) -> pb::Grant {
    pb::Grant {
        grant_id: grant.id.to_string(),
        hostid: Some((&grant.holder.device).into()),
        holder: grant.holder.place.to_string(),
        feature: grant.feature.to_string(),
        count: to_int64(grant.count()),
        mode: pb::GrantMode::from(grant.mode).into(),
        parts: parts(grant, facts),
        granted_at: Some(timestamp(grant.granted_at)),
        changed_at: Some(timestamp(grant.changed_at)),
        expires_at: Some(timestamp(expires_at)),
        fencing_token: grant.fencing_token.0,
    }
}

/// The parts of a grant, in its order; see [`grant`] for `facts`.
pub fn parts(grant: &Grant, facts: impl Fn(&LineItemId) -> Option<PartFacts>) -> Vec<pb::GrantPart> {
    let part = |part: &leasehold_domain::Part| {
        let facts = facts(&part.line_item);
        pb::GrantPart {
            line_item_id: part.line_item.to_string(),
            version: facts.as_ref().map(|facts| facts.version.to_string()).unwrap_or_default(),
            source: Some((&part.source).into()),
            count: to_int64(part.count),
            ends_at: Some(timestamp(part.ends_at)),
            in_grace: facts.is_some_and(|facts| facts.in_grace),
        }
    };
    grant.parts.iter().map(part).collect()
}

/// A grant as a row of who holds a feature; `device` is its device, where that is known.
pub fn feature_holder(grant: &Grant, expires_at: Timestamp, device: Option<&Device>) -> pb::FeatureHolder {
    let device_type = device.map_or(DeviceType::Unknown, |device| device.device_type);
    pb::FeatureHolder {
        hostid: Some((&grant.holder.device).into()),
        device_type: types::DeviceType::from(device_type).into(),
        alias: device.map(|device| device.alias.clone()).unwrap_or_default(),
        holder: grant.holder.place.to_string(),
        count: to_int64(grant.count()),
        expires_at: Some(timestamp(expires_at)),
        grant_id: grant.id.to_string(),
    }
}
