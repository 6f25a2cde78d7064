//! The answer keys of one instance, opened, as this process knows them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::licensing::v1::SignedAnswer;
use leasehold_signing::{ExposeSecret as _, SealError, ServiceKey, SigningKey};
use leasehold_store::licensing::AnswerKey;
use prost::Message as _;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How old the newest key becomes before another one is made.
const ROTATE_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How long after a bundle came whoever needs a key waits for it.
const WORTH_WAITING: Duration = Duration::from_secs(3);

/// A key that signs answers, with the certificates that lead to it.
pub struct Key {
    signing: SigningKey,
    /// Envelopes in protobuf, from the one that the root signed down.
    certificates: Vec<Vec<u8>>,
    not_before: Timestamp,
    not_after: Timestamp,
    created_at: Timestamp,
}

impl Key {
    /// The key as it is kept.
    pub(crate) fn open(
        service: &ServiceKey,
        instance: InstanceId,
        kept: &AnswerKey,
    ) -> Result<Self, SealError> {
        let seed = service.open(&purpose(instance), &kept.sealed_seed)?;
        let signing = SigningKey::from_slice(seed.expose_secret()).map_err(|_| SealError::Damaged)?;
        let certificates = SignedAnswer::decode(kept.certificates.as_slice());
        let certificates = certificates.map_err(|_| SealError::Damaged)?.certificates;
        if *signing.id().as_bytes() != kept.key_id {
            return Err(SealError::Damaged);
        }
        let AnswerKey { not_before, not_after, created_at, .. } = *kept;
        Ok(Self { signing, certificates, not_before, not_after, created_at })
    }

    /// The private key.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The certificates that lead to it: envelopes in protobuf, from the one that the root signed down.
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    fn is_good_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at < self.not_after
    }
}

/// What a key's seed is sealed for.
pub(crate) fn purpose(instance: InstanceId) -> String {
    format!("answer-key/{instance}")
}

/// Certificates in the form in which they are kept.
pub(crate) fn keep(certificates: Vec<Vec<u8>>) -> Vec<u8> {
    SignedAnswer { certificates, ..SignedAnswer::default() }.encode_to_vec()
}

/// The keys of one instance, and calls for whoever looks after them.
#[derive(Default)]
pub struct Keyring {
    /// Newest first.
    keys: RwLock<Vec<Arc<Key>>>,
    /// Whoever takes keys from the store has it: what was read first must not take the place of what was read later.
    reading: tokio::sync::Mutex<()>,
    /// When the store was last asked because no key was good.
    asked: RwLock<Option<Instant>>,
    /// The newest bundle that a key is needed for, and until when that is worth waiting for.
    expected: RwLock<Option<(u64, Instant)>>,
    due: Notify,
    urgent: Notify,
}

impl Keyring {
    /// The newest key that is good at this time.
    pub fn good_at(&self, at: Timestamp) -> Option<Arc<Key>> {
        self.read(|keys| keys.iter().find(|key| key.is_good_at(at)).map(Arc::clone))
    }

    /// Whether another key should be made: the newest is a day old, or none is good.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let is_old = |key: &Arc<Key>| now.duration_since(key.created_at) >= ROTATE_AFTER;
        self.read(|keys| keys.first().is_none_or(is_old)) || self.good_at(now).is_none()
    }

    /// Until when the key is good that signs at this time.
    pub fn good_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.good_at(now).map(|key| key.not_after)
    }

    /// The key of this id, if it is known.
    pub(crate) fn known(&self, id: &[u8; 32]) -> Option<Arc<Key>> {
        self.read(|keys| keys.iter().find(|key| key.signing.id().as_bytes() == id).map(Arc::clone))
    }

    /// Waits for the turn to take keys from the store.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.reading.lock().await
    }

    /// Knows these, newest first, and no others.
    pub(crate) fn take(&self, keys: Vec<Arc<Key>>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Whether it is time to ask the store once more: once in so long.
    pub fn may_ask(&self, every: Duration) -> bool {
        // Each use is one step.
        let mut asked = self.asked.write().unwrap_or_else(PoisonError::into_inner);
        let may = asked.is_none_or(|last| last.elapsed() >= every);
        if may {
            *asked = Some(Instant::now());
        }
        may
    }

    /// Calls whoever looks after the keys.
    pub fn call(&self) {
        self.due.notify_one();
    }

    /// Calls whoever looks after the keys, even where it waits after a failure: this bundle is in force.
    pub fn hurry(&self, sequence: u64) {
        self.expect(sequence);
        self.urgent.notify_one();
    }

    /// This bundle is in force, and a key has to come for it: worth waiting for, once for each bundle.
    pub fn expect(&self, sequence: u64) {
        let mut expected = self.expected.write().unwrap_or_else(PoisonError::into_inner);
        if expected.is_none_or(|(known, _)| known < sequence) {
            *expected = Some((sequence, Instant::now() + WORTH_WAITING));
        }
    }

    /// Whether a key is worth waiting for.
    pub fn is_expected(&self) -> bool {
        let expected = *self.expected.read().unwrap_or_else(PoisonError::into_inner);
        expected.is_some_and(|(_, until)| Instant::now() < until)
    }

    /// Waits for a call.
    pub async fn called(&self) {
        tokio::select! {
            () = self.due.notified() => {}
            () = self.urgent.notified() => {}
        }
    }

    /// Waits for a call that does not brook delay.
    pub async fn hurried(&self) {
        self.urgent.notified().await;
    }

    fn read<T>(&self, look: impl FnOnce(&[Arc<Key>]) -> T) -> T {
        // The list is replaced whole or not at all.
        look(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}
