//! What can go wrong with updates, and how callers hear of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use leasehold_answer_keys::ReloadError;
use leasehold_artifacts::{BlobError, TrustError};
use leasehold_domain::Rejection;
use leasehold_proto::convert::FieldError;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::ApiError;
use leasehold_runtime::error::{chain, reason_name};
use leasehold_store::StoreError;

/// Why an operation of the service for updates failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// No instance has this id or name.
    #[error("no instance {0:?}; give an instance's id or name, or leave it empty for the default one")]
    UnknownInstance(String),
    /// The device holds nothing that any of it is for.
    #[error(
        "the device holds no licence of {0}, and held none lately; check a feature of it out, and check in again"
    )]
    NotLicensed(String),
    /// The ticket is not one that counts.
    #[error("the ticket does not count any more, or never did; check in, and use the one of that answer")]
    Ticket,
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// Somebody else is at it.
    #[error("the repository is being mirrored already; wait for it, and see what came of it in the status")]
    InProgress,
    /// There are enough downloads.
    #[error("as many downloads go on as are allowed; go on from where you are after the delay given")]
    TooManyDownloads,
    /// The vendor's repository cannot be mirrored.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// There is nothing to sign with.
    #[error("there is no certified key to sign assignments with: {0}")]
    NoKey(String),
    /// Another service does not answer.
    #[error("the service {service} does not answer; try again when it runs")]
    Away {
        /// Which.
        service: &'static str,
        /// What happened, for the log.
        detail: String,
    },
    /// The service is stopping.
    #[error("the service is stopping; go on with another replica, or later")]
    ShuttingDown,
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// A file of the service's own directory cannot be used.
    #[error("{} cannot be used: {detail}; check the path and its permissions", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// A key cannot be opened.
    #[error("{0}")]
    Sealed(String),
    /// What must not be: a defect.
    #[error("updates failed by a defect")]
    Defect(String),
}

/// Why the vendor's repository is not mirrored: the reason for programs, and what to do for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// Why.
    pub reason: ErrorReason,
    /// Why, and what to do.
    pub message: String,
    /// When the other side wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// Most bytes of a message.
const MAX_MESSAGE: usize = 2_000;

impl Failed {
    /// A failure. What others have said may be in the message; nothing of it can reach a terminal that does not belong
    /// there.
    pub(crate) fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        let mut message = message.into().replace(char::is_control, " ");
        if message.len() > MAX_MESSAGE {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE));
            message.push('…');
        }
        Self { reason, message, retry_after: None }
    }

    /// The repository does not answer.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(ErrorReason::UpdateRepositoryUnreachable, message)
    }

    /// It is not known where the repository is.
    pub(crate) fn no_repository(message: impl Into<String>) -> Self {
        Self::new(ErrorReason::NoUpdateRepository, message)
    }
}

impl From<TrustError> for Failed {
    fn from(error: TrustError) -> Self {
        let reason = match &error {
            TrustError::Source { source, .. } if source.may_pass() => {
                ErrorReason::UpdateRepositoryUnreachable
            }
            TrustError::Locked { .. } | TrustError::Io { .. } => ErrorReason::StoreUnavailable,
            _ => ErrorReason::UpdateRepositoryInvalid,
        };
        let retry_after = match &error {
            TrustError::Source { source, .. } => source.retry_after,
            _ => None,
        };
        Self { retry_after, ..Self::new(reason, error.to_string()) }
    }
}

impl From<BlobError> for Failed {
    fn from(error: BlobError) -> Self {
        let reason = match &error {
            BlobError::Source(source) if source.may_pass() => ErrorReason::UpdateRepositoryUnreachable,
            BlobError::Source(_) | BlobError::WrongHash { .. } | BlobError::TooLong { .. } => {
                ErrorReason::UpdateRepositoryInvalid
            }
            _ => ErrorReason::StoreUnavailable,
        };
        let retry_after = match &error {
            BlobError::Source(source) => source.retry_after,
            _ => None,
        };
        Self { retry_after, ..Self::new(reason, error.to_string()) }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Rejected(error.into())
    }
}

impl From<ReloadError> for Error {
    fn from(error: ReloadError) -> Self {
        match error {
            ReloadError::Store(error) => error.into(),
            ReloadError::Sealed { .. } => Self::Sealed(error.to_string()),
        }
    }
}

impl Error {
    /// A field that breaks its rule.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Field { field: field.into(), problem: problem.into() })
    }

    /// A file or folder of ours that cannot be used.
    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, detail: error.to_string() }
    }

    /// What programs and metrics call it.
    pub(crate) fn reason(&self) -> ErrorReason {
        match self {
            Self::Rejected(_) => ErrorReason::InvalidField,
            Self::UnknownInstance(_) => ErrorReason::UnknownInstance,
            Self::NotLicensed(_) => ErrorReason::NotLicensed,
            Self::Ticket => ErrorReason::Unauthenticated,
            Self::NotFound(_) => ErrorReason::NotFound,
            Self::InProgress => ErrorReason::SyncInProgress,
            Self::TooManyDownloads => ErrorReason::Overloaded,
            Self::Failed(failed) => failed.reason,
            Self::NoKey(_) => ErrorReason::NotSynchronized,
            Self::Away { .. } => ErrorReason::StoreUnavailable,
            Self::ShuttingDown => ErrorReason::ShuttingDown,
            Self::Store(error) if error.is_passing() => ErrorReason::StoreUnavailable,
            Self::Store(_) | Self::File { .. } | Self::Sealed(_) | Self::Defect(_) => ErrorReason::Internal,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (reason, message) = (error.reason(), error.to_string());
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::ShuttingDown => Self::shutting_down(),
            Error::TooManyDownloads => Self::new(reason, message).with_retry_after(Duration::from_secs(5)),
            Error::Failed(failed) => match failed.retry_after {
                Some(wait) => Self::new(reason, message).with_retry_after(wait),
                None => Self::new(reason, message),
            },
            Error::Away { detail, .. } => {
                Self::new(reason, message).with_retry_after(Duration::from_secs(1)).with_detail(detail)
            }
            Error::Store(error) if error.is_passing() => Self::store_unavailable(chain(&*error)),
            Error::Store(error) => Self::internal(chain(&*error)),
            Error::File { .. } | Error::Sealed(_) => Self::internal(message),
            Error::Defect(detail) => Self::internal(detail),
            _ => Self::new(reason, message),
        }
    }
}

/// Logs why something failed that nobody waits for, with what callers do not get to see.
pub(crate) fn log(instance: &str, error: &Error, what: &'static str) {
    let reason = reason_name(error.reason());
    let detail = match error {
        Error::Store(error) => chain(&**error),
        Error::Away { detail, .. } | Error::Defect(detail) => detail.clone(),
        _ => String::new(),
    };
    tracing::warn!(instance.name = instance, reason, error = %error, error.detail = detail, "{what}");
}
