//! Directories that one process works in at a time: the lock, whose they are, and that their entries last.
//!
//! Not responsible for what is in them.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The file that is locked; it holds the id of the process.
const LOCK: &str = "lock";

/// Why a directory cannot be had for oneself.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works in it.
    #[error("another process works in it")]
    Locked {
        /// The other process, where it can be read.
        pid: Option<u32>,
    },
    /// The system refused.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Takes a directory for this process. The lock ends when the file is closed, however the process ends.
pub fn lock(path: &Path) -> Result<File, LockError> {
    let name = path.join(LOCK);
    let failed = |source| LockError::Io { path: name.clone(), source };
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(false).open(&name).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Some systems keep others from reading what is locked.
            let pid = file.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
            return Err(LockError::Locked { pid });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

/// Who works in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The process, where it can be read.
    pub pid: Option<u32>,
}

/// Who works in a directory, if anybody does. Changes nothing.
pub fn holder(path: &Path) -> Result<Option<Holder>, LockError> {
    let name = path.join(LOCK);
    let failed = |source| LockError::Io { path: name.clone(), source };
    let mut file = match File::open(&name) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // Whoever works there has it for themselves; this look does not.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // As above.
            let pid = file.read_to_string(&mut pid).ok().and_then(|_| pid.trim().parse().ok());
            Ok(Some(Holder { pid }))
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Takes everyone's rights but the owner's.
pub fn tighten(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(0o700)) {
            // A volume can belong to someone else and still be for us alone.
            tracing::warn!(path = %path.display(), %error, "the directory's permissions stay as they are");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Lets the directory's entries survive a loss of power.
pub fn sync(path: &Path) -> io::Result<()> {
    // Elsewhere directories cannot be opened like files, and need not be.
    if cfg!(unix) { File::open(path).and_then(|directory| directory.sync_all()) } else { Ok(()) }
}
