//! Why there is no update, in words that help.

use std::path::PathBuf;

use leasehold_artifacts::{BlobError, TrustError};

use crate::address::ServerAddress;
use crate::error::CallError;
use crate::failure::Failure;
use crate::verify::Unverified;

/// Why there is no update. What was in place stays in place.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// Without the vendor's root key no assignment could be checked.
    #[error("no vendor's root key is pinned, so no assignment could be checked; set `Options::vendor_root`")]
    NoVendorRoot,
    /// The address cannot be used.
    #[error("cannot connect to {server}: {problem}")]
    Address {
        /// The address.
        server: ServerAddress,
        /// What is wrong with it.
        problem: String,
    },
    /// There was no check-in that the server would know the client by.
    #[error("there was no check-in yet; check in first")]
    NotCheckedIn,
    /// The server was not asked, or has not answered as it should.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The assignment does not count.
    #[error("the assignment of the server at {server} does not count: {problem}")]
    Unverified {
        /// The server.
        server: ServerAddress,
        /// Why not.
        problem: Unverified,
    },
    /// Nobody asked for it.
    #[error("{product} on the channel {channel} is assigned, and it is not followed; nothing of it is taken")]
    NotFollowed {
        /// The product.
        product: String,
        /// The channel.
        channel: String,
    },
    /// The vendor's metadata is not taken.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The server names what the vendor does not.
    #[error(
        "the vendor names no {target}, the server alone does: it is not taken. Where that lasts, ask the server's \
         administrator"
    )]
    NotNamed {
        /// The path of the target.
        target: String,
    },
    /// The server says something else of it than the vendor.
    #[error("the {what} of {target} that the server gives is not the vendor's: it is not taken")]
    Disagrees {
        /// The path of the target.
        target: String,
        /// Of what they differ.
        what: &'static str,
    },
    /// It is a program, and only definitions are put in place here.
    #[error("{target} is no definition file; it needs an installer")]
    NotADefinition {
        /// The path of the target.
        target: String,
    },
    /// The content cannot be had, or is another one.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The download took too long. What came is kept, to go on from.
    #[error(
        "{target} did not come within the time that a download may take; it goes on from there the next time"
    )]
    TooSlow {
        /// The path of the target.
        target: String,
    },
    /// The program cannot load it.
    #[error("{target} did not pass the load test, and is not tried again: {problem}")]
    LoadFailed {
        /// The path of the target.
        target: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to go back to.
    #[error("nothing was in place of {product} before; there is nothing to go back to")]
    NoPrevious {
        /// The product.
        product: String,
    },
    /// What is kept on disk cannot be used.
    #[error("cannot use {}: {problem}; check the path and its permissions, or begin with an empty directory", .path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl UpdateError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoVendorRoot => "NO_VENDOR_ROOT",
            Self::Address { .. } => "ADDRESS",
            Self::NotCheckedIn => "NOT_CHECKED_IN",
            Self::Call(_) => "CALL",
            Self::Unverified { problem, .. } => problem.reason(),
            Self::NotFollowed { .. } => "NOT_FOLLOWED",
            Self::Trust(error) => error.reason(),
            Self::NotNamed { .. } => "NOT_NAMED",
            Self::Disagrees { .. } => "DISAGREES",
            Self::NotADefinition { .. } => "NOT_A_DEFINITION",
            Self::Blob(error) => error.reason(),
            Self::TooSlow { .. } => "TOO_SLOW",
            Self::LoadFailed { .. } => "LOAD_FAILED",
            Self::NoPrevious { .. } => "NO_PREVIOUS",
            Self::State { .. } => "STATE",
        }
    }

    /// Whether the same can succeed later without anybody doing something, so that nothing has failed yet.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Call(CallError::Unreachable { .. }) | Self::TooSlow { .. } | Self::State { .. } => true,
            Self::Trust(error) => error.may_pass(),
            Self::Blob(error) => error.may_pass(),
            _ => false,
        }
    }

    pub(super) fn call(server: &ServerAddress, failure: Failure) -> Self {
        Self::Call(CallError::new(server, failure))
    }
}
