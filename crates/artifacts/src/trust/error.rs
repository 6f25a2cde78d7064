//! Why metadata is not taken.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::blobs::SourceError;

/// Why metadata is not taken. What was in force stays in force.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It has ended.
    #[error("the vendor's {role} metadata ended at {at}; ask the vendor to publish again, or fetch it anew")]
    Expired {
        /// The role.
        role: String,
        /// When.
        at: Timestamp,
    },
    /// It is older than what was seen before.
    #[error(
        "version {offered} of {role} was offered, and {seen} was seen before; an old copy is never taken"
    )]
    Rollback {
        /// The role.
        role: String,
        /// The highest version seen.
        seen: u64,
        /// What was offered.
        offered: u64,
    },
    /// Too few of the keys that may have signed it.
    #[error(
        "{name} is not signed as the vendor's root demands: {detail}; it does not come from the vendor as it is"
    )]
    Signature {
        /// The file.
        name: String,
        /// What is missing.
        detail: String,
    },
    /// It does not fit the file that names it: damaged, or of another snapshot.
    #[error(
        "{name} does not fit the metadata that names it: {detail}; fetch it again, it may be changing just now"
    )]
    Integrity {
        /// The file.
        name: String,
        /// What differs.
        detail: String,
    },
    /// It is not what the specification says.
    #[error("{name} is no TUF metadata of version 1: {detail}")]
    Malformed {
        /// The file.
        name: String,
        /// What is wrong.
        detail: String,
    },
    /// It is larger than is allowed.
    #[error("{name} has more than {max} bytes; such a file is not taken")]
    TooLong {
        /// The file.
        name: String,
        /// Bytes allowed.
        max: u64,
    },
    /// More than is followed.
    #[error("there are more than {max} {what}; they are not followed")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are.
        max: u32,
    },
    /// A file is not there that has to be.
    #[error("{name} is not there; check the repository's address")]
    Missing {
        /// The file.
        name: String,
    },
    /// The other side did not answer.
    #[error("{name} cannot be had: {source}")]
    Source {
        /// The file.
        name: String,
        /// What happened.
        #[source]
        source: SourceError,
    },
    /// Nothing was brought yet.
    #[error("there is no metadata yet; refresh first")]
    Nothing,
    /// What was given as a root is none.
    #[error("the pinned root cannot be used: {detail}; give the root.json that the vendor publishes")]
    Pin {
        /// What is wrong with it.
        detail: String,
    },
    /// The folder was begun with another vendor's root.
    #[error("{} was begun with another root than the pinned one; give that one, or another folder", .path.display())]
    OtherPin {
        /// The folder.
        path: PathBuf,
    },
    /// Another process works there.
    #[error("another process works in {}; stop it, or give another folder", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot use {}: {source}; check the path and its permissions", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl TrustError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "TUF_EXPIRED",
            Self::Rollback { .. } => "TUF_ROLLBACK",
            Self::Signature { .. } => "TUF_SIGNATURE",
            Self::Integrity { .. } => "TUF_INTEGRITY",
            Self::Malformed { .. } => "TUF_MALFORMED",
            Self::TooLong { .. } => "TUF_TOO_LONG",
            Self::TooMany { .. } => "TUF_TOO_MANY",
            Self::Missing { .. } => "TUF_MISSING",
            Self::Source { .. } => "TUF_SOURCE",
            Self::Nothing => "TUF_NOTHING",
            Self::Pin { .. } | Self::OtherPin { .. } => "TUF_PIN",
            Self::Locked { .. } | Self::Io { .. } => "TUF_STATE",
        }
    }

    /// Whether the same call can succeed later without anybody doing something.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Source { source, .. } => source.may_pass(),
            // Between two requests the repository may have changed.
            Self::Integrity { .. } | Self::Missing { .. } | Self::Io { .. } | Self::Locked { .. } => true,
            _ => false,
        }
    }

    /// What the library says of this file.
    pub(crate) fn of(name: &str, error: sigstore_tuf::Error) -> Self {
        use sigstore_tuf::Error;
        let name = name.to_owned();
        match error {
            Error::Expired { role, expires } => Self::Expired { role, at: expires },
            Error::Rollback { role, trusted, new } => Self::Rollback { role, seen: trusted, offered: new },
            Error::BadRootVersion { .. } | Error::IntegrityMismatch(_) => {
                Self::Integrity { name, detail: error.to_string() }
            }
            Error::ThresholdNotMet { .. }
            | Error::DuplicateSignature { .. }
            | Error::UnusableKey { .. }
            | Error::UnsupportedScheme { .. }
            | Error::UnknownRole(_)
            | Error::Crypto(_) => Self::Signature { name, detail: error.to_string() },
            Error::Json(source) => Self::Malformed { name, detail: source.to_string() },
            _ => Self::Malformed { name, detail: error.to_string() },
        }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
