//! Reading a licence server's request: that the key in it signed it, and every rule of its fields.
//!
//! Not responsible for whether it is answered: see [`crate::judgement`].

use leasehold_domain::HostId;
use leasehold_domain::text;
use leasehold_proto::convert::FieldError;
use leasehold_proto::sync::v1 as pb;
use leasehold_signing::sealed_file::Recipient;
use leasehold_signing::{Envelope, PayloadType, VerifyingKey};
use leasehold_store::backoffice::{Digest, LicenseServerId};
use prost::Message;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Error;
use crate::judgement::Asked;

/// Most hostids of one machine.
const MAX_HOSTIDS: usize = 64;
/// Longest version of a server's software in bytes.
const MAX_VERSION: usize = 255;

/// A request whose signature is good.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The licence server that it says it is from.
    pub(crate) license_server: LicenseServerId,
    /// The vendor that it is for.
    pub(crate) vendor: String,
    /// The key that signed it.
    pub(crate) signing_key: VerifyingKey,
    /// Whom files for the server are sealed for.
    pub(crate) recipient: Recipient,
    /// The recipient as text.
    recipient_text: String,
    /// Its number.
    pub(crate) number: u64,
    /// The response that it names as the last one in force.
    pub(crate) previous: Option<Digest>,
    /// The sequence number of the bundle in force.
    pub(crate) bundle_sequence: u64,
    /// What identifies the machine.
    pub(crate) hostids: Vec<HostId>,
    /// The server's version.
    pub(crate) software_version: String,
    /// What the response has to repeat.
    pub(crate) nonce: Vec<u8>,
    /// The digest of the request.
    pub(crate) digest: Digest,
}

/// Why a request is not even looked at, and whose it says it is.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) error: Error,
    pub(crate) claimed: Option<LicenseServerId>,
}

/// Reads a request and verifies that the key in it signed it. `field` is where it stood.
pub(crate) fn read(envelope: &Envelope, field: &str) -> Result<Request, Unusable> {
    // Who signed it stands in it.
    let payload = envelope.unverified_payload();
    let Ok(message) = pb::SyncRequest::decode(payload) else {
        let problem = "what was signed is no request: it was changed on the way, or is something else";
        return Err(Unusable { error: Error::Signature(problem.to_owned()), claimed: None });
    };
    let claimed = message.license_server_id.parse().ok().map(LicenseServerId);
    read_signed(envelope, &message, field).map_err(|error| Unusable { error, claimed })
}

fn read_signed(envelope: &Envelope, message: &pb::SyncRequest, field: &str) -> Result<Request, Error> {
    let signing_key = VerifyingKey::from_slice(&message.signing_key)
        .map_err(|error| Error::Signature(format!("the key in the request cannot be used: {error}")))?;
    let payload = envelope
        .open(PayloadType::SyncRequest, &signing_key)
        .map_err(|error| Error::Signature(error.to_string()))?;
    let digest = Sha256::digest(payload).into();
    fields(message, signing_key, digest).map_err(|error| {
        let error = error.under(field);
        Error::field(error.field, error.problem)
    })
}

fn fields(
    message: &pb::SyncRequest,
    signing_key: VerifyingKey,
    digest: Digest,
) -> Result<Request, FieldError> {
    let license_server: Uuid = message.license_server_id.parse().map_err(|_| {
        FieldError::new("license_server_id", "is not a UUID; give the id that the vendor gave the server")
    })?;
    let recipient: Recipient =
        message.recipient.parse().map_err(|error| FieldError::new("recipient", error))?;
    text::check(&message.vendor_id, 255).map_err(|error| FieldError::new("vendor_id", error))?;
    text::check_optional(&message.software_version, MAX_VERSION)
        .map_err(|error| FieldError::new("software_version", error))?;
    if message.nonce.len() != 32 {
        return Err(FieldError::new("nonce", "give 32 random bytes"));
    }
    Ok(Request {
        license_server: LicenseServerId(license_server),
        vendor: message.vendor_id.clone(),
        signing_key,
        recipient,
        recipient_text: message.recipient.clone(),
        number: number("number", message.number, 1)?,
        previous: previous(&message.previous)?,
        bundle_sequence: number("bundle_sequence", message.bundle_sequence, 0)?,
        hostids: hostids(&message.hostids)?,
        software_version: message.software_version.clone(),
        nonce: message.nonce.clone(),
        digest,
    })
}

fn number(field: &str, value: u64, least: u64) -> Result<u64, FieldError> {
    if (least..=i64::MAX.unsigned_abs()).contains(&value) {
        return Ok(value);
    }
    Err(FieldError::new(field, format_args!("give {least} to {}", i64::MAX)))
}

fn previous(bytes: &[u8]) -> Result<Option<Digest>, FieldError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    bytes
        .try_into()
        .map(Some)
        .map_err(|_| FieldError::new("previous", "give the SHA-256 of a response, or nothing"))
}

fn hostids(messages: &[leasehold_proto::types::v1::HostId]) -> Result<Vec<HostId>, FieldError> {
    if messages.len() > MAX_HOSTIDS {
        return Err(FieldError::new("hostids", format_args!("give at most {MAX_HOSTIDS}")));
    }
    let read = |(index, message): (usize, &_)| {
        HostId::try_from(message).map_err(|error: FieldError| error.under(format_args!("hostids[{index}]")))
    };
    messages.iter().enumerate().map(read).collect()
}

impl Request {
    /// As far as it counts for whether it is answered.
    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            signing_key: self.signing_key.as_bytes(),
            recipient: &self.recipient_text,
            number: self.number,
            digest: self.digest,
            previous: self.previous,
        }
    }

    /// The recipient as text.
    pub(crate) fn recipient_text(&self) -> &str {
        &self.recipient_text
    }
}
