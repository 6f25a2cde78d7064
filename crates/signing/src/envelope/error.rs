//! Why an envelope cannot be read or opened. Reference: signing, "Errors".

use std::fmt;

use crate::key_id::KeyId;
use crate::payload_type::{PayloadType, UnknownPayloadType};
use crate::role::Role;

/// A part of an envelope, named as in its JSON form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `payload`
    Payload,
    /// `payloadType`
    PayloadType,
    /// `signatures`
    Signatures,
    /// `signatures[N].keyid`
    KeyId(usize),
    /// `signatures[N].sig`
    Signature(usize),
    /// The whole.
    Envelope,
}

impl fmt::Display for Field {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payload => formatter.write_str("payload"),
            Self::PayloadType => formatter.write_str("payloadType"),
            Self::Signatures => formatter.write_str("signatures"),
            Self::KeyId(index) => write!(formatter, "signatures[{index}].keyid"),
            Self::Signature(index) => write!(formatter, "signatures[{index}].sig"),
            Self::Envelope => formatter.write_str("the envelope"),
        }
    }
}

/// How an envelope was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text, in files.
    Json,
    /// Bytes, between services.
    Protobuf,
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Json => "JSON",
            Self::Protobuf => "protobuf",
        })
    }
}

/// Why something is not an envelope of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It ends too early.
    #[error("the signed envelope is cut short: its {0} ends too early; fetch it again")]
    Truncated(Form),
    /// It does not have the form at all.
    #[error("this is no signed envelope: its {form} cannot be read ({detail}); give the file as it was made")]
    Malformed {
        /// The form that was expected.
        form: Form,
        /// What the reader says.
        detail: String,
    },
    /// A part is not there.
    #[error("the signed envelope has no `{0}`; give the file as it was made")]
    Missing(Field),
    /// A part is of another kind than it has to be.
    #[error("`{field}` of the signed envelope is not {expected}")]
    WrongKind {
        /// Which part.
        field: Field,
        /// What it has to be.
        expected: &'static str,
    },
    /// A part is no base64.
    #[error("`{0}` of the signed envelope is not base64 with padding; give the file as it was made")]
    Base64(Field),
    /// A part is larger than any that we make.
    #[error("`{field}` of the signed envelope has {len} bytes; at most {max} are allowed")]
    TooLarge {
        /// Which part.
        field: Field,
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// A type that this version does not know.
    #[error(transparent)]
    UnknownType(#[from] UnknownPayloadType),
    /// Nobody signed.
    #[error("`signatures` of the signed envelope is empty; an envelope needs at least one")]
    NoSignatures,
    /// More signatures than any that we make.
    #[error("`signatures` of the signed envelope has more than {max} entries", max = super::Envelope::MAX_SIGNATURES)]
    TooManySignatures,
    /// A key id of the wrong form.
    #[error("`{}` of the signed envelope is no key id; it has 64 lower-case hexadecimal digits", Field::KeyId(*.index))]
    KeyId {
        /// Of which signature, from 0.
        index: usize,
    },
    /// One key signed twice.
    #[error("`signatures` of the signed envelope names the key {0} twice")]
    DuplicateKeyId(KeyId),
    /// A signature of the wrong size.
    #[error("`{}` of the signed envelope has {len} bytes, not 64", Field::Signature(*.index))]
    SignatureLength {
        /// Of which signature, from 0.
        index: usize,
        /// Bytes found.
        len: usize,
    },
}

impl EnvelopeError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Truncated(_) => "ENVELOPE_TRUNCATED",
            Self::Malformed { .. } => "ENVELOPE_MALFORMED",
            Self::Missing(_) => "ENVELOPE_FIELD_MISSING",
            Self::WrongKind { .. } => "ENVELOPE_FIELD_KIND",
            Self::Base64(_) => "ENVELOPE_BASE64",
            Self::TooLarge { .. } => "ENVELOPE_TOO_LARGE",
            Self::UnknownType(_) => "ENVELOPE_TYPE_UNKNOWN",
            Self::NoSignatures => "ENVELOPE_UNSIGNED",
            Self::TooManySignatures => "ENVELOPE_SIGNATURES_MANY",
            Self::KeyId { .. } => "ENVELOPE_KEY_ID",
            Self::DuplicateKeyId(_) => "ENVELOPE_KEY_ID_TWICE",
            Self::SignatureLength { .. } => "ENVELOPE_SIGNATURE_LENGTH",
        }
    }
}

/// Why an envelope that could be read does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Something else than was asked for.
    #[error("this is {found}, but {expected} is wanted here; give the other file")]
    WrongType {
        /// What was asked for.
        expected: PayloadType,
        /// What it says it is.
        found: PayloadType,
    },
    /// The key that counts has not signed.
    #[error(
        "the key {} has not signed this; it is signed by {}. Either it comes from somebody else, or the key has been \
         replaced: fetch the present one", expected.fingerprint(), shown(found)
    )]
    WrongKey {
        /// The key that counts.
        expected: KeyId,
        /// Keys that are said to have signed.
        found: Vec<KeyId>,
    },
    /// The signature does not fit: payload, type or signature is not what the key's owner made.
    #[error("the signature of the key {} does not fit: what it signed was changed on the way; fetch it again", .0.fingerprint())]
    BadSignature(KeyId),
    /// Of those that were signed together this is none.
    #[error(
        "this is not among what was signed: it was changed on the way, or belongs to another signature; fetch it again"
    )]
    NotAmong,
    /// The key's role may not sign this type.
    #[error("a key of the role {role} may not sign {payload_type}")]
    WrongRole {
        /// What was signed.
        payload_type: PayloadType,
        /// The role of the key.
        role: Role,
    },
}

impl OpenError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongType { .. } => "SIGNED_TYPE",
            Self::WrongKey { .. } => "SIGNED_BY_ANOTHER_KEY",
            Self::BadSignature(_) => "SIGNATURE_BAD",
            Self::NotAmong => "SIGNED_WITHOUT_IT",
            Self::WrongRole { .. } => "SIGNER_ROLE",
        }
    }
}

fn shown(keys: &[KeyId]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key.fingerprint().to_string()).collect();
    keys.join(", ")
}
