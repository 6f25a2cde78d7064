//! Files of the directory: made for their owner alone, and replaced whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use super::index::Index;

/// The file that names all others.
pub(super) const INDEX: &str = "index.json";
/// The file that a process locks while it has the directory.
const LOCK: &str = "lock";

/// More is not read, whatever a file holds: no answer is larger, nor an index of a thousand of them.
const MAX_BYTES: u64 = 17 << 20;

/// Makes the directory where it is missing. Blocking.
pub(crate) fn make(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Takes the directory, and makes it where it is missing. `None` where another process has it.
pub(super) fn lock(directory: &Path) -> io::Result<Option<File>> {
    make(directory)?;
    let mut options = OpenOptions::new();
    let file = for_its_owner(options.write(true).create(true).truncate(false)).open(directory.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The index; an empty one where there is none, or none that can be read.
pub(super) fn read(directory: &Path) -> io::Result<Index> {
    let path = directory.join(INDEX);
    let bytes = match bytes(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Index::empty()),
        read => read?,
    };
    Ok(Index::from_json(&bytes).unwrap_or_else(|problem| {
        tracing::warn!(
            client.answers = %directory.display(),
            problem,
            "the index of the answers that were kept cannot be used; it begins anew, and they count no more"
        );
        Index::empty()
    }))
}

/// An answer.
pub(super) fn answer(directory: &Path, file: &str) -> io::Result<Vec<u8>> {
    bytes(&directory.join(file))
}

/// Puts bytes in the place of what was in the file, or leaves it as it was.
pub(super) fn write(directory: &Path, file: &str, bytes: &[u8]) -> io::Result<()> {
    let (path, new) = (directory.join(file), directory.join(format!("{file}.new")));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        // What a crash has left may be open to others.
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    let mut written = for_its_owner(options.write(true).create_new(true)).open(&new)?;
    written.write_all(bytes)?;
    written.sync_all()?;
    std::fs::rename(&new, &path)?;
    // Renaming is on disk once the directory is.
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    Ok(())
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn for_its_owner(options: &mut OpenOptions) -> &OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}
