//! What every operation works on: the store, the files, the peers, the time, randomness.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use leasehold_answer_keys::AnswerKeys;
use leasehold_artifacts::FolderBlobs;
use leasehold_domain::InstanceId;
use leasehold_runtime::peer::Outward;
use leasehold_runtime::{Background, Clock};
use leasehold_signing::ServiceKey;
use leasehold_store::UpdateStore;
use rand::rngs::StdRng;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::error::Failed;
use crate::licensing::Licensing;
use crate::metrics::Metrics;
use crate::site::{self, Site};
use crate::vendor::Vendor;
use crate::{Config, Deps, Error, answer_keys};

/// The service for updates, to those who run it. Cloning it gives another handle to the same.
#[derive(Clone)]
pub struct Updates {
    _state: Shared,
}

impl Updates {
    pub(crate) fn of(state: Shared) -> Self {
        Self { _state: state }
    }
}

/// What every operation works on, shared.
pub(crate) type Shared = Arc<State>;

/// What every operation works on.
pub(crate) struct State {
    pub(crate) store: Arc<dyn UpdateStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: Arc<ServiceKey>,
    pub(crate) answer_keys: AnswerKeys,
    pub(crate) licensing: Licensing,
    pub(crate) vendor: Vendor,
    pub(crate) way: Outward,
    pub(crate) blobs: Arc<FolderBlobs>,
    pub(crate) config: Config,
    pub(crate) metrics: Metrics,
    pub(crate) background: Background,
    /// Places for downloads.
    pub(crate) downloads: Arc<Semaphore>,
    /// Clients may have to be told of something.
    pub(crate) owing: Notify,
    /// The server drains: streams end.
    pub(crate) draining: CancellationToken,
    /// The server has drained: whatever runs ends.
    pub(crate) stopping: CancellationToken,
    sites: RwLock<Sites>,
    opening: tokio::sync::Mutex<()>,
    random: Mutex<StdRng>,
}

/// The instances, and what they were called by those who asked. There are few, and each has three names.
#[derive(Default)]
struct Sites {
    by_id: HashMap<InstanceId, Arc<Site>>,
    by_name: HashMap<String, InstanceId>,
}

impl State {
    pub(crate) async fn open(deps: Deps, config: Config, background: &Background) -> Result<Self, Error> {
        let directory = config.directory.join("blobs");
        let opened = tokio::task::spawn_blocking(move || FolderBlobs::open(&directory)).await;
        let opened = opened.map_err(|error| Error::Defect(error.to_string()))?;
        let blobs = Arc::new(opened.map_err(Failed::from)?);
        let state = Self {
            answer_keys: answer_keys::made_with(
                Arc::clone(&deps.store),
                Arc::clone(&deps.key),
                deps.certifier,
            ),
            store: deps.store,
            clock: deps.clock,
            key: deps.key,
            licensing: Licensing::new(deps.licensing),
            vendor: Vendor::new(deps.sync),
            way: deps.way,
            blobs,
            metrics: Metrics::new(),
            background: background.clone(),
            downloads: Arc::new(Semaphore::new(config.max_downloads)),
            owing: Notify::new(),
            draining: background.draining(),
            stopping: background.stopping(),
            sites: RwLock::default(),
            opening: tokio::sync::Mutex::default(),
            random: Mutex::new(rand::make_rng()),
            config,
        };
        for instance in site::found(&state.config.directory).await? {
            let name = instance.name.clone();
            let site = state.open_site(instance).await?;
            state.remember(name, site.instance.id);
            // A wrong master key is told at the start and not at the first check-in.
            state.answer_keys.reload(&site.keyring, site.instance.id).await?;
        }
        Ok(state)
    }

    /// The instance of this id or name; empty and `~` mean the default one.
    pub(crate) async fn site(&self, name: &str) -> Result<Arc<Site>, Error> {
        let name = match (name, Uuid::parse_str(name)) {
            ("~", _) => String::new(),
            // An id has one spelling here, so that each takes one place.
            (_, Ok(id)) => id.to_string(),
            (name, Err(_)) => name.to_owned(),
        };
        if let Some(known) = self.known_site(&name) {
            return Ok(known);
        }
        let found = self.licensing.instance(&name).await?;
        let site = self.open_site(found).await?;
        self.remember(name, site.instance.id);
        Ok(site)
    }

    /// The instance of this id or name, without asking anybody; what was never asked for is not known.
    pub(crate) fn known_site(&self, name: &str) -> Option<Arc<Site>> {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        let by_id = || Uuid::parse_str(name).ok().and_then(|id| sites.by_id.get(&InstanceId(id)));
        let found = sites.by_name.get(name).and_then(|id| sites.by_id.get(id)).or_else(by_id);
        found.map(Arc::clone)
    }

    /// Every instance that was asked for.
    pub(crate) fn sites(&self) -> Vec<Arc<Site>> {
        self.sites.read().unwrap_or_else(PoisonError::into_inner).by_id.values().map(Arc::clone).collect()
    }

    async fn open_site(&self, instance: site::Instance) -> Result<Arc<Site>, Error> {
        // A folder is opened once.
        let _turn = self.opening.lock().await;
        if let Some(known) = self.known_site(&instance.id.to_string()) {
            return Ok(known);
        }
        let blobs = Arc::clone(&self.blobs);
        let site = Arc::new(Site::open(&self.config.directory, instance, blobs).await?);
        let mut sites = self.sites.write().unwrap_or_else(PoisonError::into_inner);
        sites.by_id.insert(site.instance.id, Arc::clone(&site));
        Ok(site)
    }

    fn remember(&self, name: String, instance: InstanceId) {
        self.sites.write().unwrap_or_else(PoisonError::into_inner).by_name.insert(name, instance);
    }

    /// The time, as exact as the store keeps it.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Randomness fit for secrets, for as long as the guard lives.
    pub(crate) fn random(&self) -> impl std::ops::DerefMut<Target = StdRng> + '_ {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
