//! Blobs in a folder.
//!
//! ```text
//! sha256/ab/abcd…       a blob, by its hash; read-only in spirit: never written again
//! part/abcd….part       one on its way in
//! ```

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::BytesMut;
use futures::StreamExt;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::part::{Finished, Part, hash_into};
use super::{BlobError, Blobs, ByteStream, Put, Source, SourceError, Wanted, stream_file};
use crate::blocking;
use crate::digest::Digest;
use crate::durable::{self, Steps};

/// Bytes that are gathered before they are written; a process that is killed loses them.
const GATHERED: usize = 256 * 1024;

/// Blobs in a folder. Several processes may use the same one.
#[derive(Debug)]
pub struct FolderBlobs {
    dir: PathBuf,
    steps: Steps,
    /// Who takes which blob in, in this process.
    turns: Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<()>>>>,
}

impl FolderBlobs {
    /// Opens a folder, which is made if it is not there.
    pub fn open(dir: &Path) -> Result<Self, BlobError> {
        Self::open_with(dir, Steps::default())
    }

    /// The same, observed.
    pub fn open_with(dir: &Path, steps: Steps) -> Result<Self, BlobError> {
        for name in ["sha256", "part"] {
            let folder = dir.join(name);
            durable::make_folder(&steps, &folder).map_err(BlobError::io(&folder))?;
        }
        Ok(Self { dir: dir.to_owned(), steps, turns: Mutex::default() })
    }

    /// Where a blob is, if it is there. The file must not be changed.
    pub fn path(&self, sha256: Digest) -> PathBuf {
        let name = sha256.to_string();
        self.dir.join("sha256").join(&name[..2]).join(name)
    }

    /// Bytes of a blob that an earlier try has left.
    pub fn left_of(&self, sha256: Digest) -> u64 {
        fs::metadata(self.part(sha256)).map_or(0, |there| there.len())
    }

    /// Deletes what was left by tries that nobody went on with since; how many.
    pub async fn sweep(&self, since: Timestamp) -> Result<u64, BlobError> {
        let folder = self.dir.join("part");
        blocking(move || sweep(&folder, since).map_err(BlobError::io(&folder))).await
    }

    fn part(&self, sha256: Digest) -> PathBuf {
        self.dir.join("part").join(format!("{sha256}{}", durable::PART))
    }

    fn turn(&self, sha256: Digest) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(sha256).or_default())
    }

    /// One try, which goes on from what is there. `Err(true)` in the answer: the hash was wrong, and a part was old.
    async fn try_put(&self, wanted: Wanted, source: &dyn Source) -> Result<(u64, Tried), BlobError> {
        let path = self.part(wanted.sha256);
        let part = blocking(move || Part::open(path, wanted)).await?;
        let old = part.length > 0;
        let (part, fetched) = fill(part, wanted, source).await?;
        let (place, steps) = (self.path(wanted.sha256), self.steps.clone());
        Ok(match blocking(move || part.finish(&steps, &place)).await? {
            Finished::Right => (fetched, Tried::Right),
            Finished::Wrong(_) if old => (fetched, Tried::Again),
            Finished::Wrong(found) => {
                return Err(BlobError::WrongHash { wanted: wanted.sha256, found });
            }
        })
    }

    async fn opened(&self, sha256: Digest) -> Result<(File, u64), BlobError> {
        let path = self.path(sha256);
        blocking(move || {
            let opened = File::open(&path).and_then(|file| file.metadata().map(|about| (file, about.len())));
            opened.map_err(|error| match error.kind() {
                ErrorKind::NotFound => BlobError::NotFound(sha256),
                _ => BlobError::Io { path, source: error },
            })
        })
        .await
    }
}

/// What a try came to.
enum Tried {
    Right,
    Again,
}

#[async_trait]
impl Blobs for FolderBlobs {
    async fn put(&self, wanted: Wanted, source: &dyn Source) -> Result<Put, BlobError> {
        let turn = self.turn(wanted.sha256);
        let _turn = turn.lock().await;
        if self.length(wanted.sha256).await? == Some(wanted.length) {
            return Ok(Put { fetched: 0, already: true });
        }
        let (mut fetched, tried) = self.try_put(wanted, source).await?;
        if let Tried::Again = tried {
            fetched += self.try_put(wanted, source).await?.0;
        }
        Ok(Put { fetched, already: false })
    }

