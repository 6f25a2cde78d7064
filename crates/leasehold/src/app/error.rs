//! Why the server does not start, or did not stop well.

use std::io;
use std::path::PathBuf;

use leasehold_leases::in_redis::ConnectError;
use leasehold_runtime::lifecycle::StillRunning;
use leasehold_runtime::peer::PeerError;
use leasehold_runtime::server::{self, BindError};
use leasehold_runtime::tls::TlsError;
use leasehold_store::StoreError;
use leasehold_store_sqlite::{DataDirError, OpenError};

use super::MasterKeyError;

/// Why the server does not start. Nothing of it runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen where it should.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Connections cannot be secured as they should.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system does not say where it listens.
    #[error("the address that was bound cannot be learned: {0}; check the network of this machine")]
    Address(#[source] io::Error),
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// `PostgreSQL` cannot be used.
    #[error(transparent)]
    Postgres(#[from] leasehold_store_postgres::OpenError),
    /// Redis cannot be used.
    #[error(transparent)]
    Redis(#[from] ConnectError),
    /// A database that replicas may share, with leases that they could not.
    #[error(
        "postgres.url is set and redis.url is not; give the address of a Redis server too, or leave both empty to \
         keep everything in runtime.data_dir"
    )]
    NoRedis,
    /// A data directory without an instance.
    #[error("the data directory {} is not complete; run `leasehold init` again to complete it", .path.display())]
    NoInstance {
        /// The directory.
        path: PathBuf,
    },
    /// The store failed.
    #[error("{}{}", .0, because(.0))]
    Store(#[from] StoreError),
    /// The licensing service cannot be built.
    #[error("the licensing service cannot start: {0}")]
    Licensing(#[from] leasehold_licensing::Error),
    /// The synchronisation service cannot be built.
    #[error("the synchronisation service cannot start: {0}")]
    Sync(#[from] leasehold_sync::Error),
    /// The service for updates cannot be built.
    #[error("the service for updates cannot start: {0}")]
    Updates(#[from] leasehold_updates::Error),
    /// There is no room for passing files.
    #[error("no folder for passing files can be made: {0}; check the system's folder for such")]
    Folder(#[source] io::Error),
    /// The gateway cannot be built.
    #[error("the gateway cannot start: {0}")]
    Gateway(#[from] leasehold_gateway::Error),
    /// A database of a service other than licensing cannot be opened.
    #[error(transparent)]
    Sql(#[from] leasehold_store_sql::OpenError),
    /// Private keys cannot be sealed or opened.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// A service runs elsewhere, and nobody has said where.
    #[error(
        "`{setting}` is not set, and that service does not run in this process; say where it is, or run both here"
    )]
    NoPeer {
        /// The key.
        setting: &'static str,
    },
    /// There is no way to another service.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// A data directory is for one process, and so for every service.
    #[error(
        "a data directory is for one process with every service in it; run `leasehold serve all`, or set postgres.url"
    )]
    OnlyAll,
    /// Migrations are left to somebody else, who has not applied them yet.
    #[error(
        "the database is not up to date: {schemas}; postgres.migrate is `check`, so this process does not change it: run \
         `leasehold migrate`, then start again"
    )]
    Pending {
        /// The services whose tables are behind.
        schemas: String,
    },
    /// The server cannot be built.
    #[error(transparent)]
    Server(#[from] server::Error),
}

/// Why a server did not stop as it should.
#[derive(Debug, thiserror::Error)]
pub enum StopError {
    /// The server could not go on.
    #[error(transparent)]
    Server(#[from] server::Error),
    /// Serving panicked: a defect.
    #[error("the server ended by a defect; its log has the panic")]
    Panicked(#[source] tokio::task::JoinError),
    /// Background tasks had to be left behind.
    #[error(transparent)]
    Background(#[from] StillRunning),
}

impl StartError {
    /// Whether another process has what this one needs: the port or the data directory.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Bind(BindError::InUse { .. }) | Self::DataDir(DataDirError::Locked { .. }))
    }

    /// Whether the database may be usable a little later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Postgres(error) => error.may_pass(),
            Self::Sql(error) => error.may_pass(),
            _ => false,
        }
    }
}

/// The cause as the log of a start should name it: nobody but the operator sees it.
fn because(error: &StoreError) -> String {
    std::error::Error::source(error).map(|cause| format!(" ({cause})")).unwrap_or_default()
}
