//! Hostids, their types, and types of devices.

use leasehold_domain::hostid::HostIdError;
use leasehold_domain::{DeviceType, HostId, HostIdType};

use super::field::{FieldError, enumeration, required};
use crate::types::v1 as pb;

impl From<HostIdType> for pb::HostIdType {
    fn from(kind: HostIdType) -> Self {
        match kind {
            HostIdType::String => Self::String,
            HostIdType::Ethernet => Self::Ethernet,
            HostIdType::Internet => Self::Internet,
            HostIdType::Internet6 => Self::Internet6,
            HostIdType::VmUuid => Self::VmUuid,
            HostIdType::ContainerId => Self::ContainerId,
            HostIdType::MachineId => Self::MachineId,
            HostIdType::User => Self::User,
            HostIdType::PublisherDefined => Self::PublisherDefined,
            HostIdType::Unknown => Self::Unknown,
        }
    }
}

impl From<pb::HostIdType> for HostIdType {
    /// A type that is not given is `STRING`.
    fn from(kind: pb::HostIdType) -> Self {
        match kind {
            pb::HostIdType::Unspecified | pb::HostIdType::String => Self::String,
            pb::HostIdType::Ethernet => Self::Ethernet,
            pb::HostIdType::Internet => Self::Internet,
            pb::HostIdType::Internet6 => Self::Internet6,
            pb::HostIdType::VmUuid => Self::VmUuid,
            pb::HostIdType::ContainerId => Self::ContainerId,
            pb::HostIdType::MachineId => Self::MachineId,
            pb::HostIdType::User => Self::User,
            pb::HostIdType::PublisherDefined => Self::PublisherDefined,
            pb::HostIdType::Unknown => Self::Unknown,
        }
    }
}

impl From<&HostId> for pb::HostId {
    fn from(hostid: &HostId) -> Self {
        Self { r#type: pb::HostIdType::from(hostid.kind()).into(), value: hostid.value().to_owned() }
    }
}

impl TryFrom<&pb::HostId> for HostId {
    type Error = FieldError;

    fn try_from(message: &pb::HostId) -> Result<Self, FieldError> {
        let kind: pb::HostIdType = enumeration("type", message.r#type)?;
        Self::new(kind.into(), &message.value).map_err(|error| match error {
            HostIdError::Value(problem) => FieldError::new("value", problem),
            other => FieldError::new("value", other),
        })
    }
}

/// The hostid that must be in `field`.
pub fn read_hostid(field: &str, message: Option<&pb::HostId>) -> Result<HostId, FieldError> {
    required(field, message)?.try_into().map_err(|error: FieldError| error.under(field))
}

/// A hostid in its text form, `VALUE/TYPE`; empty where it is none.
pub fn hostid_text(message: &pb::HostId) -> String {
    HostId::try_from(message).map(|hostid| hostid.to_string()).unwrap_or_default()
}

/// The hostid of a text; the error says what to give.
pub fn read_hostid_text(text: &str) -> Result<pb::HostId, HostIdError> {
    text.parse::<HostId>().map(|hostid| pb::HostId::from(&hostid))
}

impl From<DeviceType> for pb::DeviceType {
    fn from(device_type: DeviceType) -> Self {
        match device_type {
            DeviceType::Physical => Self::Physical,
            DeviceType::Virtual => Self::Virtual,
            DeviceType::Unknown => Self::Unknown,
        }
    }
}

impl From<pb::DeviceType> for DeviceType {
    /// A type that is not given is unknown.
    fn from(device_type: pb::DeviceType) -> Self {
        match device_type {
            pb::DeviceType::Physical => Self::Physical,
            pb::DeviceType::Virtual => Self::Virtual,
            pb::DeviceType::Unknown | pb::DeviceType::Unspecified => Self::Unknown,
        }
    }
}
