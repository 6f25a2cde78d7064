//! A certificate as protobuf. Reference: signing, "Keys and their certificates".

use leasehold_domain::InstanceId;
use prost::Message;
use uuid::Uuid;

use super::{Certificate, CertificateError, Serial, Subject, Validity};
use crate::key::VerifyingKey;
use crate::names::{ServiceName, VendorId};
use crate::role::Role;

/// The message `KeyCertificate`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct KeyCertificate {
    /// 1: the certified public key, 32 bytes.
    #[prost(bytes = "vec", tag = "1")]
    subject_key: Vec<u8>,
    /// 2: enum: 2 ONLINE, 3 INSTANCE, 4 ANSWER. 1 is kept for ROOT, which nothing certifies.
    #[prost(int32, tag = "2")]
    role: i32,
    /// 3: who sells.
    #[prost(string, tag = "3")]
    vendor_id: String,
    /// 4: UUID of 16 bytes, of INSTANCE and ANSWER.
    #[prost(bytes = "vec", tag = "4")]
    instance_id: Vec<u8>,
    /// 5: of ANSWER.
    #[prost(string, tag = "5")]
    service: String,
    /// 6: first second of Unix time.
    #[prost(int64, tag = "6")]
    not_before: i64,
    /// 7: first second after.
    #[prost(int64, tag = "7")]
    not_after: i64,
    /// 8: 16 random bytes.
    #[prost(bytes = "vec", tag = "8")]
    serial: Vec<u8>,
}

pub(super) fn encode(certificate: &Certificate) -> Vec<u8> {
    let subject = &certificate.subject;
    let message = KeyCertificate {
        subject_key: certificate.key.as_bytes().to_vec(),
        role: subject.role().number(),
        vendor_id: subject.vendor().as_str().to_owned(),
        instance_id: subject.instance().map(|instance| instance.0.as_bytes().to_vec()).unwrap_or_default(),
        service: subject.service().map(|service| service.as_str().to_owned()).unwrap_or_default(),
        not_before: certificate.validity.not_before().as_second(),
        not_after: certificate.validity.not_after().as_second(),
        serial: certificate.serial.as_bytes().to_vec(),
    };
    message.encode_to_vec()
}

pub(super) fn decode(payload: &[u8]) -> Result<Certificate, CertificateError> {
    let message =
        KeyCertificate::decode(payload).map_err(|error| CertificateError::Malformed(error.to_string()))?;
    let KeyCertificate { not_before, not_after, .. } = message;
    let validity = Validity::from_seconds(not_before, not_after)
        .ok_or(CertificateError::Validity { not_before, not_after })?;
    let serial = message.serial.as_slice().try_into();
    Ok(Certificate {
        subject: subject(&message)?,
        key: VerifyingKey::from_slice(&message.subject_key)?,
        validity,
        serial: Serial(serial.map_err(|_| CertificateError::Serial(message.serial.len()))?),
    })
}

fn subject(message: &KeyCertificate) -> Result<Subject, CertificateError> {
    let role = Role::from_number(message.role).ok_or(CertificateError::Role(message.role))?;
    let vendor = VendorId::new(&message.vendor_id)?;
    // A name that nobody looks at could be taken for a right by whoever prints the certificate.
    if role == Role::Online && !message.instance_id.is_empty() {
        return Err(CertificateError::Surplus("instance_id"));
    }
    if role != Role::Answer && !message.service.is_empty() {
        return Err(CertificateError::Surplus("service"));
    }
    Ok(match role {
        Role::Online => Subject::Online { vendor },
        Role::Instance => Subject::Instance { vendor, instance: instance(message)? },
        Role::Answer => {
            let service = ServiceName::new(&message.service)?;
            Subject::Answer { vendor, instance: instance(message)?, service }
        }
    })
}

fn instance(message: &KeyCertificate) -> Result<InstanceId, CertificateError> {
    let id = Uuid::from_slice(&message.instance_id);
    id.map(InstanceId).map_err(|_| CertificateError::InstanceId(message.instance_id.len()))
}
