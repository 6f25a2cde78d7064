//! The JSON form of an envelope, as DSSE's `envelope.md` has it and securesystemslib reads and writes it.
//!
//! Written compact, with standard base64. Read with standard or URL-safe base64, as the protocol asks, in each
//! case canonical and with padding; keys that are not known are passed over, a key that stands twice is not.

use data_encoding::{BASE64, BASE64URL, DecodeError};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Envelope, EnvelopeError, Field, Form, assemble};
use crate::json as part;

#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, rename = "payloadType")]
    payload_type: Option<&'a RawValue>,
    #[serde(borrow)]
    signatures: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    keyid: Option<&'a RawValue>,
    #[serde(borrow)]
    sig: Option<&'a RawValue>,
}

impl Envelope {
    /// Largest JSON form in bytes: the largest payload in base64, and 64 KiB for everything else.
    pub const MAX_JSON: usize = Self::MAX_PAYLOAD / 3 * 4 + 64 * 1024;

    /// The JSON form.
    pub fn to_json(&self) -> String {
        let signatures: Vec<Value> = self
            .signatures
            .iter()
            .map(|one| json!({"keyid": one.key_id.to_string(), "sig": BASE64.encode(&one.bytes)}))
            .collect();
        let payload_type = self.payload_type.to_string();
        json!({"payload": BASE64.encode(&self.payload), "payloadType": payload_type, "signatures": signatures})
            .to_string()
    }

    /// Reads the JSON form. Nothing is verified by that.
    pub fn from_json(json: &[u8]) -> Result<Self, EnvelopeError> {
        if json.len() > Self::MAX_JSON {
            let (len, max) = (json.len(), Self::MAX_JSON);
            return Err(EnvelopeError::TooLarge { field: Field::Envelope, len, max });
        }
        let text: Text<'_> = object(json)?;
        let payload = binary(text.payload, Field::Payload)?;
        let payload_type = string(text.payload_type, Field::PayloadType)?;
        let signatures = text.signatures.ok_or(EnvelopeError::Missing(Field::Signatures))?;
        let signatures = part::list::<{ Self::MAX_SIGNATURES }>(signatures)
            .ok_or(EnvelopeError::WrongKind { field: Field::Signatures, expected: "a list" })?;
        assemble(&payload_type, payload, signatures.into_iter().enumerate().map(signature))
    }
}

fn signature((index, entry): (usize, &RawValue)) -> Result<(String, Vec<u8>), EnvelopeError> {
    let entry: Entry<'_> = object(entry.get().as_bytes())?;
    Ok((string(entry.keyid, Field::KeyId(index))?, binary(entry.sig, Field::Signature(index))?))
}

fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, EnvelopeError> {
    let malformed = |detail| EnvelopeError::Malformed { form: Form::Json, detail };
    match part::object(json) {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(malformed("it is not an object".to_owned())),
        Err(error) if error.is_eof() => Err(EnvelopeError::Truncated(Form::Json)),
        Err(error) => Err(malformed(error.to_string())),
    }
}

fn string(part: Option<&RawValue>, field: Field) -> Result<String, EnvelopeError> {
    let part = part.ok_or(EnvelopeError::Missing(field))?;
    part::string(part).ok_or(EnvelopeError::WrongKind { field, expected: "a string" })
}

fn binary(part: Option<&RawValue>, field: Field) -> Result<Vec<u8>, EnvelopeError> {
    let text = string(part, field)?;
    decode(text.as_bytes()).map_err(|_| EnvelopeError::Base64(field))
}

/// The protocol lets signers choose either alphabet; one text has one of them.
fn decode(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let url_safe = text.iter().any(|byte| matches!(byte, b'-' | b'_'));
    if url_safe { BASE64URL.decode(text) } else { BASE64.decode(text) }
}
