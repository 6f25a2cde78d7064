//! Files that are there whole or not at all, also after a loss of power.
//!
//! Responsible for the order of the steps: written beside, synced, renamed, the folder synced. Not responsible for what
//! the files mean.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

/// What a temporary file's name ends with. Whoever owns the folder may delete such files when it starts.
pub(crate) const PART: &str = ".part";

/// Told before every step that changes what a later process finds.
///
/// Tests end the process there, and look whether the next one finds everything as it was before or as it is after.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Observer>>);

/// Hears of each step.
type Observer = dyn Fn(&str) + Send + Sync;

impl Steps {
    /// Calls this before each step, with what the step does.
    pub fn observed(before: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(before)))
    }

    /// A step is about to be made: what it does, and to which file or folder.
    pub fn at(&self, what: &str, path: &Path) {
        if let Some(before) = &self.0 {
            before(&format!("{what} {}", path.display()));
        }
    }
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Steps(observed: {})", self.0.is_some())
    }
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever may read the folder.
    Shared,
    /// The owner alone.
    Secret,
}

/// Writes a file in the place of what was there: at any moment the old one is there, or the new one.
pub fn write(steps: &Steps, path: &Path, content: &[u8], access: Access) -> io::Result<()> {
    let part = beside(path);
    write_part(steps, &part, content, access)?;
    steps.at("rename to", path);
    fs::rename(&part, path)?;
    sync_folder(steps, parent(path))
}

/// Writes a file into a folder that nobody reads yet; the folder has to be synced.
pub(crate) fn write_part(steps: &Steps, path: &Path, content: &[u8], access: Access) -> io::Result<()> {
    steps.at("write", path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    if access == Access::Secret {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = access;
    let mut file = options.open(path)?;
    file.write_all(content)?;
    steps.at("sync", path);
    file.sync_all()
}

/// Makes a folder with its parents, so that it survives.
pub fn make_folder(steps: &Steps, path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(steps, parent)?;
    }
    steps.at("make", path);
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(steps, parent(path)),
    }
}

/// Lets a folder's entries survive a loss of power.
pub(crate) fn sync_folder(steps: &Steps, path: &Path) -> io::Result<()> {
    steps.at("sync folder", path);
    // Elsewhere folders cannot be opened like files, and need not be.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// What is there, or `None`.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Deletes a file that may be gone already; whether it was there.
pub(crate) fn remove(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Locks a file for this process as long as the answer lives; `None`: another one has it.
pub(crate) fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// The folder that a file is in.
pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path) -> std::path::PathBuf {
    let mut name = path.file_name().map(std::ffi::OsStr::to_os_string).unwrap_or_default();
    name.push(PART);
    path.with_file_name(name)
}
