//! What names a key: its id for programs, its fingerprint for people.
//!
//! Reference: signing, "Key ids".

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// The id of an Ed25519 public key. Text form: 64 lower-case hexadecimal digits.
///
/// It is the SHA-256 of this text, where `HEX` is the public key of 32 bytes (RFC 8032, section 5.1.5) in 64
/// lower-case digits: `{"keytype":"ed25519","keyval":{"public":"HEX"},"scheme":"ed25519"}`. The Python library
/// securesystemslib and TUF repositories name the same key by the same id. Since the algorithm is part of the
/// text, an id stands for one algorithm only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 32]);

/// A text that is not a key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a key id; give 64 lower-case hexadecimal digits")]
pub struct KeyIdError;

/// The first 16 bytes of a key's id in eight groups, for people who compare two keys by eye or voice.
///
/// Who wants another key with the same fingerprint has to try 2^128 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 16]);

impl KeyId {
    /// The id of this Ed25519 public key.
    pub(crate) fn of_ed25519(public: &[u8; 32]) -> Self {
        let hex = HEXLOWER.encode(public);
        let text = format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{hex}"}},"scheme":"ed25519"}}"#);
        Self(Sha256::digest(text).into())
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The short form for people.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut first = [0; 16];
        first.copy_from_slice(&self.0[..16]);
        Fingerprint(first)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = KeyIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| KeyIdError)?;
        bytes.try_into().map(Self).map_err(|_| KeyIdError)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pair) in self.0.chunks(2).enumerate() {
            if index > 0 {
                formatter.write_str("-")?;
            }
            formatter.write_str(&HEXLOWER.encode(pair))?;
        }
        Ok(())
    }
}
