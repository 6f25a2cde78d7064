//! The client instance id: what tells this process from others on the device, and finds its grants again
//! after a restart.
//!
//! It is kept in a file that the process locks while it lives. Whoever finds the file locked, or cannot
//! use it, takes an id of its own for as long as it lives; nothing here fails.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use uuid::Uuid;

/// The file below the state directory.
pub(crate) const FILE: &str = "client-instance-id";

/// More than an id is not read, whatever the file holds.
const MAX_BYTES: u64 = 256;

/// A client instance id, and the lock on its file while there is one.
#[derive(Debug)]
pub(crate) struct Identity {
    id: String,
    /// Held open for its lock.
    _lock: Option<File>,
}

impl Identity {
    /// The id kept in `directory`, which is made where it is missing; without one, a fresh id. Blocking.
    pub(crate) fn open(directory: Option<&Path>) -> Self {
        let Some(directory) = directory else { return Self::fresh() };
        match Self::kept_in(directory) {
            Ok(Some(identity)) => identity,
            Ok(None) => {
                tracing::debug!(
                    client.state_dir = %directory.display(),
                    "another process has the client instance id; this one takes its own"
                );
                Self::fresh()
            }
            Err(error) => {
                tracing::warn!(
                    client.state_dir = %directory.display(),
                    %error,
                    "cannot keep the client instance id; grants will not be found again after a restart"
                );
                Self::fresh()
            }
        }
    }

    /// An id for this process only.
    pub(crate) fn fresh() -> Self {
        Self { id: random_uuid(), _lock: None }
    }

    /// The id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// `None` where another process has it.
    fn kept_in(directory: &Path) -> io::Result<Option<Self>> {
        std::fs::create_dir_all(directory)?;
        let path = directory.join(FILE);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let id = match read(&file)? {
            Some(id) => id,
            None => write(&mut file)?,
        };
        Ok(Some(Self { id, _lock: Some(file) }))
    }
}

/// A UUID by chance alone, as text.
pub(crate) fn random_uuid() -> String {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

/// A number that no request had before, so that its answer can be told from every other.
pub(crate) fn random_nonce() -> Vec<u8> {
    rand::random::<[u8; 32]>().to_vec()
}

/// A new nonce, for a request like one with this nonce; none where that one has none.
pub(crate) fn next_nonce(before: &[u8]) -> Vec<u8> {
    if before.is_empty() { Vec::new() } else { random_nonce() }
}

/// `None` where the file holds no id.
fn read(file: &File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let id = std::str::from_utf8(&bytes).ok().and_then(|text| Uuid::try_parse(text.trim()).ok());
    Ok(id.map(|id| id.to_string()))
}

fn write(file: &mut File) -> io::Result<String> {
    let id = random_uuid();
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(format!("{id}\n").as_bytes())?;
    file.sync_all()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_outlives_the_process_and_a_second_one_takes_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("made/here");
        let first = Identity::open(Some(&state));
        let second = Identity::open(Some(&state));
        assert_ne!(first.id(), second.id(), "the lock is held");
        let kept = first.id().to_owned();
        drop(first);
        assert_eq!(Identity::open(Some(&state)).id(), kept, "the lock is free again");
    }

    #[test]
    fn a_file_without_an_id_gets_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        for bytes in [&b""[..], b"not an id", &[0xff; 4_096], b"b08dfa60-83e7-567a-1921"] {
            std::fs::write(directory.path().join(FILE), bytes).unwrap();
            let id = Identity::open(Some(directory.path())).id().to_owned();
            assert!(Uuid::try_parse(&id).is_ok());
            assert_eq!(Identity::open(Some(directory.path())).id(), id, "and keeps it");
        }
    }

    #[test]
    fn a_place_that_cannot_be_used_costs_only_the_memory() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join(FILE)).unwrap();
        let unusable = Identity::open(Some(directory.path()));
        assert!(Uuid::try_parse(unusable.id()).is_ok());
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_ne!(Identity::open(Some(&file)).id(), unusable.id());
        assert_ne!(Identity::open(None).id(), Identity::open(None).id());
    }
}
