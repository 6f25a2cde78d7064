//! What an envelope can hold: one media type for each kind of signed object, and whose keys may sign it.
//!
//! Not responsible for the payloads themselves. Reference: signing, "Payload types".

use std::fmt;
use std::str::FromStr;

use crate::role::Role;

const PREFIX: &str = "application/vnd.leasehold.";
const SUFFIX: &str = ".v1+protobuf";
/// Characters of an unknown type that a message repeats.
const SHOWN: usize = 80;

/// A kind of signed object. Text form: `application/vnd.leasehold.NAME.v1+protobuf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadType {
    /// A key certificate. Its signer is judged by the chain.
    KeyCertificate,
    /// An instance's next key, signed by the one before.
    KeyRotation,
    /// What an instance sends to its vendor. Its key stands in it, since the first goes out before there is a
    /// certificate: see [`Envelope::open`](crate::Envelope::open).
    SyncRequest,
    /// What the vendor sends back: the bundle.
    SyncResponse,
    /// Rights for one serial number, as text.
    UnlockCode,
    /// What devices were granted or refused: many answers under one signature, see [`crate::many`].
    CapabilityAnswers,
    /// What became of a seat.
    SeatAnswer,
    /// Where an instance has moved to.
    MovedNotice,
    /// Which release a client is to install.
    UpdateAssignment,
    /// A piece of the state that a standby follows.
    StandbyState,
}

/// A text that is no payload type of ours, cut to 80 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the payload type {0:?} is unknown; expected {PREFIX}NAME{SUFFIX} with a name that this version knows: update \
     the receiver, or give it another file"
)]
pub struct UnknownPayloadType(String);

impl PayloadType {
    /// Every type.
    pub const ALL: [Self; 10] = [
        Self::KeyCertificate,
        Self::KeyRotation,
        Self::SyncRequest,
        Self::SyncResponse,
        Self::UnlockCode,
        Self::CapabilityAnswers,
        Self::SeatAnswer,
        Self::MovedNotice,
        Self::UpdateAssignment,
        Self::StandbyState,
    ];

    /// The name within the text form.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyCertificate => "key-certificate",
            Self::KeyRotation => "key-rotation",
            Self::SyncRequest => "sync-request",
            Self::SyncResponse => "sync-response",
            Self::UnlockCode => "unlock-code",
            Self::CapabilityAnswers => "capability-answers",
            Self::SeatAnswer => "seat-answer",
            Self::MovedNotice => "moved-notice",
            Self::UpdateAssignment => "update-assignment",
            Self::StandbyState => "standby-state",
        }
    }

    /// Roles whose keys may sign this type, so that the key of one service cannot speak for the vendor.
    ///
    /// Empty for a certificate: who may issue one depends on what it certifies, which
    /// [`verify_chain`](crate::verify_chain) judges.
    pub fn signers(self) -> &'static [Role] {
        match self {
            Self::KeyCertificate => &[],
            Self::SyncResponse | Self::UnlockCode => &[Role::Online],
            Self::KeyRotation | Self::SyncRequest => &[Role::Instance],
            Self::CapabilityAnswers | Self::SeatAnswer | Self::UpdateAssignment => &[Role::Answer],
            Self::MovedNotice | Self::StandbyState => &[Role::Instance, Role::Answer],
        }
    }
}

impl fmt::Display for PayloadType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}{SUFFIX}", self.name())
    }
}

impl FromStr for PayloadType {
    type Err = UnknownPayloadType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
        let known = name.and_then(|name| Self::ALL.into_iter().find(|kind| kind.name() == name));
        known.ok_or_else(|| UnknownPayloadType(text.chars().take(SHOWN).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_text_of_its_own_and_nothing_else_is_one() {
        for kind in PayloadType::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!(
            PayloadType::SyncRequest.to_string(),
            "application/vnd.leasehold.sync-request.v1+protobuf"
        );
        for text in [
            "",
            "sync-request",
            "application/vnd.leasehold.sync-request.v2+protobuf",
            "application/vnd.leasehold.sync-request.v1+protobuf ",
            "Application/vnd.leasehold.sync-request.v1+protobuf",
            "application/vnd.leasehold..v1+protobuf",
            "application/vnd.leasehold.v1+protobuf",
        ] {
            assert!(text.parse::<PayloadType>().is_err(), "{text}");
        }
        let long = "é".repeat(1000).parse::<PayloadType>().unwrap_err();
        assert_eq!(long.0.chars().count(), SHOWN);
    }
}