    async fn length(&self, sha256: Digest) -> Result<Option<u64>, BlobError> {
        match self.opened(sha256).await {
            Ok((_, length)) => Ok(Some(length)),
            Err(BlobError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn read(&self, sha256: Digest, range: Range<u64>) -> Result<ByteStream, BlobError> {
        let (mut file, length) = self.opened(sha256).await?;
        if range.start > range.end || range.end > length {
            return Err(BlobError::Range { start: range.start, end: range.end, length });
        }
        // Moves no data, so it needs no thread of its own.
        file.seek(SeekFrom::Start(range.start)).map_err(BlobError::io(&self.path(sha256)))?;
        Ok(stream_file::rest(file, range.end - range.start))
    }

    async fn verify(&self, sha256: Digest) -> Result<bool, BlobError> {
        let (mut file, _) = self.opened(sha256).await?;
        let path = self.path(sha256);
        blocking(move || {
            let mut hasher = Sha256::new();
            hash_into(&mut file, &mut hasher).map_err(BlobError::io(&path))?;
            Ok(Digest::finish(hasher) == sha256)
        })
        .await
    }

    async fn remove(&self, sha256: Digest) -> Result<bool, BlobError> {
        let path = self.path(sha256);
        blocking(move || durable::remove(&path).map_err(BlobError::io(&path))).await
    }

    async fn list(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Wanted>, BlobError> {
        let folder = self.dir.join("sha256");
        blocking(move || list(&folder, after, limit).map_err(BlobError::io(&folder))).await
    }
}

/// Brings what is missing of a part.
async fn fill(mut part: Part, wanted: Wanted, source: &dyn Source) -> Result<(Part, u64), BlobError> {
    if part.length == wanted.length {
        return Ok((part, 0));
    }
    let opened = source.open(part.length).await?;
    if opened.offset > part.length {
        let text = format!("byte {} was asked for, and byte {} came", part.length, opened.offset);
        return Err(SourceError::unavailable(text).into());
    }
    let (mut skip, mut fetched, mut bytes) = (part.length - opened.offset, 0, opened.bytes);
    let mut gathered = BytesMut::new();
    let mut broken = None;
    loop {
        match bytes.next().await {
            Some(Ok(mut chunk)) => {
                fetched += chunk.len() as u64;
                let known = usize::try_from(skip).unwrap_or(usize::MAX).min(chunk.len());
                skip -= known as u64;
                gathered.extend_from_slice(&chunk.split_off(known));
            }
            Some(Err(error)) => broken = Some(error.to_string()),
            None if part.length + (gathered.len() as u64) < wanted.length => {
                broken = Some("it ended early".to_owned());
            }
            None => {}
        }
        let last = broken.is_some() || part.length + gathered.len() as u64 >= wanted.length;
        if last || gathered.len() >= GATHERED {
            let ready = gathered.split().freeze();
            part = blocking(move || part.write(&ready).map(|()| part)).await?;
        }
        if let Some(text) = broken {
            let text = format!("{text}, after {} of {} bytes", part.length, wanted.length);
            return Err(SourceError::unavailable(text).into());
        }
        if last {
            return Ok((part, fetched));
        }
    }
}

fn sweep(folder: &Path, since: Timestamp) -> std::io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let changed = entry.metadata()?.modified()?;
        if Timestamp::try_from(changed).is_ok_and(|changed| changed < since) {
            // One that somebody works on has changed just now, unless clocks are wrong.
            swept += u64::from(durable::remove(&entry.path())?);
        }
    }
    Ok(swept)
}

fn list(folder: &Path, after: Option<Digest>, limit: usize) -> std::io::Result<Vec<Wanted>> {
    let mut found = Vec::new();
    let first = after.map(|after| after.to_string()[..2].to_owned()).unwrap_or_default();
    let mut folders = names(folder)?;
    folders.retain(|name| *name >= first);
    for name in folders {
        for file in names(&folder.join(&name))? {
            let Ok(sha256) = file.parse::<Digest>() else { continue };
            if after.is_some_and(|after| sha256 <= after) {
                continue;
            }
            if found.len() == limit {
                return Ok(found);
            }
            match fs::metadata(folder.join(&name).join(&file)) {
                Ok(there) => found.push(Wanted { sha256, length: there.len() }),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(found)
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}
