//! Ed25519 keys that sign and verify (RFC 8032), strictly.
//!
//! Not responsible for which key may sign what: chains and payload types say so. Reference: signing, "Keys".

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER;
use ed25519_dalek::Signer;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::key_id::KeyId;

/// Bytes of a signature.
pub(crate) const SIGNATURE_LEN: usize = 64;

/// Why something is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes.
    #[error("a key has 32 bytes, not {0}; give the whole key and nothing else")]
    Length(usize),
    /// Not the text form of this kind of key.
    #[error("the text is not a {0}; give it as it was printed")]
    Text(&'static str),
    /// No point of the curve.
    #[error("the public key is damaged: it is no point of the curve; fetch it again")]
    NotOnCurve,
    /// A point of small order, for which anybody can make signatures.
    #[error("the public key is weak: no honest program makes it; ask its owner for another")]
    Weak,
}

impl KeyError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Length(_) => "KEY_LENGTH",
            Self::Text(_) => "KEY_TEXT",
            Self::NotOnCurve => "KEY_NOT_ON_CURVE",
            Self::Weak => "KEY_WEAK",
        }
    }
}

/// A private key. Its memory is overwritten when it is dropped; it has no text form.
#[derive(Clone)]
pub struct SigningKey {
    secret: ed25519_dalek::SigningKey,
    public: VerifyingKey,
}

/// A public key. Text form: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey {
    point: ed25519_dalek::VerifyingKey,
    id: KeyId,
}

impl SigningKey {
    /// A new key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The key of this seed: the private key of 32 bytes of RFC 8032, section 5.1.5.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = VerifyingKey::known(secret.verifying_key());
        Self { secret, public }
    }

    /// The key of this seed, as it comes out of a file or a sealed row: 32 bytes.
    pub fn from_slice(seed: &[u8]) -> Result<Self, KeyError> {
        let seed: &[u8; 32] = seed.try_into().map_err(|_| KeyError::Length(seed.len()))?;
        Ok(Self::from_seed(seed))
    }

    /// The seed, to be sealed. Whoever has it can sign.
    pub fn expose_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }

    /// The public half.
    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The id of the public half.
    pub fn id(&self) -> KeyId {
        self.public.id
    }

    /// Signs bytes that nothing separates from other uses of the key. Envelopes do.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey(of {}, …)", self.public.id)
    }
}

impl VerifyingKey {
    /// The key of these 32 bytes (RFC 8032, section 5.1.5). Weak ones are refused.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::Length(bytes.len()))?;
        let point = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotOnCurve)?;
        if point.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self::known(point))
    }

    fn known(point: ed25519_dalek::VerifyingKey) -> Self {
        Self { point, id: KeyId::of_ed25519(point.as_bytes()) }
    }

    /// The key as 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.point.as_bytes()
    }

    /// What names the key.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Whether the key made this signature of the message. Each message has one signature that passes.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        // Not `verify`: it takes points of small order, with which one signature fits several messages.
        self.point.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&HEXLOWER.encode(self.as_bytes()))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({self})")
    }
}

impl FromStr for VerifyingKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes =
            HEXLOWER.decode(text.as_bytes()).map_err(|_| KeyError::Text("public key of 64 digits"))?;
        Self::from_slice(&bytes)
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
