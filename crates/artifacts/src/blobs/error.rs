//! Why a blob cannot be taken in or read.

use std::io;
use std::path::{Path, PathBuf};

use super::SourceError;
use crate::digest::Digest;

/// Why a blob cannot be taken in or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// It is not there.
    #[error("there is no blob {0}; fetch it first")]
    NotFound(Digest),
    /// More was asked for than there is.
    #[error("bytes {start} to {end} were asked for of a blob of {length}; ask within its length")]
    Range {
        /// The first byte.
        start: u64,
        /// One after the last.
        end: u64,
        /// Bytes that there are.
        length: u64,
    },
    /// The content is another one. It was deleted.
    #[error(
        "the content has the SHA-256 {found}, and {wanted} was wanted; it was deleted. Fetch it again, from elsewhere if it stays so"
    )]
    WrongHash {
        /// What was wanted.
        wanted: Digest,
        /// What came.
        found: Digest,
    },
    /// More bytes came than the blob has. They were deleted.
    #[error(
        "more than the {wanted} bytes of the blob came; they were deleted. Fetch it again, from elsewhere if it stays so"
    )]
    TooLong {
        /// Bytes that were wanted.
        wanted: u64,
    },
    /// The source gave nothing, or broke off. What came is kept, to go on from.
    #[error("the content cannot be had: {0}")]
    Source(#[from] SourceError),
    /// There is no room. What came was deleted.
    #[error("there is no room for {} ({wanted} bytes); make some, or name another folder. Nothing is left of the attempt", .path.display())]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// Bytes that were wanted.
        wanted: u64,
    },
    /// Another process takes the same blob in.
    #[error("another process is taking in the blob {0}; wait for it")]
    Busy(Digest),
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

impl BlobError {
    /// A stable name of the cause.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "BLOB_NOT_FOUND",
            Self::Range { .. } => "BLOB_RANGE",
            Self::WrongHash { .. } => "BLOB_WRONG_HASH",
            Self::TooLong { .. } => "BLOB_TOO_LONG",
            Self::Source(_) => "BLOB_SOURCE",
            Self::NoSpace { .. } => "BLOB_NO_SPACE",
            Self::Busy(_) => "BLOB_BUSY",
            Self::Io { .. } => "BLOB_IO",
        }
    }

    /// Whether the same call can succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Source(error) => error.may_pass(),
            Self::NoSpace { .. } | Self::Busy(_) | Self::Io { .. } => true,
            _ => false,
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
