//! Chains of certificates: from the vendor's pinned root down to the key that signed something.
//!
//! Responsible for deciding whether a key is good for what is expected of it at a time. That time is when the
//! thing was signed, which usually stands in the signed payload itself: read it there with
//! [`Envelope::unverified_payload`], verify the chain at it, then [`VerifiedChain::open`] the envelope, which shows
//! that the time was the signer's word. Not responsible for how old a thing may be: its reader decides.
//! Reference: signing, "Chains".

mod error;

pub use error::ChainError;

use jiff::Timestamp;
use leasehold_domain::InstanceId;

use crate::certificate::{Certificate, Subject, Validity};
use crate::envelope::{Envelope, OpenError};
use crate::key::VerifyingKey;
use crate::names::{ServiceName, VendorId};
use crate::payload_type::PayloadType;
use crate::role::Role;

/// What the key at the end of a chain has to be. What is `None` may be anything.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The role, which also says how long the chain is.
    pub role: Role,
    /// The vendor.
    pub vendor: Option<&'a VendorId>,
    /// The instance; only for roles that have one.
    pub instance: Option<InstanceId>,
    /// The service; only for answer keys.
    pub service: Option<&'a ServiceName>,
}

impl Expected<'_> {
    /// Any key of this role.
    pub fn any(role: Role) -> Self {
        Self { role, vendor: None, instance: None, service: None }
    }
}

/// A chain that has been verified: the key at its end is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    last: Certificate,
    validity: Validity,
}

/// The certificates of a chain out of the protobuf forms in which they travel between services. An error names the
/// one that cannot be read by its index, from 0. Nothing is verified by that.
pub fn read_chain(certificates: &[impl AsRef<[u8]>]) -> Result<Vec<Envelope>, ChainError> {
    if certificates.len() > Role::ALL.len() {
        return Err(ChainError::TooLong(certificates.len()));
    }
    let read = |(index, bytes): (usize, &_)| {
        Envelope::from_protobuf(AsRef::as_ref(bytes))
            .map_err(|source| ChainError::Unreadable { index, source })
    };
    certificates.iter().enumerate().map(read).collect()
}

/// Verifies a chain of certificates, the one that the root signed first, at the time of signing `at`.
///
/// Each certificate is signed by the key of the one before, the first by `root`. The roles are those from
/// `ONLINE` to the expected one, none left out. Every certificate names the vendor, and from the instance's
/// downwards the instance, of the one before. All are good at `at`. The last is as expected.
pub fn verify_chain(
    root: &VerifyingKey,
    chain: &[Envelope],
    at: Timestamp,
    expected: &Expected<'_>,
) -> Result<VerifiedChain, ChainError> {
    if chain.len() != expected.role.depth() {
        return Err(ChainError::Length { role: expected.role, found: chain.len() });
    }
    let mut verified: Option<VerifiedChain> = None;
    for (envelope, role) in chain.iter().zip(Role::ALL) {
        let issuer = verified.as_ref().map_or(root, VerifiedChain::key);
        let certificate = signed_by(issuer, envelope, role)?;
        if let Some(above) = &verified {
            keeps_names(&above.last.subject, &certificate)?;
        }
        is_good(&certificate, at)?;
        let validity =
            verified.map_or(certificate.validity, |above| above.validity.within(certificate.validity));
        verified = Some(VerifiedChain { last: certificate, validity });
    }
    // No role has the depth 0.
    let chain = verified.ok_or(ChainError::Length { role: expected.role, found: 0 })?;
    is_expected(&chain.last.subject, expected)?;
    Ok(chain)
}

fn signed_by(issuer: &VerifyingKey, envelope: &Envelope, role: Role) -> Result<Certificate, ChainError> {
    let payload = envelope.open(PayloadType::KeyCertificate, issuer).map_err(|source| match source {
        OpenError::BadSignature(_) | OpenError::NotAmong => ChainError::Altered { role },
        OpenError::WrongKey { expected, .. } => ChainError::Issuer { role, expected },
        OpenError::WrongType { found, .. } | OpenError::WrongRole { payload_type: found, .. } => {
            ChainError::NoCertificate { role, found }
        }
    })?;
    let certificate =
        Certificate::decode(payload).map_err(|source| ChainError::Certificate { role, source })?;
    if certificate.subject.role() != role {
        return Err(ChainError::Role { expected: role, found: certificate.subject.role() });
    }
    Ok(certificate)
}

/// A key certifies only what bears its own names.
fn keeps_names(above: &Subject, certificate: &Certificate) -> Result<(), ChainError> {
    let below = &certificate.subject;
    let role = below.role();
    if above.vendor() != below.vendor() {
        let (own, other) = (above.vendor().clone(), below.vendor().clone());
        return Err(ChainError::ForeignVendor { role, own, other });
    }
    match (above.instance(), below.instance()) {
        (Some(own), Some(other)) if own != other => Err(ChainError::ForeignInstance { role, own, other }),
        _ => Ok(()),
    }
}

fn is_good(certificate: &Certificate, at: Timestamp) -> Result<(), ChainError> {
    let (role, validity) = (certificate.subject.role(), certificate.validity);
    if at < validity.not_before() {
        return Err(ChainError::NotYetGood { role, not_before: validity.not_before(), at });
    }
    if at >= validity.not_after() {
        return Err(ChainError::Expired { role, not_after: validity.not_after(), at });
    }
    Ok(())
}

fn is_expected(subject: &Subject, expected: &Expected<'_>) -> Result<(), ChainError> {
    if let Some(wanted) = expected.vendor.filter(|wanted| *wanted != subject.vendor()) {
        return Err(ChainError::OtherVendor { expected: wanted.clone(), found: subject.vendor().clone() });
    }
    if let Some(wanted) = expected.instance.filter(|wanted| Some(*wanted) != subject.instance()) {
        return Err(ChainError::OtherInstance { expected: wanted, found: subject.instance() });
    }
    if let Some(wanted) = expected.service.filter(|wanted| Some(*wanted) != subject.service()) {
        return Err(ChainError::OtherService { expected: wanted.clone(), found: subject.service().cloned() });
    }
    Ok(())
}

impl VerifiedChain {
    /// The key at the end.
    pub fn key(&self) -> &VerifyingKey {
        &self.last.key
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.last
    }

    /// When all certificates of the chain are good together.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The payload, if it is of this type, the key at the end signed it, and its role may.
    pub fn open<'e>(&self, envelope: &'e Envelope, expected: PayloadType) -> Result<&'e [u8], OpenError> {
        let role = self.last.subject.role();
        if !expected.signers().contains(&role) {
            return Err(OpenError::WrongRole { payload_type: expected, role });
        }
        envelope.open(expected, self.key())
    }
}

#[cfg(test)]
mod tests;
