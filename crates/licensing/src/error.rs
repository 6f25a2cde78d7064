//! What can go wrong in licensing, and how callers hear of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use leasehold_domain::reservation::GroupError;
use leasehold_domain::{InstanceId, Rejection, RequestId};
use leasehold_leases::LeaseError;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::ApiError;
use leasehold_runtime::error::chain;
use leasehold_signing::SealError;
use leasehold_store::StoreError;
use uuid::Uuid;

/// Why an operation of licensing failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The request id came before with another body.
    #[error("request id {0} was used before with another body; make a new one for every new request")]
    RequestIdReused(RequestId),
    /// No instance has this id or name.
    #[error("no instance {0:?}; give an instance's id or name, or leave it empty for the default one")]
    UnknownInstance(String),
    /// Nothing has this id or name.
    #[error("no {what} {name:?}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// A reservation group breaks a rule.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The group was changed since it was read.
    #[error("the reservation group has changed since it was read; read it again, then change it")]
    EtagMismatch,
    /// The policy does not let an administrator end grants.
    #[error(
        "administrators may not end grants here; set licensing.allow_device_drop = true in the configuration first"
    )]
    DropNotAllowed,
    /// The instance has no vendor.
    #[error(
        "the instance {0:?} is not enrolled with a vendor; enrol it first, with `leasehold sync enrol` and the file that \
         the vendor has sent"
    )]
    NotEnrolled(String),
    /// The instance has had rights from another vendor, or under another id.
    #[error(
        "the instance has had rights as the licence server {server} of the vendor {vendor:?}; use another instance for \
         another licence server"
    )]
    AlreadyEnrolled {
        /// The vendor.
        vendor: String,
        /// The id that it gave the server.
        server: Uuid,
    },
    /// What was signed is damaged, or not signed by whom it should be.
    #[error("the bundle is not the vendor's word: {0}")]
    SignatureInvalid(String),
    /// A bundle for somebody else.
    #[error("the bundle is not for this server: {0}; give it to the one that it is for")]
    Foreign(String),
    /// An older bundle than the one in force.
    #[error(
        "the bundle has the sequence number {offered}, and {in_force} is in force already; synchronise again to get a \
         newer one"
    )]
    BundleRollback {
        /// The number of the one that came.
        offered: u64,
        /// The number in force.
        in_force: u64,
    },
    /// A key of the service cannot be opened.
    #[error("a key that answers of the instance {instance} are signed with cannot be opened: {source}")]
    Sealed {
        /// The instance.
        instance: InstanceId,
        /// Why.
        source: SealError,
    },
    /// Too much in one instance or one call.
    #[error("{0}")]
    LimitExceeded(String),
    /// Too many requests wait.
    #[error("too many requests wait for this instance; try again shortly")]
    Overloaded,
    /// The caller's deadline passed before the request was decided.
    #[error("the deadline passed before the request was decided; nothing changed")]
    DeadlineExceeded,
    /// The service is stopping.
    #[error("the service is stopping; try again, or another replica")]
    ShuttingDown,
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// The lease store failed.
    #[error(transparent)]
    Leases(Arc<LeaseError>),
    /// The system refused a thread.
    #[error("the system gives no further thread: {0}; raise the limit of processes and threads")]
    NoThread(Arc<io::Error>),
    /// A decision panicked: a defect.
    #[error("a request could not be decided")]
    Defect(String),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<LeaseError> for Error {
    fn from(error: LeaseError) -> Self {
        Self::Leases(Arc::new(error))
    }
}

impl Error {
    /// A field that breaks its rule.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Field { field: field.into(), problem: problem.into() })
    }

    /// Whether the same work may succeed when tried again, whole.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_passing())
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::RequestIdReused(_) => Self::new(ErrorReason::RequestIdReused, message),
            Error::UnknownInstance(_) => Self::new(ErrorReason::UnknownInstance, message),
            Error::NotFound { .. } => Self::new(ErrorReason::NotFound, message),
            Error::Group(GroupError::Unsatisfied { .. }) => {
                Self::new(ErrorReason::ReservationUnsatisfied, message)
            }
            Error::Group(_) => Self::new(ErrorReason::AlreadyExists, message),
            Error::EtagMismatch => Self::new(ErrorReason::EtagMismatch, message),
            Error::DropNotAllowed => Self::new(ErrorReason::DropNotAllowed, message),
            Error::NotEnrolled(_) => Self::new(ErrorReason::NotEnrolled, message),
            Error::AlreadyEnrolled { .. } => Self::new(ErrorReason::AlreadyEnrolled, message),
            Error::SignatureInvalid(_) => Self::new(ErrorReason::SignatureInvalid, message),
            Error::Foreign(_) => Self::new(ErrorReason::Foreign, message),
            Error::BundleRollback { .. } => Self::new(ErrorReason::BundleRollback, message),
            Error::Sealed { .. } => Self::internal(message),
            Error::LimitExceeded(_) => Self::limit_exceeded(message),
            Error::Overloaded => Self::overloaded(Duration::from_millis(200)),
            Error::DeadlineExceeded => Self::deadline_exceeded(),
            Error::ShuttingDown => Self::shutting_down(),
            Error::Store(error) => from_store(&error),
            Error::Leases(error) => Self::store_unavailable(chain(&*error)),
            Error::NoThread(error) => Self::internal(chain(&*error)),
            Error::Defect(detail) => Self::internal(detail),
        }
    }
}

fn from_store(error: &StoreError) -> ApiError {
    match error {
        StoreError::Unavailable { .. } => ApiError::store_unavailable(chain(error)),
        _ => ApiError::internal(chain(error)),
    }
}

/// Logs why a batch failed, once, with what the callers do not get to see.
pub(crate) fn log(error: &Error, requests: usize) {
    let detail = match error {
        Error::Store(error) => chain(&**error),
        Error::Leases(error) => chain(&**error),
        other => other.to_string(),
    };
    tracing::error!(batch.size = requests, error.detail = detail, "a batch could not be decided");
}
