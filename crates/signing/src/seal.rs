//! Secrets at rest: sealed with a key of the service, which is derived from the deployment's master key.
//!
//! Responsible for deriving, sealing and opening, and for telling a wrong master key from a damaged secret. Not
//! responsible for where the master key comes from or where sealed secrets lie.
//! Sources: HKDF-SHA256 (RFC 5869); XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03); reference: signing, "Secrets
//! at rest".

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::Secret;
use crate::key::KeyError;
use crate::names::ServiceName;

/// How a sealed secret begins: what it is, and the version of its form.
const MAGIC: &[u8; 4] = b"LHS\x01";
const CHECK_LEN: usize = 8;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const NONCE_AT: usize = MAGIC.len() + CHECK_LEN;
const SECRET_AT: usize = NONCE_AT + NONCE_LEN;

/// Domain of all derivations: the salt of HKDF's first step.
const SALT: &[u8] = b"leasehold/master-key/v1";
const CHECK_LABEL: &[u8] = b"check";
const SERVICE_LABEL: &[u8] = b"service/";

/// Why a sealed secret cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// More than any secret that is sealed.
    #[error("a secret of {0} bytes cannot be sealed; at most {max} are allowed", max = ServiceKey::MAX_SECRET)]
    TooLarge(usize),
    /// It ends too early.
    #[error("the sealed secret is cut short: it has {0} bytes; restore it from a backup")]
    Truncated(usize),
    /// Not a sealed secret, or of a later version.
    #[error("this is no sealed secret of a version that is known; restore it, or update the server")]
    Unknown,
    /// Sealed with another master key.
    #[error(
        "the secret was sealed with another master key; start the server with the master key that it had when its \
         data was made"
    )]
    WrongMasterKey,
    /// The right master key, and yet it does not open.
    #[error(
        "the sealed secret is damaged, or stands in the place of another service's or another purpose's; restore it \
         from a backup"
    )]
    Damaged,
}

impl SealError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "SECRET_TOO_LARGE",
            Self::Truncated(_) => "SEALED_TRUNCATED",
            Self::Unknown => "SEALED_UNKNOWN",
            Self::WrongMasterKey => "SEALED_WITH_ANOTHER_MASTER_KEY",
            Self::Damaged => "SEALED_DAMAGED",
        }
    }
}

/// The deployment's key, from which each service's is derived: 32 bytes. Overwritten when it is dropped.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// A new key.
    pub fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        Self(key)
    }

    /// The key as 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return Err(KeyError::Length(bytes.len()));
        }
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }

    /// The key as text, space around it aside: 64 hexadecimal digits, or base64 with padding.
    ///
    /// `openssl rand -hex 32` and `openssl rand -base64 32` make such texts. An error does not repeat the text.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let text = text.trim().as_bytes();
        let encoding = if text.len() == 64 { HEXLOWER_PERMISSIVE } else { BASE64 };
        let bytes = encoding.decode(text);
        let bytes = bytes.map_err(|_| KeyError::Text("master key of 64 hexadecimal digits or base64"))?;
        Self::from_slice(&Zeroizing::new(bytes))
    }

    /// The key as 64 hexadecimal digits, to be written where [`from_text`](Self::from_text) will find it.
    pub fn expose_text(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER_PERMISSIVE.encode(&*self.0))
    }

    /// The key that seals this service's secrets.
    pub fn for_service(&self, service: &ServiceName) -> ServiceKey {
        let derived = Hkdf::<Sha256>::new(Some(SALT), &*self.0);
        let mut key = Zeroizing::new([0; 32]);
        let mut check = [0; CHECK_LEN];
        let made = derived.expand_multi_info(&[SERVICE_LABEL, service.as_str().as_bytes()], &mut *key);
        made.and_then(|()| derived.expand(CHECK_LABEL, &mut check)).expect("HKDF gives up to 8,160 bytes");
        ServiceKey { cipher: XChaCha20Poly1305::new((&*key).into()), check, service: service.clone() }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(…)")
    }
}

/// The key of one service's secrets. Overwritten when it is dropped.
pub struct ServiceKey {
    cipher: XChaCha20Poly1305,
    /// The same for every service: it stands for the master key.
    check: [u8; CHECK_LEN],
    service: ServiceName,
}

impl ServiceKey {
    /// Largest secret in bytes.
    pub const MAX_SECRET: usize = 64 * 1024;

    /// The secret, sealed: 52 bytes longer.
    ///
    /// It opens only for the same service and `purpose`, which says what the secret is and whose: for instance
    /// `answer-key/` and the instance's id, so that no row can be put in the place of another.
    pub fn seal(
        &self,
        rng: &mut (impl CryptoRng + ?Sized),
        purpose: &str,
        secret: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let too_large = SealError::TooLarge(secret.len());
        if secret.len() > Self::MAX_SECRET {
            return Err(too_large);
        }
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        let context = self.context(purpose);
        let payload = Payload { msg: secret, aad: &context };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| too_large)?;
        Ok([MAGIC.as_slice(), &self.check, &nonce, &sealed].concat())
    }

    /// The secret that was sealed for this purpose.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret, SealError> {
        if sealed.len() < SECRET_AT + TAG_LEN {
            return Err(SealError::Truncated(sealed.len()));
        }
        let (Some(rest), Some(secret)) = (sealed.strip_prefix(MAGIC), sealed.get(SECRET_AT..)) else {
            return Err(SealError::Unknown);
        };
        let mut nonce = [0; NONCE_LEN];
        nonce.copy_from_slice(&sealed[NONCE_AT..SECRET_AT]);
        let context = self.context(purpose);
        let opened = self
            .cipher
            .decrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &context })
            .map(|secret| Secret::new(Box::new(secret)));
        match (rest.starts_with(&self.check), opened) {
            (true, Ok(secret)) => Ok(secret),
            // Only the check value was hit: the master key is right.
            (true, Err(_)) | (false, Ok(_)) => Err(SealError::Damaged),
            (false, Err(_)) => Err(SealError::WrongMasterKey),
        }
    }

    /// What a sealed secret is bound to. The service's name has no zero byte, so that nothing else reads the same.
    fn context(&self, purpose: &str) -> Vec<u8> {
        [MAGIC.as_slice(), self.service.as_str().as_bytes(), b"\0", purpose.as_bytes()].concat()
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ServiceKey(of {}, …)", self.service)
    }
}

#[cfg(test)]
#[path = "seal_tests.rs"]
mod tests;
