//! DSSE envelopes: bytes, what kind of thing they are, and who signed both.
//!
//! Responsible for signing, for opening, and for the bounds of an envelope. The forms in which envelopes travel
//! are in `json` and `protobuf`. Not responsible for whose keys are good: see [`crate::chain`].
//! Sources: the DSSE protocol 1.0.0 of secure-systems-lab; reference: signing, "Envelopes".

mod error;
mod json;
pub mod protobuf;

pub use error::{EnvelopeError, Field, Form, OpenError};

use crate::key::{SIGNATURE_LEN, SigningKey, VerifyingKey};
use crate::key_id::KeyId;
use crate::payload_type::PayloadType;

/// A payload with its type and the signatures of both. Having one says nothing about who made it: [`open`] it.
///
/// [`open`]: Envelope::open
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: PayloadType,
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

/// One signature, and which key is said to have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    key_id: KeyId,
    bytes: [u8; SIGNATURE_LEN],
}

impl Signature {
    /// The key that is said to have made it.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }
}

impl Envelope {
    /// Largest payload in bytes.
    pub const MAX_PAYLOAD: usize = 16 * 1024 * 1024;
    /// Most signatures.
    pub const MAX_SIGNATURES: usize = 8;

    /// An envelope of this payload with one signature.
    pub fn sign(
        payload_type: PayloadType,
        payload: impl Into<Vec<u8>>,
        key: &SigningKey,
    ) -> Result<Self, EnvelopeError> {
        let payload = payload.into();
        check_payload(&payload)?;
        let mut envelope = Self { payload_type, payload, signatures: Vec::new() };
        envelope.add_signature(key)?;
        Ok(envelope)
    }

    /// Adds the signature of another key.
    pub fn add_signature(&mut self, key: &SigningKey) -> Result<(), EnvelopeError> {
        let bytes = key.sign(&self.signed_bytes());
        add(&mut self.signatures, Signature { key_id: key.id(), bytes })
    }

    /// What the payload is said to be.
    pub fn payload_type(&self) -> PayloadType {
        self.payload_type
    }

    /// The signatures; at least one.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The payload before anybody has checked who made it.
    ///
    /// For reading what the check itself needs, such as the time of signing: see [`crate::chain`]. Whatever else
    /// is done with it has to wait for [`open`](Envelope::open).
    pub fn unverified_payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, if it is of this type and this key signed it. Signatures of other keys are passed over.
    ///
    /// Whose key that is, and what role it has, is the caller's to know; behind a chain of certificates
    /// [`VerifiedChain::open`](crate::VerifiedChain::open) knows it. There is none yet behind an instance's first
    /// `sync-request`: its key stands in [`unverified_payload`](Envelope::unverified_payload). That it opens the
    /// envelope shows that its owner made the request, and not who that is.
    pub fn open(&self, expected: PayloadType, key: &VerifyingKey) -> Result<&[u8], OpenError> {
        if self.payload_type != expected {
            return Err(OpenError::WrongType { expected, found: self.payload_type });
        }
        let signature = self.signatures.iter().find(|signature| signature.key_id == key.id());
        let Some(signature) = signature else {
            let found = self.signatures.iter().map(|signature| signature.key_id).collect();
            return Err(OpenError::WrongKey { expected: key.id(), found });
        };
        if !key.verifies(&self.signed_bytes(), &signature.bytes) {
            return Err(OpenError::BadSignature(key.id()));
        }
        Ok(&self.payload)
    }

    fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(&self.payload_type.to_string(), &self.payload)
    }
}

/// PAE of the DSSE protocol: `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, lengths in decimal bytes.
fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    let mut encoded = Vec::with_capacity(head.len() + payload.len());
    encoded.extend_from_slice(head.as_bytes());
    encoded.extend_from_slice(payload);
    encoded
}

fn check_payload(payload: &[u8]) -> Result<(), EnvelopeError> {
    if payload.len() > Envelope::MAX_PAYLOAD {
        return Err(EnvelopeError::TooLarge {
            field: Field::Payload,
            len: payload.len(),
            max: Envelope::MAX_PAYLOAD,
        });
    }
    Ok(())
}

/// Adds one more, unless its key has signed before or there are too many.
fn add(signatures: &mut Vec<Signature>, signature: Signature) -> Result<(), EnvelopeError> {
    if signatures.iter().any(|other| other.key_id == signature.key_id) {
        return Err(EnvelopeError::DuplicateKeyId(signature.key_id));
    }
    if signatures.len() >= Envelope::MAX_SIGNATURES {
        return Err(EnvelopeError::TooManySignatures);
    }
    signatures.push(signature);
    Ok(())
}

/// Parts as they were read, put together if they keep the rules.
fn assemble(
    payload_type: &str,
    payload: Vec<u8>,
    signatures: impl Iterator<Item = Result<(String, Vec<u8>), EnvelopeError>>,
) -> Result<Envelope, EnvelopeError> {
    let payload_type = payload_type.parse()?;
    check_payload(&payload)?;
    let mut kept = Vec::new();
    for (index, signature) in signatures.enumerate() {
        let (key_id, bytes) = signature?;
        let key_id = key_id.parse().map_err(|_| EnvelopeError::KeyId { index })?;
        let len = bytes.len();
        let bytes = bytes.try_into().map_err(|_| EnvelopeError::SignatureLength { index, len })?;
        add(&mut kept, Signature { key_id, bytes })?;
    }
    if kept.is_empty() {
        return Err(EnvelopeError::NoSignatures);
    }
    Ok(Envelope { payload_type, payload, signatures: kept })
}

#[cfg(test)]
mod tests;
