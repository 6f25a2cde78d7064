//! The protobuf form of an envelope, with the field numbers of DSSE's `envelope.proto`.
//!
//! Fields that are not known are passed over. Reference: signing, "Envelopes".

use prost::Message;

use super::{Envelope, EnvelopeError, Field, Form, assemble};

/// The message `Envelope`, for contracts that carry one. Turn it into an [`Envelope`] before anything else.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EnvelopeMessage {
    /// 1: the payload.
    #[prost(bytes = "vec", tag = "1")]
    pub payload: Vec<u8>,
    /// 2: the media type of the payload.
    #[prost(string, tag = "2")]
    pub payload_type: String,
    /// 3: who signed; at least one.
    #[prost(message, repeated, tag = "3")]
    pub signatures: Vec<SignatureMessage>,
}

/// The message `Signature`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SignatureMessage {
    /// 1: the signature, 64 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub sig: Vec<u8>,
    /// 2: the id of the key, 64 hexadecimal digits.
    #[prost(string, tag = "2")]
    pub keyid: String,
}

impl Envelope {
    /// Largest protobuf form in bytes: the largest payload, and 64 KiB for everything else.
    pub const MAX_PROTOBUF: usize = Self::MAX_PAYLOAD + 64 * 1024;

    /// The protobuf form.
    pub fn to_protobuf(&self) -> Vec<u8> {
        EnvelopeMessage::from(self).encode_to_vec()
    }

    /// Reads the protobuf form. Nothing is verified by that.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > Self::MAX_PROTOBUF {
            let (len, max) = (bytes.len(), Self::MAX_PROTOBUF);
            return Err(EnvelopeError::TooLarge { field: Field::Envelope, len, max });
        }
        match EnvelopeMessage::decode(bytes) {
            _ if is_cut_short(bytes) => Err(EnvelopeError::Truncated(Form::Protobuf)),
            Ok(message) => message.try_into(),
            Err(error) => Err(EnvelopeError::Malformed { form: Form::Protobuf, detail: error.to_string() }),
        }
    }
}

/// Whether the bytes end within a field, or before the first.
fn is_cut_short(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let Some(tag) = varint(&mut rest) else { return true };
        let len = match tag & 7 {
            0 => varint(&mut rest).map(|_| 0),
            1 => Some(8),
            2 => varint(&mut rest),
            5 => Some(4),
            // Not of this format at all, which the decoder says better.
            _ => return false,
        };
        match len.and_then(|len| rest.get(usize::try_from(len).ok()?..)) {
            Some([]) => return false,
            Some(after) => rest = after,
            None => return true,
        }
    }
}

/// The next number; `None` where the bytes end before it does. Too long a number is the decoder's to refuse.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    let mut shift = 0;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
        shift += 7;
    }
}

impl From<&Envelope> for EnvelopeMessage {
    fn from(envelope: &Envelope) -> Self {
        let signatures = envelope.signatures.iter();
        Self {
            payload: envelope.payload.clone(),
            payload_type: envelope.payload_type.to_string(),
            signatures: signatures
                .map(|one| SignatureMessage { sig: one.bytes.to_vec(), keyid: one.key_id.to_string() })
                .collect(),
        }
    }
}

impl TryFrom<EnvelopeMessage> for Envelope {
    type Error = EnvelopeError;

    fn try_from(message: EnvelopeMessage) -> Result<Self, Self::Error> {
        if message.payload_type.is_empty() {
            return Err(EnvelopeError::Missing(Field::PayloadType));
        }
        let signatures = message.signatures.into_iter().map(|one| Ok((one.keyid, one.sig)));
        assemble(&message.payload_type, message.payload, signatures)
    }
}
