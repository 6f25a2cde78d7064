//! Answer keys: what answers are signed with.
//!
//! Every instance has one at a time, which its replicas share through the store, sealed. Synchronisation certifies it
//! for some days, and it is replaced every day. An answer is signed by the newest key that is good at the time at which
//! the answer was decided.
//!
//! Responsible for making keys, for having them certified and kept, and for signing. Not responsible for when a new one
//! is due: that is a job's. Reference: `docs/reference/licensing.md`, "Signed answers".

mod certifier;
mod keyring;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_signing::{
    ChainError, Expected, PayloadType, Role, SealError, ServiceName, SigningKey, VerifiedChain, read_chain,
    sign_many, verify_chain,
};
use leasehold_store::StoreError;
use leasehold_store::licensing::{AnswerKey, Standing};
use prost::Message as _;
use tokio::time::sleep;

use crate::Error;
use crate::allocator::Answered;
use crate::pin::Pin;
use crate::state::State;
pub use certifier::{Certifier, CertifyError, SyncCertifier};
use keyring::Key;
pub(crate) use keyring::Keyring;

/// This service, as certificates name it.
const SERVICE: &str = "licensing";
/// Keys that are looked at. One is made a day, by every replica at most.
const NEWEST: u32 = 32;
/// How long after its end a key is forgotten.
const KEEP_ENDED: SignedDuration = SignedDuration::from_hours(3 * 24);
/// How often the store is asked at most because no key is good.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked at most where a key is expected within a moment.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
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
    /// Licensing cannot go on.
    #[error(transparent)]
    Licensing(#[from] Error),
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        Self::Licensing(error.into())
    }
}

/// Knows the keys that are in the store. One that was sealed with another master key is an error; one that is damaged
/// is passed over, because another takes its place.
pub(crate) async fn reload(state: &State, instance: InstanceId) -> Result<(), Error> {
    let keyring = state.keyring(instance);
    let _turn = keyring.turn().await;
    let mut keys = Vec::new();
    for kept in state.store.answer_keys(instance, NEWEST).await? {
        if let Some(known) = keyring.known(&kept.key_id) {
            keys.push(known);
            continue;
        }
        match Key::open(&state.signing_key, instance, &kept) {
            Ok(key) => keys.push(Arc::new(key)),
            Err(source @ SealError::WrongMasterKey) => return Err(Error::Sealed { instance, source }),
            Err(error) => tracing::warn!(%error, "a key for answers is passed over; another takes its place"),
        }
    }
    keyring.take(keys);
    Ok(())
}

/// The same, and waits a moment for the first key after a bundle: who synchronises and asks at once is not refused.
pub(crate) async fn wait_for_one(state: &State, instance: InstanceId) {
    look_for_one(state, instance).await;
    let keyring = state.keyring(instance);
    let is_there = || keyring.good_at(state.clock(instance).now()).is_some();
    if is_there() {
        return;
    }
    // Another replica may have put the bundle in force, and have the key.
    if let Ok(Standing { bundle: Some(bundle), .. }) = state.store.standing(instance).await {
        keyring.expect(bundle.sequence);
    }
    while keyring.is_expected() && !is_there() {
        sleep(LOOK_AGAIN).await;
        if keyring.may_ask(LOOK_AGAIN)
            && let Err(error) = reload(state, instance).await
        {
            return crate::error::log(&error, 0);
        }
    }
}

/// Looks into the store for a key of another replica where none here is good, and calls for one.
pub(crate) async fn look_for_one(state: &State, instance: InstanceId) {
    let keyring = state.keyring(instance);
    if keyring.good_at(state.clock(instance).now()).is_some() {
        return;
    }
    if keyring.may_ask(ASK_EVERY) {
        keyring.call();
        if let Err(error) = reload(state, instance).await {
            crate::error::log(&error, 0);
        }
    }
}

