//! What every operation works on: the back ends, the instances, one allocator for each.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use leasehold_answer_keys::AnswerKeys;
use leasehold_domain::cell::LineItemState;
use leasehold_domain::{FeatureName, Grant, GrantId, InstanceId, LeaseToken, Policies};
use leasehold_leases::{Lease, Leases};
use leasehold_runtime::{Background, Clock, SystemIds};
use leasehold_store::LicensingStore;
use leasehold_store::licensing::Instance;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::allocator::Allocator;
use crate::answer_keys::{self, Keyring};
use crate::deciding_clock::DecidingClock;
use crate::hearing::Hearing;
use crate::metrics::Metrics;
use crate::notices::Board;
use crate::revocations::Revocations;
use crate::tallies::Tallying;
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
    /// This machine's clock.
    pub(crate) own_clock: Arc<dyn Clock>,
    /// Whether other processes use the store too.
    pub(crate) shares_store: bool,
    /// Whether this machine's clock decides, whatever the store's says.
    pub(crate) clock_decides: bool,
    pub(crate) ids: Mutex<SystemIds>,
    /// What the keys that answers are signed with are made with.
    pub(crate) answer_keys: AnswerKeys,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) revocations: Revocations,
    /// The server drains: sessions say goodbye.
    pub(crate) draining: CancellationToken,
    /// The server has drained: loops end.
    pub(crate) stopping: CancellationToken,
    instances: Vec<Instance>,
    clocks: HashMap<InstanceId, DecidingClock>,
    allocators: HashMap<InstanceId, Allocator>,
    hearings: HashMap<InstanceId, Hearing>,
    keyrings: HashMap<InstanceId, Keyring>,
    boards: HashMap<InstanceId, Board>,
    tallyings: HashMap<InstanceId, Tallying>,
    /// The features of each product's line items, as they were lately.
    products: RwLock<HashMap<InstanceId, Arc<Products>>>,
    /// The numbers of the addresses that clients are told.
    addresses_numbers: HashMap<InstanceId, u64>,
}

/// The features of each product's line items.
type Products = HashMap<String, Arc<[FeatureName]>>;

impl State {
    pub(crate) async fn new(deps: Deps, config: Config, background: &Background) -> Result<Self, Error> {
        let instances = deps.store.instances().await?;
        let allocators =
            instances.iter().map(|instance| (instance.id, Allocator::new(config.queue_capacity))).collect();
        let hearings =
            instances.iter().map(|instance| (instance.id, Hearing::new(config.queue_capacity))).collect();
        let keyrings = instances.iter().map(|instance| (instance.id, Keyring::default())).collect();
        let boards = instances.iter().map(|instance| (instance.id, Board::new())).collect();
        let remembers = config.remember_holders > SignedDuration::ZERO;
        let tallyings = instances.iter().map(|instance| (instance.id, Tallying::new(remembers))).collect();
        let shares_store = deps.store.time().await?.is_some();
        let follows = shares_store && !deps.clock_decides;
        let (mut clocks, mut addresses_numbers) = (HashMap::new(), HashMap::new());
        for instance in &instances {
            let memory = config.policies.response_lifetime;
            let clock = DecidingClock::new(Arc::clone(&deps.clock), follows, memory);
            clock.settle(&*deps.store, instance.id).await?;
            // No less than the time, so that a store that was restored gives no number twice.
            let least = u64::try_from(clock.now().as_second()).unwrap_or(0);
            let number = deps.store.number_addresses(instance.id, &config.addresses, least).await?;
            addresses_numbers.insert(instance.id, number);
            clocks.insert(instance.id, clock);
        }
        Ok(Self {
            answer_keys: answer_keys::made_with(Arc::clone(&deps.store), deps.signing_key, deps.certifier),
            store: deps.store,
            leases: deps.leases,
            own_clock: deps.clock,
            shares_store,
            clock_decides: deps.clock_decides,
            ids: Mutex::new(deps.ids),
            config,
            metrics: Metrics::new(),
            revocations: Revocations::new(),
            draining: background.draining(),
            stopping: background.stopping(),
            instances,
            clocks,
            allocators,
            hearings,
            keyrings,
            boards,
            tallyings,
            products: RwLock::default(),
            addresses_numbers,
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

    /// The answer keys of an instance.
    pub(crate) fn keyring(&self, instance: InstanceId) -> &Keyring {
        self.keyrings.get(&instance).expect("every instance has a keyring")
    }

    /// The notices of an instance.
    pub(crate) fn board(&self, instance: InstanceId) -> &Board {
        self.boards.get(&instance).expect("every instance has a board")
    }

    /// What an instance counts beside its decisions.
    pub(crate) fn tallying(&self, instance: InstanceId) -> &Tallying {
        self.tallyings.get(&instance).expect("every instance has a tallying")
    }

    /// The features of a product's line items, as they were a few seconds ago at most. A product that was not met yet is
    /// looked for at once; none has the empty name.
    pub(crate) async fn features_of(
        &self,
        instance: InstanceId,
        product: &str,
    ) -> Result<Arc<[FeatureName]>, Error> {
        if product.is_empty() {
            return Ok(Arc::default());
        }
        let known = || {
            let products = self.products.read().unwrap_or_else(PoisonError::into_inner);
            products.get(&instance)?.get(product).cloned()
        };
        if let Some(features) = known() {
            return Ok(features);
        }
        self.note_products(instance, &self.store.line_items(instance).await?);
        Ok(known().unwrap_or_default())
    }

    /// Notes the features of each product's line items.
    pub(crate) fn note_products(&self, instance: InstanceId, items: &[LineItemState]) {
        let mut features: HashMap<&str, Vec<FeatureName>> = HashMap::new();
        for state in items {
            features.entry(&state.item.product).or_default().push(state.item.feature.clone());
        }
        let distinct = |(product, mut features): (&str, Vec<FeatureName>)| {
            features.sort_unstable();
            features.dedup();
            (product.to_owned(), features.into())
        };
        let products: Products = features.into_iter().map(distinct).collect();
        let mut known = self.products.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(instance, Arc::new(products));
    }

    /// The number of the addresses that clients of an instance are told.
    pub(crate) fn addresses_number(&self, instance: InstanceId) -> u64 {
        self.addresses_numbers.get(&instance).copied().unwrap_or(0)
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.config.policies
    }

    /// The clock that decides for an instance.
    pub(crate) fn clock(&self, instance: InstanceId) -> &DecidingClock {
        self.clocks.get(&instance).expect("every instance has a clock")
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
