//! Hostids: what names a device or a user, and when two of them are the same.
//! Reference: licensing, "Words".

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::{self, TextError};

/// What a hostid's value identifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostIdType {
    /// Free text chosen by the client.
    String,
    /// A network card's address.
    Ethernet,
    /// An IPv4 address.
    Internet,
    /// An IPv6 address.
    Internet6,
    /// The UUID of a virtual machine.
    VmUuid,
    /// The id of a container.
    ContainerId,
    /// The operating system's machine id.
    MachineId,
    /// A user's name.
    User,
    /// A value of the vendor's own making.
    PublisherDefined,
    /// A value of which nobody said what it is.
    Unknown,
}

impl HostIdType {
    /// Every type, in the order of the contract.
    pub const ALL: [Self; 10] = [
        Self::String,
        Self::Ethernet,
        Self::Internet,
        Self::Internet6,
        Self::VmUuid,
        Self::ContainerId,
        Self::MachineId,
        Self::User,
        Self::PublisherDefined,
        Self::Unknown,
    ];

    /// The name in the text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Ethernet => "ETHERNET",
            Self::Internet => "INTERNET",
            Self::Internet6 => "INTERNET6",
            Self::VmUuid => "VM_UUID",
            Self::ContainerId => "CONTAINER_ID",
            Self::MachineId => "MACHINE_ID",
            Self::User => "USER",
            Self::PublisherDefined => "PUBLISHER_DEFINED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A device's or user's identity. Two are equal when their types and canonical values are.
///
/// The text form is `VALUE/TYPE`; a text without a type is of type `STRING`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId {
    kind: HostIdType,
    value: Arc<str>,
}

/// Why something is not a hostid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostIdError {
    /// The value breaks the rules of short texts.
    #[error("the hostid's value {0}")]
    Value(#[from] TextError),
    /// A network card's address of the wrong form.
    #[error(
        "{0:?} is not a network card's address: give 12 or 16 hexadecimal digits, with or without `:` or `-`"
    )]
    Ethernet(String),
    /// The text after the last slash looks like a type and is none.
    #[error(
        "{0:?} is not a hostid type; known are STRING, ETHERNET, INTERNET, INTERNET6, VM_UUID, CONTAINER_ID, MACHINE_ID, USER, PUBLISHER_DEFINED and UNKNOWN"
    )]
    Type(String),
}

impl HostId {
    /// Longest value in bytes.
    pub const MAX: usize = 255;

    /// A hostid of this type; an `ETHERNET` value is kept in upper case without separators.
    pub fn new(kind: HostIdType, value: &str) -> Result<Self, HostIdError> {
        text::check(value, Self::MAX)?;
        if kind != HostIdType::Ethernet {
            return Ok(Self { kind, value: value.into() });
        }
        let digits: String =
            value.chars().filter(|c| !matches!(c, ':' | '-' | '.')).map(|c| c.to_ascii_uppercase()).collect();
        if !matches!(digits.len(), 12 | 16) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(HostIdError::Ethernet(value.to_owned()));
        }
        Ok(Self { kind, value: digits.into() })
    }

    /// What the value identifies.
    pub fn kind(&self) -> HostIdType {
        self.kind
    }

    /// The canonical value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for HostId {
    type Err = HostIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((value, kind)) = text.rsplit_once('/') else {
            return Self::new(HostIdType::String, text);
        };
        match HostIdType::from_name(kind) {
            Some(kind) => Self::new(kind, value),
            None if !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') => {
                Err(HostIdError::Type(kind.to_owned()))
            }
            None => Self::new(HostIdType::String, text),
        }
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.value)?;
        formatter.write_str("/")?;
        formatter.write_str(self.kind.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_cards_compare_without_case_and_separators_and_others_exactly() {
        let card: HostId = "f0:18:98:ad:8d:d3/ETHERNET".parse().unwrap();
        assert_eq!(card, "F01898AD8DD3/ETHERNET".parse().unwrap());
        assert_ne!(card, "F01898AD8DD3".parse().unwrap());
        assert_ne!("a/MACHINE_ID".parse::<HostId>().unwrap(), "A/MACHINE_ID".parse().unwrap());
    }

    #[test]
    fn the_text_form_round_trips_and_says_what_is_wrong() {
        for text in ["D1/STRING", "a/b/STRING", "kim/USER", "F01898AD8DD3/ETHERNET"] {
            assert_eq!(text.parse::<HostId>().unwrap().to_string(), text);
        }
        assert_eq!("a/b".parse::<HostId>().unwrap().to_string(), "a/b/STRING");
        assert!(matches!("x/ETHERNETT".parse::<HostId>(), Err(HostIdError::Type(_))));
        assert!(matches!("xyz/ETHERNET".parse::<HostId>(), Err(HostIdError::Ethernet(_))));
        assert!(matches!("".parse::<HostId>(), Err(HostIdError::Value(TextError::Empty { .. }))));
        assert!(matches!(
            "a\nb".parse::<HostId>(),
            Err(HostIdError::Value(TextError::Control { position: 2 }))
        ));
    }
}
