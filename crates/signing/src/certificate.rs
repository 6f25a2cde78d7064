//! Key certificates: one key's word that another is good for a role, for a time.
//!
//! Responsible for what a certificate says and for issuing one. Not responsible for believing it: see
//! [`crate::chain`]. Reference: signing, "Keys and their certificates".

mod error;
mod wire;

pub use error::CertificateError;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use rand_core::CryptoRng;

use crate::envelope::{Envelope, EnvelopeError};
use crate::key::{SigningKey, VerifyingKey};
use crate::names::{ServiceName, VendorId};
use crate::payload_type::PayloadType;
use crate::role::Role;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose key it is.
    pub subject: Subject,
    /// The key that is certified.
    pub key: VerifyingKey,
    /// When it is good.
    pub validity: Validity,
    /// What names the certificate.
    pub serial: Serial,
}

/// Whose key a certificate is about. The names grow with the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The vendor.
    Online {
        /// The vendor.
        vendor: VendorId,
    },
    /// An instance.
    Instance {
        /// Its vendor.
        vendor: VendorId,
        /// The instance.
        instance: InstanceId,
    },
    /// A service of an instance.
    Answer {
        /// The instance's vendor.
        vendor: VendorId,
        /// The instance.
        instance: InstanceId,
        /// The service.
        service: ServiceName,
    },
}

impl Subject {
    /// The role that the key has.
    pub fn role(&self) -> Role {
        match self {
            Self::Online { .. } => Role::Online,
            Self::Instance { .. } => Role::Instance,
            Self::Answer { .. } => Role::Answer,
        }
    }

    /// The vendor.
    pub fn vendor(&self) -> &VendorId {
        match self {
            Self::Online { vendor } | Self::Instance { vendor, .. } | Self::Answer { vendor, .. } => vendor,
        }
    }

    /// The instance, from its own certificate downwards.
    pub fn instance(&self) -> Option<InstanceId> {
        match self {
            Self::Online { .. } => None,
            Self::Instance { instance, .. } | Self::Answer { instance, .. } => Some(*instance),
        }
    }

    /// The service, of an answer key.
    pub fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::Online { .. } | Self::Instance { .. } => None,
            Self::Answer { service, .. } => Some(service),
        }
    }
}

/// A time in whole seconds from its first moment up to, and not including, its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// From `not_before` up to `not_after`; fractions of a second are cut off both. `None` if nothing is left.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Option<Self> {
        Self::from_seconds(not_before.as_second(), not_after.as_second())
    }

    fn from_seconds(not_before: i64, not_after: i64) -> Option<Self> {
        let not_before = Timestamp::from_second(not_before).ok()?;
        let not_after = Timestamp::from_second(not_after).ok()?;
        (not_before < not_after).then_some(Self { not_before, not_after })
    }

    /// The first moment.
    pub fn not_before(self) -> Timestamp {
        self.not_before
    }

    /// The first moment after.
    pub fn not_after(self) -> Timestamp {
        self.not_after
    }

    /// What both have in common; both have to hold some moment.
    pub(crate) fn within(self, other: Self) -> Self {
        Self {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }
}

/// What names a certificate: 16 random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial([u8; Self::LEN]);

impl Serial {
    /// Bytes of a serial.
    pub const LEN: usize = 16;

    /// A new serial.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut bytes = [0; Self::LEN];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl Certificate {
    /// The certificate signed by this key, which has to be of the role above the subject's to count.
    pub fn issue(&self, issuer: &SigningKey) -> Result<Envelope, EnvelopeError> {
        Envelope::sign(PayloadType::KeyCertificate, self.encode(), issuer)
    }

    /// What the payload of a certificate's envelope says. Nothing is verified by that.
    pub fn decode(payload: &[u8]) -> Result<Self, CertificateError> {
        wire::decode(payload)
    }

    fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

#[cfg(test)]
mod tests;
