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
use leasehold_proto::types::v1 as types;
use leasehold_signing::{
    ChainError, Envelope, Expected, PayloadType, Role, SealError, ServiceName, SigningKey, VerifiedChain,
    read_chain, verify_chain,
};
use leasehold_store::StoreError;
use leasehold_store::licensing::AnswerKey;
use prost::Message as _;

use crate::Error;
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
    state.keyring(instance).wait(|| state.clock(instance).now()).await;
}

/// Looks into the store for a key of another replica where none here is good, and calls for one.
pub(crate) async fn look_for_one(state: &State, instance: InstanceId) {
    let keyring = state.keyring(instance);
    if keyring.good_at(state.clock(instance).now()).is_some() {
        return;
    }
    if keyring.may_ask(state.own_clock.monotonic(), ASK_EVERY) {
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

/// Adds the signed form to an answer for this device, where a key is good at the time of the answer.
pub(crate) fn sign(
    state: &State,
    instance: InstanceId,
    answer: pb::RequestCapabilitiesResponse,
    device: types::HostId,
) -> pb::RequestCapabilitiesResponse {
    let decided_at = answer.server_time.as_ref().and_then(|at| read_timestamp("server_time", at).ok());
    let key = decided_at.and_then(|at| state.keyring(instance).good_at(at));
    let Some(key) = key else { return answer };
    signed(&key, answer, device, state.addresses_number(instance))
}

fn signed(
    key: &Key,
    answer: pb::RequestCapabilitiesResponse,
    device: types::HostId,
    addresses_number: u64,
) -> pb::RequestCapabilitiesResponse {
    let signed = pb::CapabilityAnswer { answer: Some(answer), device: Some(device), addresses_number };
    let envelope = Envelope::sign(PayloadType::CapabilityAnswer, signed.encode_to_vec(), &key.signing);
    let mut answer = signed.answer.unwrap_or_default();
    match envelope {
        Ok(envelope) => {
            let (envelope, certificates) = (envelope.to_protobuf(), key.certificates.clone());
            answer.signed = Some(pb::SignedAnswer { envelope, certificates });
        }
        // It is larger than any envelope, and no message is.
        Err(error) => tracing::error!(%error, "an answer could not be signed"),
    }
    answer
}
