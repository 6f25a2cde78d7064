//! Signed envelopes, the chain of keys behind them, and the sealing of secrets and files.
//!
//! Responsible for everything that needs a signature or a cipher of our own: DSSE envelopes, Ed25519 keys and
//! their certificates, private keys at rest, files that one reader can open. The only crate that names the
//! libraries for it. Not responsible for what is signed (payloads are bytes here), for keeping keys, or for TLS. It
//! reads no clock and does no input or output: the time and a generator are arguments. Only the sealing of files, which
//! is a feature (`sealed-files`), draws randomness of its own.
//! Reference: `docs/reference/signing.md`.
//!
//! A server signs, and somebody who has pinned the vendor's root checks:
//!
//! ```
//! # use leasehold_signing::*;
//! # use rand::SeedableRng;
//! # let mut rng = rand::rngs::StdRng::seed_from_u64(1); // The system's generator, outside of examples.
//! # let second = |second| jiff::Timestamp::from_second(second).unwrap();
//! # let validity = Validity::new(second(1_000), second(9_000)).unwrap();
//! # let (root, online) = (SigningKey::generate(&mut rng), SigningKey::generate(&mut rng));
//! # let subject = Subject::Online { vendor: VendorId::new("example")? };
//! # let key = *online.verifying_key();
//! // The root certifies the vendor's online key, and that one signs.
//! let certificate = Certificate { subject, key, validity, serial: Serial::generate(&mut rng) }.issue(&root)?;
//! let signed = Envelope::sign(PayloadType::SyncResponse, b"a bundle".to_vec(), &online)?;
//!
//! let signed = Envelope::from_json(signed.to_json().as_bytes())?;
//! let signed_at = second(5_000); // Read in `signed.unverified_payload()`.
//! let expected = Expected::any(Role::Online);
//! let chain = verify_chain(root.verifying_key(), &[certificate], signed_at, &expected)?;
//! assert_eq!(chain.open(&signed, PayloadType::SyncResponse)?, b"a bundle");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod certificate;
pub mod chain;
pub mod envelope;
pub mod file;
mod json;
pub mod key;
pub mod key_id;
pub mod many;
pub mod names;
#[cfg(feature = "passwords")]
pub mod password;
pub mod payload_type;
pub mod role;
pub mod seal;
#[cfg(feature = "sealed-files")]
pub mod sealed_file;
pub mod tuf;

pub use certificate::{Certificate, CertificateError, Serial, Subject, Validity};
pub use chain::{ChainError, Expected, VerifiedChain, read_chain, verify_chain};
pub use envelope::{Envelope, EnvelopeError, OpenError, Signature};
pub use file::{FileError, FileKind, SignedFile};
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use key_id::{Fingerprint, KeyId, KeyIdError};
pub use many::{Paths, sign_many};
pub use names::{NameError, ServiceName, VendorId};
#[cfg(feature = "passwords")]
pub use password::{NotAHash, PasswordHash};
pub use payload_type::{PayloadType, UnknownPayloadType};
pub use role::Role;
pub use seal::{MasterKey, SealError, ServiceKey};

/// What makes randomness for keys, serials and nonces. It has to be fit for secrets: the system's, in production.
pub use rand_core::CryptoRng;

/// What was opened: shown to nobody who prints it, and overwritten when it is dropped.
pub type Secret = secrecy::SecretBox<Vec<u8>>;
pub use secrecy::ExposeSecret;
