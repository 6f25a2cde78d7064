//! Devices, as messages.

use jiff::Timestamp;
use leasehold_domain::Device;

use super::field::to_int64;
use super::time::timestamp;
use crate::licensing::v1 as pb;
use crate::types::v1 as types;

/// What a device holds, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Grants.
    pub grants: u64,
    /// Counts, over all grants.
    pub counts: u64,
    /// When the last of the grants ends if nothing renews it; `None` where there is none.
    pub expires_at: Option<Timestamp>,
}

/// A device with what it holds.
pub fn device(device: &Device, holding: Holding) -> pb::Device {
    pb::Device {
        hostid: Some((&device.hostid).into()),
        alias: device.alias.clone(),
        device_type: types::DeviceType::from(device.device_type).into(),
        first_seen: Some(timestamp(device.first_seen)),
        last_seen: Some(timestamp(device.last_seen)),
        blocked: device.blocked,
        grants: to_int64(holding.grants),
        counts: to_int64(holding.counts),
        expires_at: holding.expires_at.map(timestamp),
    }
}
