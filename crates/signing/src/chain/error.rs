//! Why a chain is not believed. Reference: signing, "Errors".

use jiff::Timestamp;
use leasehold_domain::InstanceId;

use crate::certificate::CertificateError;
use crate::envelope::EnvelopeError;
use crate::key_id::KeyId;
use crate::names::{ServiceName, VendorId};
use crate::payload_type::PayloadType;
use crate::role::Role;

/// Why a chain of certificates does not vouch for a key. `role` is that of the certificate at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// More certificates than any chain has.
    #[error("a chain has at most {max} certificates, not {0}; send those from the vendor's down", max = Role::ALL.len())]
    TooLong(usize),
    /// Not even an envelope.
    #[error("`certificates[{index}]` cannot be read: {source}")]
    Unreadable {
        /// Which of the chain, from 0.
        index: usize,
        /// What is wrong with it.
        source: EnvelopeError,
    },
    /// Too few or too many certificates.
    #[error(
        "{} certificates lead to a key of the role {role}, not {found}; send every one from the vendor's down",
        .role.depth()
    )]
    Length {
        /// The role that was expected.
        role: Role,
        /// How many came.
        found: usize,
    },
    /// Another signed object stands in the place of a certificate.
    #[error(
        "in the place of the {role} certificate stands {found}; send the chain from the vendor's key down"
    )]
    NoCertificate {
        /// Whose place it is.
        role: Role,
        /// What stands there.
        found: PayloadType,
    },
    /// Not signed by the key above.
    #[error(
        "the {role} certificate is not signed by the key {} above it; a chain of another vendor, or one with a key \
         that has been replaced: fetch the present one", .expected.fingerprint()
    )]
    Issuer {
        /// Whose certificate it is.
        role: Role,
        /// The key that had to sign it.
        expected: KeyId,
    },
    /// The signature does not fit.
    #[error("the {role} certificate was changed after it was signed; fetch it again")]
    Altered {
        /// Whose certificate it is.
        role: Role,
    },
    /// Signed, and yet no certificate.
    #[error("the {role} certificate is none: {source}; its issuer has to issue it again")]
    Certificate {
        /// Whose certificate it is.
        role: Role,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// Another role than has to stand there.
    #[error("a certificate of the role {found} stands in the place of {expected}; its key may not do that")]
    Role {
        /// The role of this place.
        expected: Role,
        /// The role that the certificate gives.
        found: Role,
    },
    /// A key certified one of another vendor.
    #[error("the {role} certificate is for the vendor {other}, and its issuer may certify for {own} only")]
    ForeignVendor {
        /// Whose certificate it is.
        role: Role,
        /// The issuer's vendor.
        own: VendorId,
        /// The subject's.
        other: VendorId,
    },
    /// An instance's key certified one of another instance.
    #[error("the {role} certificate is for the instance {other}, and its issuer may certify for {own} only")]
    ForeignInstance {
        /// Whose certificate it is.
        role: Role,
        /// The issuer's instance.
        own: InstanceId,
        /// The subject's.
        other: InstanceId,
    },
    /// Not good yet.
    #[error(
        "the {role} certificate is good from {not_before}, and this was signed at {at}; set the signer's clock right"
    )]
    NotYetGood {
        /// Whose certificate it is.
        role: Role,
        /// From when it is good.
        not_before: Timestamp,
        /// When it was used.
        at: Timestamp,
    },
    /// Not good any more.
    #[error(
        "the {role} certificate was good until {not_after}, and this was signed at {at}; the server has to fetch a new \
         certificate: synchronise it with its vendor, and set its clock right"
    )]
    Expired {
        /// Whose certificate it is.
        role: Role,
        /// Until when it was good.
        not_after: Timestamp,
        /// When it was used.
        at: Timestamp,
    },
    /// A good key of a vendor that is not the expected one.
    #[error("this is signed for the vendor {found}, and {expected} is expected")]
    OtherVendor {
        /// Who is expected.
        expected: VendorId,
        /// Whose key it is.
        found: VendorId,
    },
    /// A good key of an instance that is not the expected one.
    #[error("this is signed for {}, and the instance {expected} is expected", shown(found.as_ref(), "no instance"))]
    OtherInstance {
        /// Which is expected.
        expected: InstanceId,
        /// Whose key it is.
        found: Option<InstanceId>,
    },
    /// A good key of a service that is not the expected one.
    #[error("this is signed by {}, and the service {expected} is expected", shown(found.as_ref(), "no service"))]
    OtherService {
        /// Which is expected.
        expected: ServiceName,
        /// Whose key it is.
        found: Option<ServiceName>,
    },
}

impl ChainError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "CHAIN_TOO_LONG",
            Self::Unreadable { .. } => "CHAIN_UNREADABLE",
            Self::Length { .. } => "CHAIN_LENGTH",
            Self::NoCertificate { .. } => "CHAIN_NO_CERTIFICATE",
            Self::Issuer { .. } => "CHAIN_ISSUER",
            Self::Altered { .. } => "CHAIN_ALTERED",
            Self::Certificate { .. } => "CHAIN_CERTIFICATE",
            Self::Role { .. } => "CHAIN_ROLE",
            Self::ForeignVendor { .. } => "CHAIN_FOREIGN_VENDOR",
            Self::ForeignInstance { .. } => "CHAIN_FOREIGN_INSTANCE",
            Self::NotYetGood { .. } => "CHAIN_NOT_YET_GOOD",
            Self::Expired { .. } => "CHAIN_EXPIRED",
            Self::OtherVendor { .. } => "CHAIN_OTHER_VENDOR",
            Self::OtherInstance { .. } => "CHAIN_OTHER_INSTANCE",
            Self::OtherService { .. } => "CHAIN_OTHER_SERVICE",
        }
    }
}

fn shown(found: Option<&impl std::fmt::Display>, none: &str) -> String {
    found.map_or_else(|| none.to_owned(), ToString::to_string)
}
