//! Devices, and who on a device holds a grant. Reference: licensing, "Words".

use std::fmt;

use jiff::Timestamp;

use crate::hostid::HostId;

/// Whether a device is a real machine, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceType {
    /// A real machine.
    Physical,
    /// A virtual machine or a container.
    Virtual,
    /// The client could not tell.
    #[default]
    Unknown,
}

/// A client machine that has asked at least once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The hostid that names it: the first of its requests.
    pub hostid: HostId,
    /// A name for people; empty where none was given.
    pub alias: String,
    /// Physical, virtual or unknown.
    pub device_type: DeviceType,
    /// First request.
    pub first_seen: Timestamp,
    /// Newest request.
    pub last_seen: Timestamp,
    /// An administrator blocked it.
    pub blocked: bool,
}

/// Who on the device holds: the device itself, a named slot, or one client instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The device as a whole.
    #[default]
    Device,
    /// A named slot.
    Slot(String),
    /// One client instance.
    Instance(String),
}

impl Place {
    /// The place of a request; a slot wins over a client instance.
    pub fn of(slot: &str, client_instance_id: &str) -> Self {
        match (slot, client_instance_id) {
            ("", "") => Self::Device,
            ("", instance) => Self::Instance(instance.to_owned()),
            (slot, _) => Self::Slot(slot.to_owned()),
        }
    }

    /// The text form, `""`, `slot:NAME` or `client:ID`, back to a place.
    pub fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Device);
        }
        let slot = text.strip_prefix("slot:").map(|name| Self::Slot(name.to_owned()));
        slot.or_else(|| text.strip_prefix("client:").map(|id| Self::Instance(id.to_owned())))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device => Ok(()),
            Self::Slot(name) => write!(formatter, "slot:{name}"),
            Self::Instance(id) => write!(formatter, "client:{id}"),
        }
    }
}

/// Whoever holds, keeps and returns grants: a place on a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The device's hostid.
    pub device: HostId,
    /// Where on the device.
    pub place: Place,
}
