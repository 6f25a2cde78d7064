//! Blobs: files known by their hash, which never change, readable from any offset.
//!
//! Responsible for keeping only what has the right hash, for going on where a transfer broke off, and for finding what
//! has rotted. Not responsible for which blobs are wanted, or for whether anybody may read them.
//! Reference: updates, "The mirror".

mod error;
mod folder;
mod part;
mod scrub;
mod source;
pub(crate) mod stream_file;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;

use crate::digest::Digest;

pub use error::BlobError;
pub use folder::FolderBlobs;
pub use scrub::{Scrubbed, scrub};
pub use source::{ByteStream, BytesSource, FileSource, Opened, Source, SourceError, SourceErrorKind};

/// What a blob has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    /// Its hash.
    pub sha256: Digest,
    /// Its bytes.
    pub length: u64,
}

impl Wanted {
    /// What these bytes are.
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: Digest::of(bytes), length: bytes.len() as u64 }
    }
}

/// How a blob came to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Bytes that the source sent.
    pub fetched: u64,
    /// It was there already, and the source was not asked.
    pub already: bool,
}

/// A place for blobs: a folder ([`FolderBlobs`]), or an object store.
///
/// What an implementation promises: a blob that can be seen is whole, and had the right hash when it came. It never
/// changes. Whatever goes wrong on the way, nobody sees a part of it, and a place that is full is as it was before.
#[async_trait]
pub trait Blobs: Send + Sync + Debug {
    /// Takes a blob in, hashing it on the way.
    ///
    /// Goes on where an earlier try ended, if what it left can still be used. Wrong content is deleted; if part of it was
    /// from an earlier try, the whole is asked for once more. Two that put the same blob do it one after the other.
    async fn put(&self, wanted: Wanted, source: &dyn Source) -> Result<Put, BlobError>;

    /// How many bytes it has; `None`: it is not there.
    async fn length(&self, sha256: Digest) -> Result<Option<u64>, BlobError>;

    /// Its bytes from `range.start` to before `range.end`, in chunks of up to 256 KiB.
    async fn read(&self, sha256: Digest, range: Range<u64>) -> Result<ByteStream, BlobError>;

    /// Whether its content still has its hash.
    async fn verify(&self, sha256: Digest) -> Result<bool, BlobError>;

    /// Deletes it; whether it was there. Who reads it now can go on.
    async fn remove(&self, sha256: Digest) -> Result<bool, BlobError>;

    /// What is there, in the order of the hashes, after this one, and at most `limit`.
    async fn list(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Wanted>, BlobError>;
}
