//! The data directory: what is in it, that it is ours, and that only one process works in it.
//!
//! ```text
//! format         the layout's version
//! lock           held by the process that works here; holds its id
//! licensing.db   licensing's database, with its -wal and -shm files
//! restored       what is here comes from a backup, and no server has started on it yet
//! ```

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::directory::{self, LockError};

/// The layout that this release makes and understands.
const FORMAT: u32 = 1;

/// Stands in a directory that a backup was restored to, until a server has taken note of it.
const RESTORED: &str = "restored";

/// A directory with the databases of this process, locked as long as this value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// The lock ends when the file is closed, however the process ends.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Nobody has made it yet.
    #[error("{path} is no data directory yet; run `leasehold init` to make it one")]
    NotInitialised {
        /// The directory.
        path: PathBuf,
    },
    /// It is one already.
    #[error("{path} is a data directory already; use it as it is, or choose another")]
    Exists {
        /// The directory.
        path: PathBuf,
    },
    /// It holds something else.
    #[error("{path} holds other files; choose an empty or new directory")]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// Another process works in it.
    #[error(
        "another process{who} works in the data directory {path}; stop it first, or choose another directory",
        who = .pid.map(|pid| format!(" ({pid})")).unwrap_or_default()
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The other process, where it can be read.
        pid: Option<u32>,
    },
    /// A newer release has changed its layout.
    #[error(
        "the data directory {path} was changed by a newer release: its layout is version {found}, this release \
         knows versions up to {known}; upgrade Leasehold"
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// The directory's version.
        found: u32,
        /// The newest version that this release knows.
        known: u32,
    },
    /// Its version cannot be read.
    #[error("{path} does not say a version; restore the data directory from a backup")]
    Damaged {
        /// The file with the version.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot use {path}: {source}; check the path and its permissions")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A directory that is ours, locked, and not complete yet: nobody can open it before [`Unfinished::finish`].
#[derive(Debug)]
pub struct Unfinished(DataDir);

impl DataDir {
    /// Opens and locks a directory that [`DataDir::create`] has made.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        Self::check(path)?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// Whether this is a directory that can be opened; somebody else may be working in it.
    pub fn check(path: &Path) -> Result<(), DataDirError> {
        let format = path.join("format");
        let text = match fs::read_to_string(&format) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Err(DataDirError::NotInitialised { path: path.to_owned() });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(DataDirError::Damaged { path: format });
            }
            Err(source) => return Err(DataDirError::Io { path: format, source }),
        };
        match text.trim().parse() {
            Ok(0) | Err(_) => Err(DataDirError::Damaged { path: format }),
            Ok(found) if found > FORMAT => {
                Err(DataDirError::Newer { path: path.to_owned(), found, known: FORMAT })
            }
            Ok(_) => Ok(()),
        }
    }

    /// Makes a new data directory, with its parents, readable by its owner alone, and locks it. An empty
    /// directory will do, and so will one whose making was cut short.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        Unfinished::begin(path, |_| false)?.finish()
    }

    /// Whether what is here comes from a backup, and no server has taken note of that yet.
    pub fn is_restored(&self) -> bool {
        self.path.join(RESTORED).exists()
    }

    /// Notes that the server knows: the next one starts as any other.
    pub fn forget_restored(&self) -> Result<(), DataDirError> {
        let mark = self.path.join(RESTORED);
        match fs::remove_file(&mark) {
            Ok(()) => directory::sync(&self.path).map_err(io_error(&self.path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error(&mark)(error)),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Licensing's database; made when it is first opened.
    pub fn licensing_db(&self) -> PathBuf {
        self.path.join("licensing.db")
    }
}

impl Unfinished {
    /// Makes a directory, with its parents, readable by its owner alone, and locks it. It may be there and empty, or hold
    /// what `expected` knows.
    pub fn begin(path: &Path, expected: impl Fn(&OsStr) -> bool) -> Result<Self, DataDirError> {
        fs::create_dir_all(path).map_err(io_error(path))?;
        if path.join("format").exists() {
            return Err(DataDirError::Exists { path: path.to_owned() });
        }
        for entry in fs::read_dir(path).map_err(io_error(path))? {
            let name = entry.map_err(io_error(path))?.file_name();
            // File systems of their own come with `lost+found`.
            if !["lock", "format.new", "lost+found"].iter().any(|known| name == *known) && !expected(&name) {
                return Err(DataDirError::NotEmpty { path: path.to_owned() });
            }
        }
        directory::tighten(path);
        Ok(Self(DataDir { path: path.to_owned(), _lock: lock(path)? }))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Notes that what is here comes from a backup.
    pub fn mark_restored(&self) -> Result<(), DataDirError> {
        let mark = self.0.path.join(RESTORED);
        File::create(&mark).and_then(|file| file.sync_all()).map_err(io_error(&mark))
    }

    /// Says that it is complete: from now on it can be opened.
    pub fn finish(self) -> Result<DataDir, DataDirError> {
        let path = &self.0.path;
        // Last and whole: a directory that has its version is complete.
        let (new, format) = (path.join("format.new"), path.join("format"));
        let mut file = File::create(&new).map_err(io_error(&new))?;
        writeln!(file, "{FORMAT}").and_then(|()| file.sync_all()).map_err(io_error(&new))?;
        directory::sync(path).map_err(io_error(path))?;
        fs::rename(&new, &format).map_err(io_error(&format))?;
        directory::sync(path).map_err(io_error(path))?;
        Ok(self.0)
    }
}

fn lock(path: &Path) -> Result<File, DataDirError> {
    directory::lock(path).map_err(|error| match error {
        LockError::Locked { pid } => DataDirError::Locked { path: path.to_owned(), pid },
        LockError::Io { path, source } => DataDirError::Io { path, source },
    })
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

#[cfg(test)]
#[path = "data_dir_tests.rs"]
mod tests;
