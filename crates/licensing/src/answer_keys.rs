//! Answer keys, as licensing uses them: which is good, who waits for one, and answers signed with it.
//!
//! Not responsible for making them: that is the crate `answer-keys`, which every service shares; nor for when a new one is
//! due, which is a job's. Reference: `docs/reference/licensing.md`, "Signed answers".

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_answer_keys::{AnswerKeys, Key, KeyStore, ReloadError};
pub use leasehold_answer_keys::{Certifier, CertifyError, SyncCertifier};
pub(crate) use leasehold_answer_keys::{KeyError, Keyring};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_signing::{PayloadType, ServiceKey, ServiceName, sign_many};
use leasehold_store::licensing::{AnswerKey, Standing};
use leasehold_store::{LicensingStore, StoreError};
use prost::Message as _;
use tokio::time::sleep;

use crate::Error;
use crate::allocator::Answered;
use crate::pin::Pin;
use crate::state::State;

/// This service, as certificates name it.
pub const SERVICE: &str = "licensing";
/// How often the store is asked at most because no key is good.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often it is asked at most where a key is expected within a moment.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the keys are made with.
pub(crate) fn made_with(
    store: Arc<dyn LicensingStore>,
    sealing: Arc<ServiceKey>,
    certifier: Arc<dyn Certifier>,
) -> AnswerKeys {
    let service = ServiceName::new(SERVICE).expect("it keeps the rules of such names");
    AnswerKeys::new(service, Arc::new(Kept(store)), sealing, certifier)
}

/// Licensing's store, as far as it keeps answer keys.
struct Kept(Arc<dyn LicensingStore>);

#[async_trait]
impl KeyStore for Kept {
    async fn answer_keys(&self, instance: InstanceId, limit: u32) -> Result<Vec<AnswerKey>, StoreError> {
        self.0.answer_keys(instance, limit).await
    }

    async fn add_answer_key(&self, instance: InstanceId, key: &AnswerKey) -> Result<(), StoreError> {
        self.0.add_answer_key(instance, key).await
    }

    async fn forget_answer_keys(&self, instance: InstanceId, before: Timestamp) -> Result<u64, StoreError> {
        self.0.forget_answer_keys(instance, before).await
    }
}

impl From<ReloadError> for Error {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Store(error) => error.into(),
            ReloadError::Sealed { instance, source } => Self::Sealed { instance, source },
        }
    }
}

/// Knows the keys that are in the store.
pub(crate) async fn reload(state: &State, instance: InstanceId) -> Result<(), Error> {
    Ok(state.answer_keys.reload(state.keyring(instance), instance).await?)
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
    let keyring = state.keyring(instance);
    state.answer_keys.reload(keyring, instance).await?;
    let now = state.clock(instance).now();
    if !keyring.is_due(now) {
        return Ok(());
    }
    let standing = state.store.standing(instance).await?;
    let (Some(enrolment), Some(_)) = (standing.enrolment, standing.bundle) else { return Ok(()) };
    let Pin { vendor, server, root } = Pin::of(&enrolment)?;
    let pin = leasehold_answer_keys::Pin { vendor, server, root };
    state.answer_keys.make(keyring, instance, &pin, now).await
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
        let (envelope, paths) = match sign_many(PayloadType::CapabilityAnswers, &payloads, key.signing()) {
            Ok((envelope, paths)) => (envelope.to_protobuf(), paths),
            // It is larger than any envelope, and a root is small.
            Err(error) => return tracing::error!(%error, "answers could not be signed"),
        };
        for (index, (answer, payload)) in answers.into_iter().zip(payloads).enumerate() {
            answer.signed = Some(pb::SignedAnswer {
                envelope: envelope.clone(),
                certificates: key.certificates().to_vec(),
                answer: payload,
                index: index as u64,
                path: paths.path(index),
            });
        }
    }
}
