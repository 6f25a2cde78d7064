//! What is kept on disk of a repository's metadata.
//!
//! ```text
//! lock                        held by the process that works here
//! roots/N.root.json           every root that was verified
//! seen.json                   the highest timestamp that was verified, whether or not what it names could be had
//! snapshots/SEQUENCE/…        whole sets, by the names they came under, each with the root.json it was verified with
//! current                     which one is in force
//! ```
//!
//! Responsible for flipping from one whole set to the next. Not responsible for whether they are genuine: what is read is
//! verified again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::TrustError;
use crate::durable::{self, Access, Steps};

/// Sets that are kept: the one in force and those before it.
pub(crate) const KEPT: usize = 3;

/// The name of the root within a set.
pub(crate) const ROOT: &str = "root.json";

/// Metadata files by name.
pub(crate) type Files = BTreeMap<String, Bytes>;

/// A folder that this process has locked.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    steps: Steps,
    /// The lock ends when the file is closed, however the process ends.
    _lock: Arc<File>,
}

impl Shelf {
    /// Opens the folder, which is made if it is not there, and tidies up what a process left that was killed.
    pub(crate) fn open(dir: &Path, steps: Steps) -> Result<Self, TrustError> {
        for name in ["roots", "snapshots"] {
            let folder = dir.join(name);
            durable::make_folder(&steps, &folder).map_err(TrustError::io(&folder))?;
        }
        let lock = dir.join("lock");
        let locked = durable::lock(&lock).map_err(TrustError::io(&lock))?;
        let Some(lock) = locked else { return Err(TrustError::Locked { path: dir.to_owned() }) };
        let shelf = Self { dir: dir.to_owned(), steps, _lock: Arc::new(lock) };
        shelf.tidy().map_err(TrustError::io(dir))?;
        Ok(shelf)
    }

    /// The folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A root that was verified before.
    pub(crate) fn root(&self, version: u64) -> Result<Option<Vec<u8>>, TrustError> {
        let path = self.root_path(version);
        durable::read(&path).map_err(TrustError::io(&path))
    }

    /// Keeps a root that was verified.
    pub(crate) fn keep_root(&self, version: u64, content: &[u8]) -> Result<(), TrustError> {
        let path = self.root_path(version);
        durable::write(&self.steps, &path, content, Access::Shared).map_err(TrustError::io(&path))
    }

    /// The highest timestamp that was verified.
    pub(crate) fn seen(&self) -> Result<Option<Vec<u8>>, TrustError> {
        let path = self.dir.join("seen.json");
        durable::read(&path).map_err(TrustError::io(&path))
    }

    /// Keeps a timestamp that was verified.
    pub(crate) fn keep_seen(&self, content: &[u8]) -> Result<(), TrustError> {
        let path = self.dir.join("seen.json");
        durable::write(&self.steps, &path, content, Access::Shared).map_err(TrustError::io(&path))
    }

    /// The sets that are kept, the one in force last.
    pub(crate) fn sets(&self) -> Result<Vec<Files>, TrustError> {
        let read = || -> io::Result<Vec<Files>> {
            let Some(current) = self.current()? else { return Ok(Vec::new()) };
            self.sequences()?
                .into_iter()
                .filter(|found| *found <= current)
                .map(|found| self.set(found))
                .collect()
        };
        read().map_err(TrustError::io(&self.dir))
    }

    /// Puts a whole set in force.
    pub(crate) fn flip(&self, files: &Files) -> Result<(), TrustError> {
        let flip = || -> io::Result<()> {
            let sequence = self.sequences()?.last().copied().unwrap_or_default() + 1;
            let (folder, part) =
                (self.set_path(sequence), self.dir.join(format!("snapshots/new{}", durable::PART)));
            self.steps.at("make", &part);
            fs::create_dir_all(&part)?;
            for (name, content) in files {
                durable::write_part(&self.steps, &part.join(name), content, Access::Shared)?;
            }
            durable::sync_folder(&self.steps, &part)?;
            self.steps.at("rename to", &folder);
            fs::rename(&part, &folder)?;
            durable::sync_folder(&self.steps, durable::parent(&folder))?;
            let text = format!("{sequence}\n");
            durable::write(&self.steps, &self.dir.join("current"), text.as_bytes(), Access::Shared)?;
            self.tidy()
        };
        flip().map_err(TrustError::io(&self.dir))
    }

    /// Adds a file to the set in force.
    pub(crate) fn add(&self, name: &str, content: &[u8]) -> Result<(), TrustError> {
        let add = || -> io::Result<()> {
            let Some(current) = self.current()? else { return Ok(()) };
            durable::write(&self.steps, &self.set_path(current).join(name), content, Access::Shared)
        };
        add().map_err(TrustError::io(&self.dir))
    }

    fn current(&self) -> io::Result<Option<u64>> {
        let Some(text) = durable::read(&self.dir.join("current"))? else { return Ok(None) };
        let number = String::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
        // Guessing would forget which versions were seen.
        number
            .map(Some)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "`current` holds no number"))
    }

    fn set(&self, sequence: u64) -> io::Result<Files> {
        let mut files = Files::new();
        for entry in fs::read_dir(self.set_path(sequence))? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string()
                && !name.ends_with(durable::PART)
            {
                files.insert(name, fs::read(entry.path())?.into());
            }
        }
        Ok(files)
    }

    /// Deletes sets that were never in force, and those that are not kept any more.
    fn tidy(&self) -> io::Result<()> {
        let current = self.current()?.unwrap_or_default();
        let sequences = self.sequences()?;
        let old = sequences.iter().filter(|found| **found <= current).count().saturating_sub(KEPT);
        let never = sequences.iter().filter(|found| **found > current);
        for gone in sequences.iter().take(old).chain(never) {
            self.steps.at("delete", &self.set_path(*gone));
            fs::remove_dir_all(self.set_path(*gone))?;
        }
        let part = self.dir.join(format!("snapshots/new{}", durable::PART));
        if part.exists() { fs::remove_dir_all(part) } else { Ok(()) }
    }

    fn sequences(&self) -> io::Result<Vec<u64>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.dir.join("snapshots"))? {
            found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn set_path(&self, sequence: u64) -> PathBuf {
        self.dir.join(format!("snapshots/{sequence:010}"))
    }

    fn root_path(&self, version: u64) -> PathBuf {
        self.dir.join(format!("roots/{version}.root.json"))
    }
}
