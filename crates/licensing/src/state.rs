//! What every operation works on: the back ends, the instances, one allocator for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use leasehold_domain::{Grant, GrantId, InstanceId, LeaseToken, Policies};
use leasehold_leases::{Lease, Leases};
use leasehold_runtime::{Background, Clock, SystemIds};
use leasehold_store::LicensingStore;
use leasehold_store::licensing::Instance;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::allocator::Allocator;
use crate::revocations::Revocations;
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
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Mutex<SystemIds>,
    pub(crate) config: Config,
    pub(crate) revocations: Revocations,
    /// The server drains: sessions say goodbye.
    pub(crate) draining: CancellationToken,
    /// The server has drained: loops end.
    pub(crate) stopping: CancellationToken,
    instances: Vec<Instance>,
    allocators: HashMap<InstanceId, Allocator>,
}

impl State {
    pub(crate) async fn new(deps: Deps, config: Config, background: &Background) -> Result<Self, Error> {
        let instances = deps.store.instances().await?;
        let allocators =
            instances.iter().map(|instance| (instance.id, Allocator::new(config.queue_capacity))).collect();
        Ok(Self {
            store: deps.store,
            leases: deps.leases,
            clock: deps.clock,
            ids: Mutex::new(deps.ids),
            config,
            revocations: Revocations::new(),
            draining: background.draining(),
            stopping: background.stopping(),
            instances,
            allocators,
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

    pub(crate) fn policies(&self) -> &Policies {
        &self.config.policies
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
