//! How a command ends: the exit code for scripts and the message for people.

use std::fmt;
use std::process::ExitCode;

use leasehold_client::{CallError, CheckoutError, ConnectionError, ErrorReason, Remedy};
use tonic::Code;

/// Exit codes. 0 is success; 8 is kept for commands that succeed in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Something failed that has no code of its own.
    Error = 1,
    /// The command line or a value on it is wrong.
    Usage = 2,
    /// What the command names is not there.
    NotFound = 3,
    /// The server wants to know who is calling.
    NotSignedIn = 4,
    /// The licence or the action is refused.
    Denied = 5,
    /// It is there already, or changed meanwhile.
    Conflict = 6,
    /// The server, the data directory or the address cannot be used now.
    Unavailable = 7,
}

/// Why a command failed: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    /// For scripts.
    pub(crate) exit: Exit,
    /// For people.
    pub(crate) message: String,
}

impl Failure {
    /// A failure with its own code.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    /// A failure without a code of its own.
    pub(crate) fn error(message: impl fmt::Display) -> Self {
        Self::new(Exit::Error, message)
    }

    /// What a server answered instead of doing it.
    pub(crate) fn of_reason(reason: ErrorReason, message: impl fmt::Display) -> Self {
        let exit = match reason {
            ErrorReason::InvalidField => Exit::Usage,
            ErrorReason::UnknownInstance | ErrorReason::NotFound => Exit::NotFound,
            ErrorReason::DropNotAllowed
            | ErrorReason::PermissionDenied
            | ErrorReason::KeyAlreadyBound
            | ErrorReason::CloneSuspected
            | ErrorReason::SignatureInvalid
            | ErrorReason::Foreign => Exit::Denied,
            ErrorReason::Unauthenticated => Exit::NotSignedIn,
            ErrorReason::RequestIdReused
            | ErrorReason::StaleToken
            | ErrorReason::ModeMismatch
            | ErrorReason::AlreadyExists
            | ErrorReason::EtagMismatch
            | ErrorReason::ReservationUnsatisfied
            | ErrorReason::AlreadyEnrolled
            | ErrorReason::Replayed
            | ErrorReason::NotOutstanding
            | ErrorReason::BundleRollback
            | ErrorReason::SyncInProgress => Exit::Conflict,
            ErrorReason::Overloaded
            | ErrorReason::DeadlineExceeded
            | ErrorReason::ShuttingDown
            | ErrorReason::StoreUnavailable
            | ErrorReason::VendorUnreachable => Exit::Unavailable,
            _ => Exit::Error,
        };
        Self::new(exit, message)
    }
}

impl Failure {
    /// A call that was not answered, or answered with `code`.
    pub(crate) fn of_call(code: Code, error: CallError) -> Self {
        match &error {
            _ if code == Code::Unauthenticated => {
                Self::new(Exit::NotSignedIn, with_flags(&error, Some(Remedy::Certificate)))
            }
            _ if code == Code::PermissionDenied => Self::new(Exit::Denied, error),
            CallError::Invalid { .. } => Self::new(Exit::Usage, error),
            CallError::Unreachable { .. } => Self::new(Exit::Unavailable, error),
            CallError::Unverified { .. } => Self::new(Exit::Denied, error),
            CallError::Insecure { remedy, .. } => Self::new(Exit::Unavailable, with_flags(&error, *remedy)),
            CallError::Server { reason, .. } => Self::of_reason(*reason, error),
        }
    }
}

impl From<CheckoutError> for Failure {
    fn from(error: CheckoutError) -> Self {
        match &error {
            CheckoutError::Refused { .. } | CheckoutError::WholeRequestRefused { .. } => {
                Self::new(Exit::Denied, error)
            }
            CheckoutError::Invalid { .. } => Self::new(Exit::Usage, error),
            CheckoutError::Unreachable { .. } | CheckoutError::OutOfReach { .. } => {
                Self::new(Exit::Unavailable, error)
            }
            CheckoutError::Unverified { .. } => Self::new(Exit::Denied, error),
            CheckoutError::Insecure { remedy, .. } => {
                Self::new(Exit::Unavailable, with_flags(&error, *remedy))
            }
            CheckoutError::Server { reason, .. } => Self::of_reason(*reason, error),
            CheckoutError::Stopped => Self::error(error),
        }
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self::new(Exit::Usage, with_flags(&error, error.remedy()))
    }
}

/// An error about certificates, with the flags by which to give what it asks for.
fn with_flags(error: &dyn fmt::Display, remedy: Option<Remedy>) -> String {
    let flags = match remedy {
        None => return error.to_string(),
        Some(Remedy::Ca) => "--ca FILE, or LEASEHOLD_CA",
        Some(Remedy::NoCa) => "it comes from --ca, LEASEHOLD_CA or the connection file",
        Some(Remedy::Certificate) => "--cert FILE and --key FILE, or LEASEHOLD_CERT and LEASEHOLD_KEY",
        Some(Remedy::ServerName) => "--server-name NAME, or LEASEHOLD_SERVER_NAME",
    };
    format!("{error} ({flags})")
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
