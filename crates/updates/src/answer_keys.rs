//! Answer keys, as this service uses them: which is good, and making one where none is.
//!
//! Not responsible for how they are made: that is the crate `answer-keys`, which every service shares. Reference:
//! `docs/reference/signing.md`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use leasehold_answer_keys::{AnswerKeys, Certifier, Key, KeyError, KeyStore};
use leasehold_domain::InstanceId;
use leasehold_signing::{ServiceKey, ServiceName};
use leasehold_store::licensing::AnswerKey;
use leasehold_store::{StoreError, UpdateStore};

use crate::Error;
use crate::site::Site;
use crate::state::State;

/// This service, as certificates name it.
pub const SERVICE: &str = "updates";
/// How often another key is asked for at most where none is good.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What the keys are made with.
pub(crate) fn made_with(
    store: Arc<dyn UpdateStore>,
    sealing: Arc<ServiceKey>,
    certifier: Arc<dyn Certifier>,
) -> AnswerKeys {
    let service = ServiceName::new(SERVICE).expect("it keeps the rules of such names");
    AnswerKeys::new(service, Arc::new(Kept(store)), sealing, certifier)
}

/// The store of this service, as far as it keeps answer keys.
struct Kept(Arc<dyn UpdateStore>);

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

/// A key that is good now. Where there is none, one is made while the caller waits.
pub(crate) async fn good(state: &State, site: &Site, now: Timestamp) -> Result<Arc<Key>, Error> {
    if let Some(key) = site.keyring.good_at(now) {
        return Ok(key);
    }
    let _turn = site.making_key.lock().await;
    if site.keyring.good_at(now).is_none() && site.keyring.may_ask(ASK_EVERY) {
        make_if_due(state, site, now).await?;
    }
    let none = || Error::NoKey("synchronisation has not certified one yet; try again in a moment".to_owned());
    site.keyring.good_at(now).ok_or_else(none)
}

/// Makes a key where one is due. Of those that want to, one does.
pub(crate) async fn renew(state: &State, site: &Site, now: Timestamp) -> Result<(), Error> {
    let _turn = site.making_key.lock().await;
    if site.keyring.is_due(now) { make_if_due(state, site, now).await } else { Ok(()) }
}

async fn make_if_due(state: &State, site: &Site, now: Timestamp) -> Result<(), Error> {
    let instance = site.instance.id;
    state.answer_keys.reload(&site.keyring, instance).await?;
    if !site.keyring.is_due(now) {
        return Ok(());
    }
    let pin = state.vendor.pin(instance).await?;
    state.answer_keys.make(&site.keyring, instance, &pin, now).await.map_err(|error| match error {
        KeyError::Reload(error) => error.into(),
        other => Error::NoKey(other.to_string()),
    })
}
