//! Why a demonstration does not start, or has no result.

use std::io;
use std::path::PathBuf;

use leasehold_artifacts::PublishError;
use leasehold_promises::read::ReadError;
use leasehold_runtime::ApiError;
use leasehold_runtime::config::ConfigError;

use crate::app::backoffice::VendorError;
use crate::app::{StartError, StopError};
use crate::vendor::SupplyError;

/// Why a demonstration does not start, or has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory holds something that no demonstration has made.
    #[error(
        "{} holds other files than a demonstration's; nothing was changed; give --data-dir an empty or new directory",
        .path.display()
    )]
    NotOurDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The database holds a licence server that no demonstration has made.
    #[error(
        "the database {database} holds a Leasehold that is not a demonstration's (schema `{schema}`); nothing was changed; \
         give the demonstration a database of its own, for instance one that `createdb leasehold_demo` makes"
    )]
    NotOurDatabase {
        /// The database's name.
        database: String,
        /// A schema that is there.
        schema: String,
    },
    /// Another demonstration has the database.
    #[error("another demonstration runs on the database {database}; stop it first, or give another database")]
    DatabaseInUse {
        /// The database's name.
        database: String,
    },
    /// The database cannot be used.
    #[error("the database cannot be used: {0}; check --database-url")]
    Database(#[source] sqlx::Error),
    /// The notes of an earlier demonstration cannot be read.
    #[error("{} cannot be read: {problem}; give --data-dir a new directory", .path.display())]
    Notes {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The system refused.
    #[error("cannot use {}: {source}; check the path and its permissions", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no port to listen on.
    #[error("there is no free port on this machine: {0}")]
    NoPort(#[source] io::Error),
    /// A setting of the server cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The vendor does not start.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// The server got no rights.
    #[error(transparent)]
    Supply(#[from] SupplyError),
    /// The vendor's repository cannot be made, written or read.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The vendor does not take where its repository is.
    #[error("the vendor cannot be told where its repository is: {0}")]
    Repository(#[source] ApiError),
    /// The server has not brought the update.
    #[error("the licence server has not mirrored the update: {message}")]
    Mirror {
        /// What the server says.
        message: String,
    },
    /// A client could not be made.
    #[error("a simulated client cannot be made: {0}")]
    Client(String),
    /// The server or the vendor did not end as it should.
    #[error(transparent)]
    Stop(#[from] StopError),
    /// What the server has kept cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Error {
    /// Whether another process has what this one needs.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::DatabaseInUse { .. } => true,
            Self::Start(error) => error.is_taken(),
            Self::Vendor(error) => error.is_taken(),
            _ => false,
        }
    }

    /// Whether the place belongs to somebody else.
    pub fn is_foreign(&self) -> bool {
        matches!(self, Self::NotOurDirectory { .. } | Self::NotOurDatabase { .. })
    }
}
