//! A fresh server for one scenario: the product's own wiring on a store of its own, reached over TCP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use leasehold::app::{self, AppOptions, Chosen, Running, StoreChoice};
use leasehold::config::Sources;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site, Vendor};
use leasehold::{Config, ManualClock};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::load::endpoint;
use crate::servers::Servers;

/// Where the servers of a run keep their state.
pub(super) enum Stores {
    /// Each in a file in a temporary folder.
    Files,
    /// Each in a database of its own in one Postgres, with leases in one Redis.
    Databases { servers: Box<Servers>, made: AtomicU32 },
}

impl Stores {
    /// Throw-away servers for a whole run.
    pub(super) async fn databases() -> Result<Self, String> {
        Ok(Self::Databases { servers: Box::new(Servers::start().await?), made: AtomicU32::new(0) })
    }

    /// Where one server keeps its state, and what must outlive it.
    fn one(&self, config: &mut Config) -> Result<(StoreChoice, Option<TempDir>), String> {
        match self {
            Self::Files => {
                let folder = TempDir::with_prefix("conformance-")
                    .map_err(|error| format!("no temporary folder: {error}"))?;
                Ok((StoreChoice::File(folder.path().join("licensing.db")), Some(folder)))
            }
            Self::Databases { servers, made } => {
                let number = made.fetch_add(1, Ordering::Relaxed);
                config.postgres.url = servers.make_database(&format!("scenario_{number}"))?;
                config.redis.url = servers.redis.url();
                config.security.set_master_key(&"0f".repeat(32));
                Ok((StoreChoice::Postgres, None))
            }
        }
    }
}

/// A server with the rights of one scenario, and nothing given out.
pub(super) struct Fresh {
    running: Running,
    channel: Channel,
    /// Removed after the server has stopped.
    _folder: Option<TempDir>,
}

impl Fresh {
    /// Starts it, with a clock that stands still.
    pub(super) async fn start(stores: &Stores, now: Timestamp, estate: &Value) -> Result<Self, String> {
        let estate = EstateFile::from_scenario(estate).map_err(|error| error.to_string())?;
        let mut config = Config::load(&Sources::default()).map_err(|error| error.to_string())?;
        let (store, folder) = stores.one(&mut config)?;
        let clock = Arc::new(ManualClock::new(now));
        let mut options = AppOptions::new(config, clock.clone()).on_free_ports();
        options.store = store;
        // Scenarios are about rights.
        options.services = Chosen { updates: false, gateway: false, ..Chosen::ALL };
        // The scenario's time, not that of the database.
        options.clock_decides = true;
        let running =
            app::start(options).await.map_err(|error| format!("the server does not start: {error}"))?;
        let mut vendor = Vendor::open(clock).await.map_err(|error| error.to_string())?;
        let site = Site::at(running.licensing_addr(), running.sync_addr());
        let rights = vendor.supply(&site, &estate).await;
        rights.map_err(|error| format!("the rights cannot be put in force: {error}"))?;
        let channel = endpoint(running.licensing_addr())?.connect().await;
        let channel = channel.map_err(|error| format!("the server cannot be reached: {error}"))?;
        Ok(Self { running, channel, _folder: folder })
    }

    /// A connection to it.
    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Stops it in order.
    pub(super) async fn stop(self) -> Result<(), String> {
        drop(self.channel);
        self.running.stop().await.map_err(|error| format!("the server did not stop in order: {error}"))
    }
}
