//! What every operation works on: the back ends, the instances, one allocator for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::{Grant, GrantId, InstanceId, LeaseToken, Policies};
use leasehold_leases::{Lease, Leases};
use leasehold_runtime::{Background, Clock, SystemIds};
use leasehold_store::LicensingStore;
use leasehold_store::licensing::Instance;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::allocator::Allocator;
use crate::hearing::Hearing;
use crate::metrics::Metrics;
use crate::revocations::Revocations;
use crate::store_clock::StoreClock;
use crate::{Config, Deps, Error};

/// The licensing service, to those who run it. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct Licensing(pub(crate) Shared);

/// What every operation works on, shared.
pub(crate) type Shared = Arc<State>;

/// What every operation works on.
pub(crate) struct State {
    pub(crate) store: Arc<dyn LicensingStore>,
    pub(crate) leases: Arc<dyn Leases>,
    /// The clock that decides.
    pub(crate) clock: Arc<dyn Clock>,
    /// The same, to those who set it.
    pub(crate) store_clock: Arc<StoreClock>,
    /// This machine's clock.
    pub(crate) own_clock: Arc<dyn Clock>,
    /// Whether other processes use the store too.
    pub(crate) shares_store: bool,
    /// Whether this machine's clock decides, whatever the store's says.
    pub(crate) clock_decides: bool,
    pub(crate) ids: Mutex<SystemIds>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) revocations: Revocations,
    /// The server drains: sessions say goodbye.
    pub(crate) draining: CancellationToken,
    /// The server has drained: loops end.
    pub(crate) stopping: CancellationToken,
    /// How far the clock that decides stepped ahead lately. Locked while that clock is set.
    clock_ahead: RwLock<SignedDuration>,
    instances: Vec<Instance>,
    allocators: HashMap<InstanceId, Allocator>,
    hearings: HashMap<InstanceId, Hearing>,
}

impl State {
    pub(crate) async fn new(deps: Deps, config: Config, background: &Background) -> Result<Self, Error> {
        let instances = deps.store.instances().await?;
        let allocators =
            instances.iter().map(|instance| (instance.id, Allocator::new(config.queue_capacity))).collect();
        let hearings =
            instances.iter().map(|instance| (instance.id, Hearing::new(config.queue_capacity))).collect();
        let store_clock = Arc::new(StoreClock::new(Arc::clone(&deps.clock)));
        let time = deps.store.time().await?;
        if let Some(time) = time.filter(|_| !deps.clock_decides) {
            store_clock.adopt(time, deps.clock.monotonic());
        }
        Ok(Self {
            store: deps.store,
            leases: deps.leases,
            clock: store_clock.clone(),
            store_clock,
            own_clock: deps.clock,
            shares_store: time.is_some(),
            clock_decides: deps.clock_decides,
            clock_ahead: RwLock::new(SignedDuration::ZERO),
            ids: Mutex::new(deps.ids),
            config,
            metrics: Metrics::new(),
            revocations: Revocations::new(),
            draining: background.draining(),
            stopping: background.stopping(),
            instances,
            allocators,
            hearings,
        })
    }

    /// The instance of this id or name; empty and `~` mean the default one.
    pub(crate) fn instance(&self, name: &str) -> Result<&Instance, Error> {
        let id = Uuid::parse_str(name).ok().map(InstanceId);
        let wanted = |instance: &&Instance| match name {
            "" | "~" => instance.is_default,
            name => instance.name == name || Some(instance.id) == id,
        };
        self.instances.iter().find(wanted).ok_or_else(|| Error::UnknownInstance(name.to_owned()))
    }

    pub(crate) fn instances(&self) -> &[Instance] {
        &self.instances
    }

    pub(crate) fn allocator(&self, instance: InstanceId) -> &Allocator {
        self.allocators.get(&instance).expect("every instance has an allocator")
    }

    pub(crate) fn hearing(&self, instance: InstanceId) -> &Hearing {
        self.hearings.get(&instance).expect("every instance has a hearing")
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.config.policies
    }

    /// The time that decides, and how far its clock stepped ahead lately: both from before a step, or both from
    /// after it.
    pub(crate) fn time(&self) -> (Timestamp, SignedDuration) {
        let ahead = self.clock_ahead.read().unwrap_or_else(PoisonError::into_inner);
        (self.clock.now(), *ahead)
    }

    /// Takes in what a look at the clocks found: how far the clock that decides stepped ahead lately, and the store's
    /// time at a moment of the monotonic clock.
    pub(crate) fn take_time(&self, ahead: SignedDuration, store: Option<(Timestamp, Duration)>) {
        let mut known = self.clock_ahead.write().unwrap_or_else(PoisonError::into_inner);
        *known = ahead;
        if let Some((time, monotonic)) = store {
            self.store_clock.adopt(time, monotonic);
        }
    }

    /// Fresh ids for as long as the guard lives.
    pub(crate) fn ids(&self) -> impl std::ops::DerefMut<Target = SystemIds> + '_ {
        // An id source has no state that a panic could leave half changed.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lease of a grant as it stands; a borrow has none.
pub(crate) fn lease_of(grant: &Grant) -> Option<Lease> {
    let (grant_id, lease_token): (GrantId, LeaseToken) = (grant.id, grant.lease_token?);
    Some(Lease { grant: grant_id, fencing_token: grant.fencing_token, lease_token, ttl: grant.lease_ttl? })
}

/// When a grant ends if nothing renews it: a borrow at its end, an online one with its lease.
pub(crate) fn expiry(grant: &Grant) -> Timestamp {
    grant.floor_deadline.map_or(grant.last_end(), |deadline| deadline.min(grant.last_end()))
}
