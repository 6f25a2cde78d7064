//! How an instance stands: what it has from its vendor, and what its administrators say. And the keys that it signs
//! answers with.

use std::fmt;

use jiff::Timestamp;
use leasehold_domain::Leave;
use uuid::Uuid;

/// Which of a vendor's licence servers an instance is. The root is pinned by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// The vendor, 1 to 255 bytes.
    pub vendor_id: String,
    /// The id that the vendor gave the server.
    pub license_server_id: Uuid,
    /// The vendor's root key.
    pub root_key: [u8; 32],
}

/// The bundle in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its sequence number.
    pub sequence: u64,
    /// The SHA-256 of what was signed.
    pub digest: [u8; 32],
    /// When the vendor made it.
    pub issued_at: Timestamp,
    /// From then on nothing is granted by it.
    pub synchronize_before: Timestamp,
}

impl Bundle {
    /// The leave that it gives.
    pub fn leave(&self) -> Leave {
        Leave { sequence: self.sequence, synchronize_before: self.synchronize_before }
    }
}

/// How an instance stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Marked as restored from a backup.
    pub restored: bool,
    /// Whose licence server it is.
    pub enrolment: Option<Enrolment>,
    /// What it has from its vendor; never without an enrolment.
    pub bundle: Option<Bundle>,
    /// That an administrator suspended it.
    pub suspension: Option<Suspension>,
}

/// That an instance is suspended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspension {
    /// What clients are told; may be empty.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// Who did it.
    pub actor: String,
}

/// A key that answers are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerKey {
    /// The id of its public half; it names the key.
    pub key_id: [u8; 32],
    /// The private half, sealed by the service.
    pub sealed_seed: Vec<u8>,
    /// The certificates that lead to it, as the service encodes them.
    pub certificates: Vec<u8>,
    /// The first moment at which they are good.
    pub not_before: Timestamp,
    /// The first at which they are not good any more.
    pub not_after: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for AnswerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AnswerKey(made {}, good until {}, …)", self.created_at, self.not_after)
    }
}
