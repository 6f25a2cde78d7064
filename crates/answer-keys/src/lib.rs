//! Answer keys: what services sign their answers to clients with.
//!
//! Every instance of a service has one at a time, which its replicas share through the service's store, sealed.
//! Synchronisation certifies it for some days, and it is replaced every day. An answer is signed by the newest key that is
//! good at the time at which the answer was decided.
//!
//! Responsible for making keys, for having them certified and kept, and for knowing which is good. Not responsible for
//! what is signed, nor for when somebody looks whether a new one is due. Reference: `docs/reference/signing.md`.

mod certifier;
mod keyring;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_signing::{
    ChainError, Expected, Role, SealError, ServiceKey, ServiceName, SigningKey, VendorId, VerifiedChain,
    VerifyingKey, read_chain, verify_chain,
};
use leasehold_store::StoreError;
use leasehold_store::licensing::AnswerKey;
use rand::rngs::StdRng;

pub use certifier::{Certifier, CertifyError, SyncCertifier};
pub use keyring::{Key, Keyring};

/// Keys that are looked at. One is made a day, by every replica at most.
const NEWEST: u32 = 32;
/// How long after its end a key is forgotten.
const KEEP_ENDED: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Where a service keeps its keys.
#[async_trait]
pub trait KeyStore: Send + Sync + 'static {
    /// The newest answer keys, newest first.
    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError>;

    /// Adds an answer key.
    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError>;

    /// Forgets the answer keys whose certificates were not good any more at `before`; says how many.
    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError>;
}

/// What an instance has pinned of its vendor: certificates have to lead from it to the key.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The vendor.
    pub vendor: VendorId,
    /// The id that the vendor gave the instance: certificates are for this one.
    pub server: InstanceId,
    /// The vendor's root key.
    pub root: VerifyingKey,
}

/// Why the keys that are kept are not known.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key was sealed with another master key.
    #[error("a key that answers of the instance {instance} are signed with cannot be opened: {source}")]
    Sealed {
        /// The instance.
        instance: InstanceId,
        /// Why.
        source: SealError,
    },
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Nobody certified it.
    #[error(transparent)]
    Certify(#[from] CertifyError),
    /// The certificates do not lead to it.
    #[error("the certificates of the new key are not good: {0}")]
    Chain(#[from] ChainError),
    /// Another key was certified.
    #[error("synchronisation has certified another key than the one that it was asked for")]
    OtherKey,
    /// It cannot be sealed.
    #[error("the new key cannot be sealed: {0}")]
    Seal(#[from] SealError),
    /// Those that there are cannot be known.
    #[error(transparent)]
    Reload(#[from] ReloadError),
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        Self::Reload(error.into())
    }
}

/// What the keys of one service are made and kept with.
pub struct AnswerKeys {
    service: ServiceName,
    store: Arc<dyn KeyStore>,
    sealing: Arc<ServiceKey>,
    certifier: Arc<dyn Certifier>,
    random: Mutex<StdRng>,
}

impl AnswerKeys {
    /// Of the service that certificates call `service`.
    pub fn new(
        service: ServiceName,
        store: Arc<dyn KeyStore>,
        sealing: Arc<ServiceKey>,
        certifier: Arc<dyn Certifier>,
    ) -> Self {
        Self { service, store, sealing, certifier, random: Mutex::new(rand::make_rng()) }
    }

    /// Lets the keyring of an instance know the keys that are in the store. One that was sealed with another master key is
    /// an error; one that is damaged is passed over, because another takes its place.
    pub async fn reload(&self, keyring: &Keyring, instance: InstanceId) -> Result<(), ReloadError> {
        let _turn = keyring.turn().await;
        let mut keys = Vec::new();
        for kept in self.store.answer_keys(instance, NEWEST).await? {
            if let Some(known) = keyring.known(&kept.key_id) {
                keys.push(known);
                continue;
            }
            match Key::open(&self.sealing, instance, &kept) {
                Ok(key) => keys.push(Arc::new(key)),
                Err(source @ SealError::WrongMasterKey) => {
                    return Err(ReloadError::Sealed { instance, source });
                }
                Err(error) => {
                    tracing::warn!(%error, "a key for answers is passed over; another takes its place");
                }
            }
        }
        keyring.take(keys);
        Ok(())
    }

    /// Makes a key, has it certified, and keeps it. Whether one is due is for the caller to ask, after a reload.
    pub async fn make(
        &self,
        keyring: &Keyring,
        instance: InstanceId,
        pin: &Pin,
        now: Timestamp,
    ) -> Result<(), KeyError> {
        let signing = SigningKey::generate(&mut *self.random());
        let certificates = self.certifier.certify(instance, signing.verifying_key()).await?;
        let chain = self.verified(pin, &signing, &certificates, now)?;
        let sealed = {
            let mut random = self.random();
            self.sealing.seal(&mut *random, &keyring::purpose(instance), &*signing.expose_seed())?
        };
        let key = AnswerKey {
            key_id: *signing.id().as_bytes(),
            sealed_seed: sealed,
            certificates: keyring::keep(certificates),
            not_before: chain.validity().not_before(),
            not_after: chain.validity().not_after(),
            created_at: now,
        };
        self.store.add_answer_key(instance, &key).await?;
        self.reload(keyring, instance).await?;
        tracing::info!(key = %signing.id().fingerprint(), until = %key.not_after, "a new key for answers is certified");
        let ended = now.checked_sub(KEEP_ENDED).unwrap_or(Timestamp::MIN);
        self.store.forget_answer_keys(instance, ended).await?;
        Ok(())
    }

    /// The chain that leads from the pinned root to this key of this service, at this time.
    fn verified(
        &self,
        pin: &Pin,
        key: &SigningKey,
        certificates: &[Vec<u8>],
        now: Timestamp,
    ) -> Result<VerifiedChain, KeyError> {
        let expected = Expected {
            role: Role::Answer,
            vendor: Some(&pin.vendor),
            instance: Some(pin.server),
            service: Some(&self.service),
        };
        let chain = verify_chain(&pin.root, &read_chain(certificates)?, now, &expected)?;
        if chain.key() == key.verifying_key() { Ok(chain) } else { Err(KeyError::OtherKey) }
    }

    fn random(&self) -> MutexGuard<'_, StdRng> {
        // A generator has no state that a panic could leave half changed.
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
