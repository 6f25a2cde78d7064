//! What every operation works on: the store, the clock, ids, and what opens the vendor's keys.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use leasehold_domain::IdSource;
use leasehold_runtime::{Clock, SystemIds};
use leasehold_signing::ServiceKey;
use leasehold_store::BackOfficeStore;
use rand::rngs::StdRng;
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::vendor_keys::VendorKeys;
use crate::{Config, Deps, Error};

/// The back office, to those who run it. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct BackOffice(pub(crate) Arc<State>);

/// What every operation works on.
pub(crate) struct State {
    pub(crate) store: Arc<dyn BackOfficeStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    key: Arc<ServiceKey>,
    ids: Mutex<SystemIds>,
    random: Mutex<StdRng>,
}

impl State {
    pub(crate) fn new(deps: Deps, config: Config) -> Self {
        Self {
            store: deps.store,
            clock: deps.clock,
            config,
            metrics: Metrics::new(),
            key: deps.key,
            ids: Mutex::new(deps.ids),
            random: Mutex::new(rand::make_rng()),
        }
    }

    /// The vendor with its keys. Read anew each time: another process may renew them.
    pub(crate) async fn vendor(&self) -> Result<VendorKeys, Error> {
        let row = self.store.vendor().await?.ok_or(Error::NoVendor)?;
        VendorKeys::open(row, &self.key)
    }

    /// The time, as exact as the store keeps it.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// A fresh id.
    pub(crate) fn id(&self) -> Uuid {
        // An id source has no state that a panic could leave half changed.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).uuid()
    }

    /// Randomness fit for secrets.
    pub(crate) fn random(&self) -> MutexGuard<'_, StdRng> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