/// Makes a key where one is due, has it certified, and keeps it; without a bundle nobody certifies one.
pub(crate) async fn renew(state: &State, instance: InstanceId) -> Result<(), KeyError> {
    reload(state, instance).await?;
    let now = state.clock(instance).now();
    if !state.keyring(instance).is_due(now) {
        return Ok(());
    }
    let standing = state.store.standing(instance).await?;
    let (Some(enrolment), Some(_)) = (standing.enrolment, standing.bundle) else { return Ok(()) };
    let signing = SigningKey::generate(&mut *state.random());
    let certificates = state.certifier.certify(instance, signing.verifying_key()).await?;
    let chain = verified(&Pin::of(&enrolment)?, &signing, &certificates, now)?;
    let sealed = {
        let mut random = state.random();
        state.signing_key.seal(&mut *random, &keyring::purpose(instance), &*signing.expose_seed())?
    };
    let key = AnswerKey {
        key_id: *signing.id().as_bytes(),
        sealed_seed: sealed,
        certificates: keyring::keep(certificates),
        not_before: chain.validity().not_before(),
        not_after: chain.validity().not_after(),
        created_at: now,
    };
    state.store.add_answer_key(instance, &key).await?;
    reload(state, instance).await?;
    tracing::info!(key = %signing.id().fingerprint(), until = %key.not_after, "a new key for answers is certified");
    let ended = now.checked_sub(KEEP_ENDED).unwrap_or(Timestamp::MIN);
    state.store.forget_answer_keys(instance, ended).await?;
    Ok(())
}

/// The chain that leads from the pinned root to this key of this service, at this time.
fn verified(
    pin: &Pin,
    key: &SigningKey,
    certificates: &[Vec<u8>],
    now: Timestamp,
) -> Result<VerifiedChain, KeyError> {
    let service = ServiceName::new(SERVICE).expect("it keeps the rules of such names");
    let expected = Expected {
        role: Role::Answer,
        vendor: Some(&pin.vendor),
        instance: Some(pin.server),
        service: Some(&service),
    };
    let chain = verify_chain(&pin.root, &read_chain(certificates)?, now, &expected)?;
    if chain.key() == key.verifying_key() { Ok(chain) } else { Err(KeyError::OtherKey) }
}

/// Adds the signed form to answers that are told together, as far as a key is good at the time of each: one signature for
/// all of them, or one for each key where repeats are among them from before another one.
pub(crate) fn sign<'a>(state: &State, instance: InstanceId, answers: impl Iterator<Item = &'a mut Answered>) {
    let (keyring, addresses_number) = (state.keyring(instance), state.addresses_number(instance));
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(1);
    for answered in answers {
        let decided_at = answered.response.server_time.as_ref();
        let decided_at = decided_at.and_then(|at| read_timestamp("server_time", at).ok());
        let Some(key) = decided_at.and_then(|at| keyring.good_at(at)) else { continue };
        let payload = payload(answered, addresses_number);
        match groups.iter_mut().find(|group| Arc::ptr_eq(&group.key, &key)) {
            Some(group) => group.add(payload, &mut answered.response),
            None => {
                let mut group = Group { key, payloads: Vec::new(), answers: Vec::new() };
                group.add(payload, &mut answered.response);
                groups.push(group);
            }
        }
    }
    groups.into_iter().for_each(Group::sign);
}

/// What is signed of an answer.
fn payload(answered: &mut Answered, addresses_number: u64) -> Vec<u8> {
    let answer = std::mem::take(&mut answered.response);
    let device = Some(answered.device.clone());
    let said = pb::CapabilityAnswer { answer: Some(answer), device, addresses_number };
    let payload = said.encode_to_vec();
    answered.response = said.answer.unwrap_or_default();
    payload
}

/// Answers that are signed with one key.
struct Group<'a> {
    key: Arc<Key>,
    payloads: Vec<Vec<u8>>,
    answers: Vec<&'a mut pb::RequestCapabilitiesResponse>,
}

impl<'a> Group<'a> {
    fn add(&mut self, payload: Vec<u8>, answer: &'a mut pb::RequestCapabilitiesResponse) {
        self.payloads.push(payload);
        self.answers.push(answer);
    }

    fn sign(self) {
        let Self { key, payloads, answers } = self;
        let (envelope, paths) = match sign_many(PayloadType::CapabilityAnswers, &payloads, &key.signing) {
            Ok((envelope, paths)) => (envelope.to_protobuf(), paths),
            // It is larger than any envelope, and a root is small.
            Err(error) => return tracing::error!(%error, "answers could not be signed"),
        };
        for (index, (answer, payload)) in answers.into_iter().zip(payloads).enumerate() {
            answer.signed = Some(pb::SignedAnswer {
                envelope: envelope.clone(),
                certificates: key.certificates.clone(),
                answer: payload,
                index: index as u64,
                path: paths.path(index),
            });
        }
    }
}
