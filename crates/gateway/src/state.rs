//! What every handler works on, shared.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use leasehold_runtime::{Background, Clock, SystemIds};
use leasehold_store::GatewayStore;
use rand::rngs::StdRng;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::access::first::Told;
use crate::feed::Feeds;
use crate::health::{Health, ServiceHealth};
use crate::services::{Channels, Services};
use crate::throttle::Throttle;
use crate::who::Who;
use crate::{Config, Deps, FirstCode, metrics};

/// Passwords that are hashed at a time: each takes 19 MiB and a processor.
const HASHES: usize = 4;
/// Tries to sign in from one address, and how long one takes to come back.
const BY_ADDRESS: (u32, Duration) = (20, Duration::from_secs(6));
/// Tries to sign in under one name.
const BY_NAME: (u32, Duration) = (10, Duration::from_secs(30));
/// Streams of events at a time.
const STREAMS: usize = 200;

/// What every handler works on, shared.
pub(crate) type Shared = Arc<State>;

/// What every handler works on.
pub(crate) struct State {
    pub(crate) store: Arc<dyn GatewayStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) channels: Channels,
    pub(crate) health: Health,
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) by_address: Throttle<IpAddr>,
    pub(crate) by_name: Throttle<String>,
    pub(crate) feeds: Feeds,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) announce: Arc<dyn Fn(&FirstCode) + Send + Sync>,
    pub(crate) told: Told,
    ids: Mutex<SystemIds>,
    random: Mutex<StdRng>,
}

impl State {
    pub(crate) fn new(deps: Deps, config: Config, background: &Background) -> Self {
        metrics::describe();
        let channels = Channels {
            licensing: deps.licensing,
            sync: deps.sync,
            updates: deps.updates,
            deadline: config.service_deadline,
        };
        let throttle = |(burst, refill)| (Arc::clone(&deps.clock), burst, refill);
        let (by_address, by_name) = (throttle(BY_ADDRESS), throttle(BY_NAME));
        Self {
            store: deps.store,
            health: Health::new(&channels, Arc::clone(&deps.clock)),
            channels,
            config,
            hashing: Arc::new(Semaphore::new(HASHES)),
            by_address: Throttle::new(by_address.0, by_address.1, by_address.2),
            by_name: Throttle::new(by_name.0, by_name.1, by_name.2),
            feeds: Feeds::new(background),
            streams: Arc::new(Semaphore::new(STREAMS)),
            announce: deps.announce,
            told: Told::default(),
            ids: Mutex::new(deps.ids),
            random: Mutex::new(rand::make_rng()),
            clock: deps.clock,
        }
    }

    /// The services, on behalf of whoever asks.
    pub(crate) fn services<'a>(&'a self, who: &Who) -> Services<'a> {
        Services::new(&self.channels, who.actor.clone(), who.request_id.clone())
    }

    /// How the services behind the gateway stand.
    pub(crate) async fn health(&self) -> Vec<ServiceHealth> {
        self.health.services().await
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh id.
    pub(crate) fn uuid(&self) -> Uuid {
        // An id source has no state that a panic could leave half changed.
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh()
    }

    /// Randomness fit for secrets, for as long as the guard lives.
    pub(crate) fn random(&self) -> MutexGuard<'_, StdRng> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
