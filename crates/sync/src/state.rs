//! What every operation works on: the store, the peers, the time, randomness.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use leasehold_domain::{IdSource as _, InstanceId};
use leasehold_runtime::{Background, Clock, SystemIds};
use leasehold_signing::ServiceKey;
use leasehold_store::SyncStore;
use leasehold_store::sync::Identity;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::door::VendorDoor;
use crate::instances::Instances;
use crate::licensing::Licensing;
use crate::metrics::Metrics;
use crate::{Config, Deps, Error};

/// The synchronisation service, to those who run it. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct Sync {
    _state: Shared,
}

impl Sync {
    pub(crate) fn of(state: Shared) -> Self {
        Self { _state: state }
    }
}

/// What every operation works on, shared.
pub(crate) type Shared = Arc<State>;

/// What every operation works on.
pub(crate) struct State {
    pub(crate) store: Arc<dyn SyncStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: Arc<ServiceKey>,
    pub(crate) licensing: Licensing,
    pub(crate) vendor: Arc<dyn VendorDoor>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) instances: Instances,
    pub(crate) background: Background,
    /// The server has drained: whatever runs ends.
    pub(crate) stopping: CancellationToken,
    ids: Mutex<SystemIds>,
    random: Mutex<StdRng>,
}

impl State {
    pub(crate) fn new(deps: Deps, config: Config, background: &Background) -> Self {
        Self {
            store: deps.store,
            clock: deps.clock,
            key: deps.key,
            licensing: Licensing::new(deps.licensing),
            vendor: deps.vendor,
            config,
            metrics: Metrics::new(),
            instances: Instances::default(),
            background: background.clone(),
            stopping: background.stopping(),
            ids: Mutex::new(deps.ids),
            random: Mutex::new(rand::make_rng()),
        }
    }

    /// Who an instance is to its vendor.
    pub(crate) async fn identity(&self, instance: InstanceId) -> Result<Identity, Error> {
        self.store.identity(instance).await?.ok_or(Error::NotEnrolled)
    }

    /// The time, as exact as the store keeps it.
    pub(crate) fn now(&self) -> Timestamp {
        as_kept(self.clock.now())
    }

    /// A fresh id.
    pub(crate) fn uuid(&self) -> Uuid {
        // An id source has no state that a panic could leave half changed.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).uuid()
    }

    /// Randomness fit for secrets, for as long as the guard lives.
    pub(crate) fn random(&self) -> impl std::ops::DerefMut<Target = StdRng> + '_ {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time as exact as the store keeps it.
pub(crate) fn as_kept(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
