//! Why a backup cannot be made, is not good, or cannot be put back.

use std::io;
use std::path::{Path, PathBuf};

use leasehold_signing::KeyError;
use leasehold_signing::sealed_file::SealedFileError;
use leasehold_store_sqlite::{DataDirError, OpenError};

use crate::app::StartError;

/// Why a backup cannot be made, is not good, or cannot be put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A database cannot be looked at.
    #[error(transparent)]
    Look(#[from] StartError),
    /// A database cannot be copied.
    #[error(transparent)]
    Copy(#[from] OpenError),
    /// There is a file already.
    #[error("{} is there already, and nothing is overwritten; give another name, or remove it", .0.display())]
    Exists(PathBuf),
    /// A file changed while it was copied.
    #[error("{name} changed while it was copied; nothing was written; make the backup again")]
    Changed {
        /// Its name.
        name: String,
    },
    /// Another kind of file.
    #[error("{} is no backup: it does not begin with an index; give a file of `leasehold backup create`", .0.display())]
    NotABackup(PathBuf),
    /// Made by a newer release.
    #[error(
        "the backup {} was made by a newer release ({release}): {what}; nothing was changed; upgrade Leasehold",
        .path.display()
    )]
    Newer {
        /// The backup.
        path: PathBuf,
        /// The release that made it.
        release: String,
        /// What this one does not know.
        what: String,
    },
    /// Not what was written.
    #[error("the backup {} is damaged: {problem}; nothing was changed; take another one", .path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There is something in the way.
    #[error(
        "{} is not empty, and a backup is put into nothing but an empty or new directory; nothing was changed; move \
         it away, or name another with --data-dir", .0.display()
    )]
    NotEmpty(PathBuf),
    /// The backup has no master key.
    #[error(
        "{} holds no master key that an identity could open; leave --identity out, and put {} where it was \
         saved to", .path.display(), .key.display()
    )]
    NoMasterKey {
        /// The backup.
        path: PathBuf,
        /// Where the key belongs.
        key: PathBuf,
    },
    /// The master key in it cannot be opened.
    #[error("the master key in the backup cannot be opened: {0}; nothing was changed")]
    Sealed(#[from] SealedFileError),
    /// There is another master key in the directory.
    #[error(
        "{} is there already and is another one than the backup's; nothing was changed; leave --identity out to keep \
         it, or move it away", .0.display()
    )]
    OtherMasterKey(PathBuf),
    /// What was sealed as a master key is none.
    #[error("what the backup holds as its master key is none: {0}; nothing was changed")]
    MasterKey(#[source] KeyError),
    /// The system refused.
    #[error("{} cannot be used: {source}; check the path, its permissions and the free space", .path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    /// Whether something is in the way that nobody overwrites.
    pub fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Exists(_)
                | Self::NotEmpty(_)
                | Self::OtherMasterKey(_)
                | Self::DataDir(DataDirError::Exists { .. })
        )
    }

    /// Whether another process has what this one needs.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::DataDir(DataDirError::Locked { .. }))
    }
}

/// Names the file or directory that the system refused.
pub(super) fn io_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { path, source }
}
