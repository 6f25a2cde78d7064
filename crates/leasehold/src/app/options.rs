//! What a server is started with.
//!
//! Not responsible for where those settings come from: that is the configuration's and the command line's.

use std::net::SocketAddr;
use std::sync::Arc;

use leasehold_gateway::FirstCode;
use leasehold_runtime::{Clock, Config};
use tokio_util::sync::CancellationToken;

use super::{Observed, StoreChoice};

/// Which services run in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each says of one service whether it runs")]
pub struct Chosen {
    /// Licensing.
    pub licensing: bool,
    /// Synchronisation with the vendor.
    pub sync: bool,
    /// Updates: the mirror, check-ins, files.
    pub updates: bool,
    /// The gateway: HTTP API and console.
    pub gateway: bool,
}

impl Chosen {
    /// Every service.
    pub const ALL: Self = Self { licensing: true, sync: true, updates: true, gateway: true };
    /// None of them.
    pub const NONE: Self = Self { licensing: false, sync: false, updates: false, gateway: false };
}

/// Where services listen instead of where the configuration says; port 0 takes any free one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// Instead of `licensing.listen`.
    pub licensing: Option<SocketAddr>,
    /// Instead of `sync.listen`.
    pub sync: Option<SocketAddr>,
    /// Instead of `updates.listen`.
    pub updates: Option<SocketAddr>,
    /// Instead of `updates.http_listen`.
    pub updates_http: Option<SocketAddr>,
    /// Instead of `gateway.listen`.
    pub gateway: Option<SocketAddr>,
}

impl Listen {
    /// On any free ports of the loopback address.
    pub fn on_free_ports() -> Self {
        let free = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { licensing: free, sync: free, updates: free, updates_http: free, gateway: free }
    }
}

/// What a server is started with.
pub struct AppOptions {
    /// The configuration.
    pub config: Config,
    /// Which services run.
    pub services: Chosen,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whether `clock` decides although the store is a server's and has a clock of its own: for tests.
    pub clock_decides: bool,
    /// Where state is kept.
    pub store: StoreChoice,
    /// Whether that state comes from a backup, so that somebody has to confirm it.
    pub restored: bool,
    /// Where to serve instead of where the configuration says.
    pub listen: Listen,
    /// Whom a code for the first administrator is told.
    pub announce: Arc<dyn Fn(&FirstCode) + Send + Sync>,
    /// What the admin listener shows; without it there is none, whatever the configuration says.
    pub observed: Option<Observed>,
    /// Cancelling it stops the server in order.
    pub shutdown: CancellationToken,
}

impl AppOptions {
    /// A server with every service, on the configuration's database or data directory, and on its addresses.
    pub fn new(config: Config, clock: Arc<dyn Clock>) -> Self {
        let store = StoreChoice::of(&config);
        Self {
            config,
            services: Chosen::ALL,
            clock,
            clock_decides: false,
            store,
            restored: false,
            listen: Listen::default(),
            announce: Arc::new(|_| {}),
            observed: None,
            shutdown: CancellationToken::new(),
        }
    }

    /// A server for tests: state in memory, on any free ports of the loopback address, whatever the configuration
    /// says.
    pub fn in_memory(config: Config, clock: Arc<dyn Clock>) -> Self {
        Self { store: StoreChoice::Memory, ..Self::new(config, clock) }.on_free_ports()
    }

    /// The same on any free ports of the loopback address.
    #[must_use]
    pub fn on_free_ports(self) -> Self {
        Self { listen: Listen::on_free_ports(), ..self }
    }
}
