//! Which repository a command works on, how a failure ends it, and what it takes from the machine.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use leasehold::app::backoffice::updates_dir;
use leasehold_artifacts::{PublishError, Publisher};
use leasehold_runtime::{Clock, SystemClock};
use rand::rngs::StdRng;

use crate::exit::{Exit, Failure};

/// The vendor's directory.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The vendor's directory; the repository is in its folder `updates`
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

impl Place {
    /// The vendor's directory, as it was given.
    pub(super) fn given(&self) -> &Path {
        &self.dir
    }

    /// Where the repository is.
    pub(super) fn updates(&self) -> PathBuf {
        updates_dir(&self.dir)
    }

    /// The repository, which has to be there.
    pub(super) fn open(&self) -> Result<Publisher, Failure> {
        Publisher::open(&self.updates()).map_err(|error| failure(&error))
    }
}

/// What went wrong, with the exit code that goes with it.
pub(super) fn failure(error: &PublishError) -> Failure {
    let exit = match error {
        PublishError::There { .. } | PublishError::Taken { .. } => Exit::Conflict,
        PublishError::Locked { .. } => Exit::Unavailable,
        PublishError::Invalid { .. } => Exit::Usage,
        PublishError::NoTarget { .. } | PublishError::NoRole { .. } => Exit::NotFound,
        _ => Exit::Error,
    };
    Failure::new(exit, error)
}

/// The time.
pub(super) fn now() -> Timestamp {
    SystemClock::new().now()
}

/// A generator that is fit for keys.
pub(super) fn rng() -> StdRng {
    rand::make_rng()
}
