//! From an error to a status: one shape for everything that a caller can be told.
//!
//! Responsible for the code that goes with each reason and for the details of `google.rpc`. Not responsible
//! for a service's own errors: each service turns its own into an [`ApiError`].

mod reasons;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use leasehold_domain::capability::Rejection;
pub use leasehold_proto::types::v1::ErrorReason;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "leasehold";

/// An error with all that it comes from, for the log: never for a caller.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What a caller is told about a call that failed, and what the log is told besides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The status code.
    pub code: Code,
    /// Why, stable and for programs.
    pub reason: ErrorReason,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// What the reason is about, for programs.
    pub metadata: BTreeMap<String, String>,
    /// Path in the contract and problem, for each field that breaks its rule.
    pub fields: Vec<(String, String)>,
    /// When to try again; only where trying again can help.
    pub retry_after: Option<Duration>,
    pub(crate) detail: Option<Box<str>>,
}

impl ApiError {
    /// An error of this reason, with the code that goes with it.
    pub fn new(reason: ErrorReason, message: impl Into<String>) -> Self {
        Self {
            code: code(reason),
            reason,
            message: message.into(),
            metadata: BTreeMap::new(),
            fields: Vec::new(),
            retry_after: None,
            detail: None,
        }
    }

    /// Adds what the reason is about, for programs.
    #[must_use]
    pub fn with_metadata(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Adds a field that breaks its rule.
    #[must_use]
    pub fn with_field(mut self, path: impl Into<String>, problem: impl Into<String>) -> Self {
        self.fields.push((path.into(), problem.into()));
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds what the log should say and the caller must not see.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string().into());
        self
    }

    /// What the log should say besides the message. The server stack logs it for a call that ends without a
    /// message; a stream that fails later loses it, so log it where the stream fails.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

fn code(reason: ErrorReason) -> Code {
    match reason {
        ErrorReason::InvalidField
        | ErrorReason::MalformedMessage
        | ErrorReason::SignatureInvalid
        | ErrorReason::Foreign
        | ErrorReason::FileUnreadable => Code::InvalidArgument,
        ErrorReason::MessageTooLarge | ErrorReason::Overloaded | ErrorReason::LimitExceeded => {
            Code::ResourceExhausted
        }
        ErrorReason::UnknownMethod | ErrorReason::NotImplemented => Code::Unimplemented,
        ErrorReason::UnknownInstance | ErrorReason::NotFound => Code::NotFound,
        ErrorReason::RequestIdReused | ErrorReason::AlreadyExists => Code::AlreadyExists,
        ErrorReason::StaleToken
        | ErrorReason::ModeMismatch
        | ErrorReason::ReservationUnsatisfied
        | ErrorReason::DropNotAllowed
        | ErrorReason::NotEnrolled
        | ErrorReason::AlreadyEnrolled
        | ErrorReason::Replayed
        | ErrorReason::NotOutstanding
        | ErrorReason::BundleRollback
        | ErrorReason::KeyAlreadyBound
        | ErrorReason::CloneSuspected
        | ErrorReason::NotSynchronized
        | ErrorReason::NoUpdateRepository
        | ErrorReason::UpdateRepositoryInvalid => Code::FailedPrecondition,
        ErrorReason::EtagMismatch | ErrorReason::SyncInProgress => Code::Aborted,
        ErrorReason::DeadlineExceeded => Code::DeadlineExceeded,
        ErrorReason::ShuttingDown
        | ErrorReason::StoreUnavailable
        | ErrorReason::VendorUnreachable
        | ErrorReason::UpdateRepositoryUnreachable => Code::Unavailable,
        ErrorReason::Cancelled => Code::Cancelled,
        ErrorReason::Unauthenticated | ErrorReason::ActorMissing => Code::Unauthenticated,
        ErrorReason::PermissionDenied | ErrorReason::ActorNotAccepted | ErrorReason::NotLicensed => {
            Code::PermissionDenied
        }
        ErrorReason::Internal | ErrorReason::Unspecified => Code::Internal,
    }
}

/// The reason as `google.rpc.ErrorInfo` carries it.
pub fn reason_name(reason: ErrorReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Field { field, problem } => Self::invalid_field(field, problem),
            Rejection::Stale { grant, lost } => Self::stale_token(grant, lost),
            Rejection::ModeMismatch { feature } => Self::mode_mismatch(&feature),
        }
    }
}

/// What the log should say; rides along as the status' source, which is never sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Detail(pub(crate) Box<str>);

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        let mut details = ErrorDetails::new();
        let metadata: HashMap<String, String> = error.metadata.into_iter().collect();
        details.set_error_info(reason_name(error.reason), ERROR_DOMAIN, metadata);
        for (field, problem) in error.fields {
            details.add_bad_request_violation(field, problem);
        }
        if error.retry_after.is_some() {
            details.set_retry_info(error.retry_after);
        }
        let mut status = Self::with_error_details(error.code, error.message, details);
        if let Some(detail) = error.detail {
            status.set_source(Arc::new(Detail(detail)));
        }
        status
    }
}

#[cfg(test)]
mod tests;
