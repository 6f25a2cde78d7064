//! A blob on its way in: a part file, and the hash of what is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{BlobError, Wanted};
use crate::digest::Digest;
use crate::durable::{self, Steps};

/// A part file, locked by this process.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    /// Bytes in the file, and in the hash.
    pub(super) length: u64,
    wanted: Wanted,
}

impl Part {
    /// Opens what an earlier try left, and hashes it; or begins anew.
    pub(super) fn open(path: PathBuf, wanted: Wanted) -> Result<Self, BlobError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(BlobError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(BlobError::Busy(wanted.sha256)),
            Err(fs::TryLockError::Error(source)) => return Err(BlobError::Io { path, source }),
        }
        let there = file.metadata().map_err(BlobError::io(&path))?.len();
        let mut part = Self { path, file, hasher: Sha256::new(), length: 0, wanted };
        if there > wanted.length {
            part.restart()?;
        } else if there > 0 {
            part.length = hash_into(&mut part.file, &mut part.hasher).map_err(BlobError::io(&part.path))?;
        }
        Ok(part)
    }

    /// Forgets what is there.
    pub(super) fn restart(&mut self) -> Result<(), BlobError> {
        let begun = self.file.set_len(0).and_then(|()| io::Seek::rewind(&mut self.file));
        begun.map_err(BlobError::io(&self.path))?;
        (self.hasher, self.length) = (Sha256::new(), 0);
        Ok(())
    }

    /// Adds what came. Where that fails nothing is left.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.length += bytes.len() as u64;
        if self.length > self.wanted.length {
            self.discard();
            return Err(BlobError::TooLong { wanted: self.wanted.length });
        }
        if let Err(error) = self.file.write_all(bytes) {
            self.discard();
            return Err(self.failed(error));
        }
        self.hasher.update(bytes);
        Ok(())
    }

    /// Moves a part that is whole and right to its place. `false`: it had another hash, and was deleted.
    pub(super) fn finish(mut self, steps: &Steps, place: &Path) -> Result<Finished, BlobError> {
        let found = Digest::finish(std::mem::take(&mut self.hasher));
        if found != self.wanted.sha256 {
            self.discard();
            return Ok(Finished::Wrong(found));
        }
        steps.at("sync", &self.path);
        if let Err(error) = self.file.sync_all() {
            self.discard();
            return Err(self.failed(error));
        }
        let moved = || {
            durable::make_folder(steps, durable::parent(place))?;
            steps.at("rename to", place);
            fs::rename(&self.path, place)?;
            durable::sync_folder(steps, durable::parent(place))
        };
        moved().map_err(BlobError::io(place))?;
        Ok(Finished::Right)
    }

    fn discard(&self) {
        // What stays is too long, and is begun anew by the next try; or the sweep finds it.
        let _ = durable::remove(&self.path);
    }

    fn failed(&self, source: io::Error) -> BlobError {
        let path = self.path.clone();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                BlobError::NoSpace { path, wanted: self.wanted.length }
            }
            _ => BlobError::Io { path, source },
        }
    }
}

/// How a part ended.
pub(super) enum Finished {
    /// The blob is in its place.
    Right,
    /// It had this hash.
    Wrong(Digest),
}

/// Hashes a file from where it stands to its end; how many bytes that were.
pub(super) fn hash_into(file: &mut File, hasher: &mut Sha256) -> io::Result<u64> {
    let mut buffer = vec![0; super::stream_file::CHUNK];
    let mut length = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
