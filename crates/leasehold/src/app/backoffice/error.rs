//! Why a back office does not start, or its vendor is not set up.

use leasehold_store::StoreError;
use leasehold_store_sql::OpenError;

use super::super::vendor_dir::VendorDirError;
use super::super::{MasterKeyError, StartError};

/// Why a back office does not start, or its vendor is not set up.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// What every server needs cannot be had.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The directory cannot be used.
    #[error(transparent)]
    Dir(#[from] VendorDirError),
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The service refuses.
    #[error("{}{}", .0, because(.0))]
    Service(#[from] leasehold_backoffice::Error),
}

impl VendorError {
    /// Whether another process has what this one needs: the port or the directory.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Start(error) => error.is_taken(),
            Self::Dir(error) => matches!(error, VendorDirError::Locked { .. }),
            _ => false,
        }
    }

    /// Whether there is a vendor already.
    pub fn is_set_up(&self) -> bool {
        matches!(self, Self::Service(leasehold_backoffice::Error::AlreadySetUp(_)))
    }
}

impl From<MasterKeyError> for VendorError {
    fn from(error: MasterKeyError) -> Self {
        Self::Start(error.into())
    }
}

/// The cause as the log of a start should name it: nobody but the operator sees it.
fn because(error: &leasehold_backoffice::Error) -> String {
    match error {
        leasehold_backoffice::Error::Store(error) => cause(error),
        _ => String::new(),
    }
}

pub(super) fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map(|cause| format!(" ({cause})")).unwrap_or_default()
}
