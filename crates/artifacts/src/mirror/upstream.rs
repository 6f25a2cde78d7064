//! Where a repository comes from: paths and bytes.

use std::fs;
use std::io::{ErrorKind, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::blobs::{ByteStream, Opened, Source, SourceError, stream_file};
use crate::blocking;
use crate::trust::MetadataSource;

/// A repository to mirror: `metadata/…` and `targets/…`.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// A file by its path; `None`: it is not there.
    ///
    /// Its bytes begin at `from`, or before it where the other side cannot do that: the answer says where. Of more than
    /// `max` bytes no more than one too many need come: the caller counts.
    async fn get(&self, path: &str, from: u64, max: u64) -> Result<Option<Opened>, SourceError>;
}

/// The metadata of an upstream.
pub(super) struct Metadata<'a>(pub(super) &'a dyn Upstream);

#[async_trait]
impl MetadataSource for Metadata<'_> {
    async fn metadata(&self, name: &str, max: u64) -> Result<Option<Bytes>, SourceError> {
        let path = format!("metadata/{name}");
        let Some(mut opened) = self.0.get(&path, 0, max).await? else { return Ok(None) };
        let mut content = BytesMut::new();
        while let Some(chunk) = opened.bytes.next().await {
            let chunk =
                chunk.map_err(|error| SourceError::unavailable(format!("{path} broke off: {error}")))?;
            content.extend_from_slice(&chunk);
            if content.len() as u64 > max {
                break;
            }
        }
        Ok(Some(content.freeze()))
    }
}

/// One file of an upstream, as the content of a blob.
pub(super) struct File<'a> {
    pub(super) upstream: &'a dyn Upstream,
    pub(super) path: &'a str,
    pub(super) length: u64,
}

#[async_trait]
impl Source for File<'_> {
    async fn open(&self, offset: u64) -> Result<Opened, SourceError> {
        let opened = self.upstream.get(self.path, offset, self.length).await?;
        opened.ok_or_else(|| SourceError::gone(format!("{} is not there", self.path)))
    }
}

/// A repository in a folder with `metadata/` and `targets/`: a memory stick, or a vendor's on the same machine.
#[derive(Clone, Debug)]
pub struct FolderUpstream {
    dir: PathBuf,
}

impl FolderUpstream {
    /// The repository in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Opens a file by its path, to serve it; `None`: it is not there.
    pub async fn open(&self, path: &str) -> Result<Option<FolderFile>, SourceError> {
        let Some(place) = self.place(path) else { return Ok(None) };
        let opened = blocking(move || match fs::File::open(&place) {
            Ok(file) => file.metadata().map(|about| about.is_file().then_some((file, about))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        });
        let opened = opened.await;
        let opened =
            opened.map_err(|error| SourceError::unavailable(format!("{path} cannot be read: {error}")))?;
        let changed = |about: &fs::Metadata| about.modified().ok()?.duration_since(UNIX_EPOCH).ok();
        Ok(opened.map(|(file, about)| FolderFile {
            file,
            length: about.len(),
            tag: format!("{:x}-{:x}", about.len(), changed(&about).unwrap_or_default().as_nanos()),
        }))
    }

    /// Where a path leads, if it leads into the folder.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        inside.then(|| self.dir.join(path))
    }
}

/// A file of a repository, as it was when it was opened.
#[derive(Debug)]
pub struct FolderFile {
    file: fs::File,
    length: u64,
    tag: String,
}

impl FolderFile {
    /// Bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Another one, when the file is another one: a strong validator without its quotes (RFC 9110, section 8.8.3).
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// Its bytes from `range.start` to before `range.end`, which lies within its length.
    pub fn read(mut self, range: Range<u64>) -> Result<ByteStream, SourceError> {
        // Moves no data, so it needs no thread of its own.
        let sought = self.file.seek(SeekFrom::Start(range.start));
        sought.map_err(|error| SourceError::unavailable(format!("a file cannot be read: {error}")))?;
        Ok(stream_file::rest(self.file, range.end.saturating_sub(range.start)))
    }
}

#[async_trait]
impl Upstream for FolderUpstream {
    async fn get(&self, path: &str, from: u64, _max: u64) -> Result<Option<Opened>, SourceError> {
        let Some(file) = self.place(path) else { return Ok(None) };
        match stream_file::open(file.clone(), from).await {
            Ok(bytes) => Ok(Some(Opened { offset: from, bytes })),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // A folder that is not there is not the end of the roots.
                if self.dir.is_dir() {
                    return Ok(None);
                }
                Err(SourceError::unavailable(format!("there is no folder {}", self.dir.display())))
            }
            Err(error) => {
                Err(SourceError::unavailable(format!("{} cannot be read: {error}", file.display())))
            }
        }
    }
}
