//! What can go wrong in synchronisation, and how callers hear of it.

use std::sync::Arc;

use leasehold_domain::{InstanceId, Rejection};
use leasehold_proto::sync::v1::SyncStep;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::ApiError;
use leasehold_runtime::error::{chain, reason_name};
use leasehold_signing::SealError;
use leasehold_store::StoreError;
use tonic::Code;

/// Why an operation of synchronisation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// No instance has this id or name.
    #[error("no instance {0:?}; give an instance's id or name, or leave it empty for the default one")]
    UnknownInstance(String),
    /// There is no vendor.
    #[error(
        "the instance has no vendor yet; enrol it with the file that the vendor sent: `leasehold sync enrol`"
    )]
    NotEnrolled,
    /// It belongs to somebody else.
    #[error("{0}")]
    AlreadyEnrolled(String),
    /// Request files cannot be sealed.
    #[error(
        "it is not known whom request files are sealed for: the vendor has not said its recipient; synchronise over \
         the network once, or ask the vendor for an enrolment file that has `vendor_recipient`, and enrol again"
    )]
    NoRecipient,
    /// Somebody else is at it.
    #[error(
        "a synchronisation of this instance is under way; wait for it, and see what came of it in the history"
    )]
    InProgress,
    /// An exchange, a file or a connection failed.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// There is nothing to certify keys with.
    #[error("{0}")]
    NotSynchronized(&'static str),
    /// A service asks in the name of another.
    #[error("{caller} may not have keys of the service {service} certified; each service asks for its own")]
    NotForCaller {
        /// Who asks.
        caller: String,
        /// In whose name.
        service: String,
    },
    /// Licensing does not answer.
    #[error("the licensing service does not answer; try again when it runs")]
    LicensingAway(String),
    /// Licensing refused for a reason that is its own.
    #[error("{message}")]
    Licensing {
        /// Why.
        reason: ErrorReason,
        /// What it said.
        message: String,
    },
    /// The service is stopping.
    #[error("the service is stopping; try again, or another replica")]
    ShuttingDown,
    /// The store failed.
    #[error(transparent)]
    Store(Arc<StoreError>),
    /// A private key cannot be opened.
    #[error("the keys of the instance {instance} cannot be used: {source}")]
    Sealed {
        /// The instance.
        instance: InstanceId,
        /// Why.
        source: SealError,
    },
    /// What must not be: a defect.
    #[error("synchronisation failed by a defect")]
    Defect(String),
}

/// Why an exchange, a file or a connection failed: where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failed {
    /// Where.
    pub step: SyncStep,
    /// Why, for programs.
    pub reason: ErrorReason,
    /// Why, and what to do, for people.
    pub message: String,
}

impl Failed {
    /// A failure. What others have said may be in the message; nothing of it can reach a terminal or a table that
    /// does not belong there.
    pub(crate) fn new(step: SyncStep, reason: ErrorReason, message: impl Into<String>) -> Self {
        let message = message.into().replace(char::is_control, " ");
        Self { step, reason, message: cut(message) }
    }

    /// The step's name, as metrics and metadata have it.
    pub(crate) fn step_name(&self) -> &'static str {
        let name = self.step.as_str_name();
        name.strip_prefix("SYNC_STEP_").unwrap_or(name)
    }
}

/// Most bytes of a message.
const MAX_MESSAGE: usize = 4_096;

fn cut(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    message
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl Error {
    /// A field that breaks its rule.
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Rejected(Rejection::Field { field: field.into(), problem: problem.into() })
    }

    /// What the metrics call it.
    pub(crate) fn reason(&self) -> ErrorReason {
        match self {
            Self::Rejected(_) => ErrorReason::InvalidField,
            Self::UnknownInstance(_) => ErrorReason::UnknownInstance,
            Self::NotEnrolled | Self::NoRecipient => ErrorReason::NotEnrolled,
            Self::AlreadyEnrolled(_) => ErrorReason::AlreadyEnrolled,
            Self::InProgress => ErrorReason::SyncInProgress,
            Self::Failed(failed) => failed.reason,
            Self::NotSynchronized(_) => ErrorReason::NotSynchronized,
            Self::NotForCaller { .. } => ErrorReason::PermissionDenied,
            Self::LicensingAway(_) => ErrorReason::StoreUnavailable,
            Self::Licensing { reason, .. } => *reason,
            Self::ShuttingDown => ErrorReason::ShuttingDown,
            Self::Store(error) if error.is_passing() => ErrorReason::StoreUnavailable,
            Self::Store(_) | Self::Sealed { .. } | Self::Defect(_) => ErrorReason::Internal,
        }
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let (reason, message) = (error.reason(), error.to_string());
        match error {
            Error::Rejected(rejection) => rejection.into(),
            Error::ShuttingDown => Self::shutting_down(),
            Error::Failed(failed) => from_failed(&failed),
            Error::LicensingAway(detail) => Self::new(reason, message).with_detail(detail),
            Error::Store(error) if error.is_passing() => Self::store_unavailable(chain(&*error)),
            Error::Store(error) => Self::internal(chain(&*error)),
            Error::Sealed { .. } => Self::internal(message),
            Error::Defect(detail) => Self::internal(detail),
            _ => Self::new(reason, message),
        }
    }
}

fn from_failed(failed: &Failed) -> ApiError {
    let mut error =
        ApiError::new(failed.reason, failed.message.clone()).with_metadata("step", failed.step_name());
    let by_a_peer = matches!(failed.step, SyncStep::Exchange | SyncStep::Apply);
    if by_a_peer && matches!(error.code, Code::InvalidArgument | Code::NotFound | Code::ResourceExhausted) {
        // It was this server that was refused, and not who called it.
        error.code = Code::FailedPrecondition;
    }
    error
}

/// Logs why something failed that nobody waits for, with what callers do not get to see.
pub(crate) fn log(instance: &str, error: &Error, what: &'static str) {
    let reason = reason_name(error.reason());
    let detail = match error {
        Error::Store(error) => chain(&**error),
        Error::LicensingAway(detail) | Error::Defect(detail) => detail.clone(),
        _ => String::new(),
    };
    tracing::warn!(instance.name = instance, reason, error = %error, error.detail = detail, "{what}");
}
