//! Why the payload of a certificate cannot be used. Reference: signing, "Errors".

use crate::key::KeyError;
use crate::names::NameError;

/// Why something is not a key certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No protobuf message of this kind.
    #[error("it cannot be read ({0})")]
    Malformed(String),
    /// A role that this version does not know, or the root's, which nothing certifies.
    #[error("it is for a role with the number {0}, which is none that can be certified")]
    Role(i32),
    /// The key that it certifies is none.
    #[error("`subject_key`: {0}")]
    Key(#[from] KeyError),
    /// A name that breaks its rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An instance's id that is no UUID of 16 bytes.
    #[error("`instance_id` has {0} bytes, not 16")]
    InstanceId(usize),
    /// A name that the role does not have.
    #[error("`{0}` must be empty for its role")]
    Surplus(&'static str),
    /// Times that are none, or leave no time between them.
    #[error("it is good from second {not_before} to second {not_after} of Unix time, which is no time")]
    Validity {
        /// First second.
        not_before: i64,
        /// First second after.
        not_after: i64,
    },
    /// A serial that does not have 16 bytes.
    #[error("`serial` has {0} bytes, not 16")]
    Serial(usize),
}

impl CertificateError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "CERTIFICATE_MALFORMED",
            Self::Role(_) => "CERTIFICATE_ROLE",
            Self::Key(_) => "CERTIFICATE_KEY",
            Self::Name(_) => "CERTIFICATE_NAME",
            Self::InstanceId(_) => "CERTIFICATE_INSTANCE",
            Self::Surplus(_) => "CERTIFICATE_SURPLUS",
            Self::Validity { .. } => "CERTIFICATE_VALIDITY",
            Self::Serial(_) => "CERTIFICATE_SERIAL",
        }
    }
}
