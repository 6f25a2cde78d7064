//! A fresh server for one scenario: the product's own wiring on a file in a temporary folder, reached over TCP.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use jiff::Timestamp;
use leasehold::app::{self, AppOptions, Running, StoreChoice};
use leasehold::config::Sources;
use leasehold::estate_file::EstateFile;
use leasehold::{Config, ManualClock};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::load::endpoint;

/// A server with the rights of one scenario, and nothing given out.
pub(super) struct Fresh {
    running: Running,
    channel: Channel,
    /// Removed after the server has stopped.
    _folder: TempDir,
}

impl Fresh {
    /// Starts it, with a clock that stands still.
    pub(super) async fn start(now: Timestamp, estate: &Value) -> Result<Self, String> {
        let estate = EstateFile::from_scenario(estate).map_err(|error| error.to_string())?;
        let folder =
            TempDir::with_prefix("conformance-").map_err(|error| format!("no temporary folder: {error}"))?;
        let config = Config::load(&Sources::default()).map_err(|error| error.to_string())?;
        let mut options = AppOptions::new(config, Arc::new(ManualClock::new(now)));
        options.store = StoreChoice::File(folder.path().join("licensing.db"));
        options.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let running =
            app::start(options).await.map_err(|error| format!("the server does not start: {error}"))?;
        let rights = running.licensing().replace_rights("", estate.rights).await;
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
