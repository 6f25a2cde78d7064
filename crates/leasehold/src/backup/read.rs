//! Reads a backup and checks every byte of it.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tar::{Archive, Entries, EntryType};

use super::error::io_error;
use super::index::copy_hashed;
use super::{BackupError, Entry, FORMAT, INDEX, INDEX_SUM, Index};

/// Largest index: far more than a hundred thousand files.
const MAX_INDEX: u64 = 64 * 1024 * 1024;
/// Tar files consist of such blocks.
const BLOCK: u64 = 512;

/// Checks every byte of a backup and gives its index.
pub fn verify(path: &Path) -> Result<Index, BackupError> {
    read(path, |_, content| copy_hashed(content, io::sink()).map_err(io_error(path)))
}

/// Reads a backup, and gives each file to `take` in turn, which says how long it was and what its sum is; compares
/// that with the index.
pub(super) fn read(
    path: &Path,
    mut take: impl FnMut(&Entry, &mut dyn Read) -> Result<(u64, String), BackupError>,
) -> Result<Index, BackupError> {
    let damaged = |problem: String| BackupError::Damaged { path: path.to_owned(), problem };
    let file = File::open(path).map_err(io_error(path))?;
    let length = file.metadata().map_err(io_error(path))?.len();
    let mut archive = Archive::new(BufReader::with_capacity(1 << 20, file));
    let mut files = Files { path, entries: archive.entries().map_err(io_error(path))? };
    let (text, sum) = files.head()?;
    let index = index(path, &text)?;
    let mut read = blocks(text.len() as u64) + blocks(sum.len() as u64);
    let mut end = 0;
    for wanted in &index.files {
        let Some((name, mut entry)) = files.next()? else {
            return Err(damaged(format!("it is cut short before {}", wanted.name)));
        };
        if name != wanted.name || entry.size() != wanted.size {
            return Err(damaged(format!("{name} stands where {} should", wanted.name)));
        }
        end = entry.raw_file_position() + padded(wanted.size);
        let (size, sha256) = take(wanted, &mut entry)?;
        if size != wanted.size {
            return Err(damaged(format!("it is cut short in {name}")));
        }
        if sha256 != wanted.sha256 {
            return Err(damaged(format!("{name} is not the one that was written")));
        }
        read += blocks(size);
    }
    if files.next()?.is_some() {
        return Err(damaged("it holds more than its index says".to_owned()));
    }
    // Two empty blocks are the end.
    if length != end.max(read) + 2 * BLOCK {
        return Err(damaged("something stands behind its end, or its end is missing".to_owned()));
    }
    Ok(index)
}

/// The files of a backup, one after the other.
struct Files<'a, R: Read> {
    path: &'a Path,
    entries: Entries<'a, R>,
}

impl<'a, R: Read> Files<'a, R> {
    /// The next one, with its name.
    fn next(&mut self) -> Result<Option<(String, tar::Entry<'a, R>)>, BackupError> {
        let Some(entry) = self.entries.next() else { return Ok(None) };
        let entry = entry.map_err(|error| self.damaged(format!("it is cut short or changed ({error})")))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type() != EntryType::Regular {
            return Err(self.damaged(format!("{name} is no file")));
        }
        Ok(Some((name, entry)))
    }

    /// The index and its sum, which belong together, as they stand there.
    fn head(&mut self) -> Result<(Vec<u8>, Vec<u8>), BackupError> {
        let text = match self.next() {
            Ok(Some((name, entry))) if name == INDEX => self.content(entry)?,
            // What does not even begin like one was never one.
            _ => return Err(BackupError::NotABackup(self.path.to_owned())),
        };
        let sum = match self.next()? {
            Some((name, entry)) if name == INDEX_SUM => self.content(entry)?,
            _ => return Err(self.damaged(format!("{INDEX_SUM} is missing"))),
        };
        if sum.trim_ascii_end() != HEXLOWER.encode(&Sha256::digest(&text)).as_bytes() {
            return Err(self.damaged(format!("{INDEX} is not the one that was written")));
        }
        Ok((text, sum))
    }

    fn content(&self, entry: impl Read) -> Result<Vec<u8>, BackupError> {
        content(entry).map_err(|error| self.damaged(error.to_string()))
    }

    fn damaged(&self, problem: String) -> BackupError {
        BackupError::Damaged { path: self.path.to_owned(), problem }
    }
}

/// What a file of this length takes, its header included.
fn blocks(size: u64) -> u64 {
    BLOCK + padded(size)
}

fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK) * BLOCK
}

fn content(entry: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    entry.take(MAX_INDEX).read_to_end(&mut text)?;
    Ok(text)
}

/// The index, which was written by us or by a newer release.
fn index(path: &Path, text: &[u8]) -> Result<Index, BackupError> {
    let damaged = |problem: String| BackupError::Damaged { path: path.to_owned(), problem };
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
    let format = value["format"].as_u64().unwrap_or(0);
    if format > u64::from(FORMAT) {
        return Err(BackupError::Newer {
            path: path.to_owned(),
            release: value["software_version"].as_str().unwrap_or("unknown").to_owned(),
            what: format!("its form is version {format}, this release knows versions up to {FORMAT}"),
        });
    }
    let index: Index = serde_json::from_value(value).map_err(|error| damaged(format!("{INDEX}: {error}")))?;
    match index.misplaced() {
        Some(entry) => Err(damaged(format!("{:?} has no place in a data directory", entry.name))),
        None => Ok(index),
    }
}
