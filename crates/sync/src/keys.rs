//! An instance's own keys: made at enrolment, sealed at rest, opened for one use. Not responsible for what is signed
//! or opened with them.

use leasehold_domain::InstanceId;
use leasehold_signing::sealed_file;
use leasehold_signing::{ExposeSecret as _, KeyId, SealError, SigningKey, VerifyingKey};
use leasehold_store::sync::Keys;

use crate::Error;
use crate::state::State;

/// New keys for an instance.
pub(crate) fn make(state: &State, instance: InstanceId) -> Result<Keys, Error> {
    let mut random = state.random();
    let signing = SigningKey::generate(&mut *random);
    let identity = sealed_file::Identity::generate(&mut *random);
    let (seed, text) = (signing.expose_seed(), identity.expose_text());
    let mut seal = |purpose: String, secret: &[u8]| {
        let sealed = state.key.seal(&mut *random, &purpose, secret);
        sealed.map_err(|source| Error::Sealed { instance, source })
    };
    Ok(Keys {
        signing_key: seal(signing_purpose(instance), &*seed)?,
        public_key: *signing.verifying_key().as_bytes(),
        identity: seal(identity_purpose(instance), text.as_bytes())?,
        recipient: identity.recipient().to_string(),
    })
}

/// The private signing key.
pub(crate) fn signing_key(state: &State, instance: InstanceId, keys: &Keys) -> Result<SigningKey, Error> {
    let sealed = |source| Error::Sealed { instance, source };
    let seed = state.key.open(&signing_purpose(instance), &keys.signing_key).map_err(sealed)?;
    let key = SigningKey::from_slice(seed.expose_secret()).map_err(|_| sealed(SealError::Damaged))?;
    if key.verifying_key().as_bytes() != &keys.public_key {
        return Err(sealed(SealError::Damaged));
    }
    Ok(key)
}

/// What opens files for the instance.
pub(crate) fn identity(
    state: &State,
    instance: InstanceId,
    keys: &Keys,
) -> Result<sealed_file::Identity, Error> {
    let sealed = |source| Error::Sealed { instance, source };
    let secret = state.key.open(&identity_purpose(instance), &keys.identity).map_err(sealed)?;
    let text = std::str::from_utf8(secret.expose_secret()).map_err(|_| sealed(SealError::Damaged))?;
    sealed_file::Identity::from_text(text).map_err(|_| sealed(SealError::Damaged))
}

/// The id of the signing key.
pub(crate) fn id(instance: InstanceId, keys: &Keys) -> Result<KeyId, Error> {
    let key = VerifyingKey::from_slice(&keys.public_key);
    key.map(|key| key.id()).map_err(|error| Error::Defect(format!("the public key of {instance}: {error}")))
}

/// Whether every key can be opened: a wrong master key is told at the start and not at the first exchange.
pub(crate) async fn check_all(state: &State) -> Result<(), Error> {
    for instance in state.store.enrolled().await? {
        let Some(found) = state.store.identity(instance).await? else { continue };
        signing_key(state, instance, &found.keys)?;
        identity(state, instance, &found.keys)?;
    }
    Ok(())
}

fn signing_purpose(instance: InstanceId) -> String {
    format!("signing-key/{instance}")
}

fn identity_purpose(instance: InstanceId) -> String {
    format!("sealing-key/{instance}")
}
