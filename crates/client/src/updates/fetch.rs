//! Metadata and content from the server, as `artifacts` takes them: whether they are genuine is for it to say.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use leasehold_artifacts::{
    BlobError, Blobs, FolderBlobs, MetadataSource, Opened, Source, SourceError, SourceErrorKind, Wanted,
};
use leasehold_proto::updates::v1 as pb;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::{Status, Streaming};

use super::calls::Calls;
use super::options::FetchLimits;
use crate::error::no_answer;
use crate::failure::Failure;
use crate::retry::delay;

/// What is fetched at most beside some times the length.
const SPARE: u64 = 1 << 20;

/// The vendor's metadata, by way of the server.
pub(super) struct Metadata {
    pub(super) calls: Calls,
    pub(super) ticket: Vec<u8>,
}

#[async_trait]
impl MetadataSource for Metadata {
    async fn metadata(&self, name: &str, _max: u64) -> Result<Option<Bytes>, SourceError> {
        let file = self.calls.metadata(&self.ticket, name).await.map_err(source_error)?;
        Ok(file.found.then(|| file.content.into()))
    }
}

/// What a failure means to whoever wants content: only the way to the server, and its own "not now", pass.
fn source_error(failure: Failure) -> SourceError {
    let kind =
        if failure.verdict.repeats() { SourceErrorKind::Unavailable } else { SourceErrorKind::Refused };
    let error = SourceError::new(kind, failure.message);
    match failure.retry_after {
        Some(wait) => error.after(wait),
        None => error,
    }
}

/// A download.
#[derive(Clone)]
pub(super) struct Download {
    pub(super) calls: Calls,
    pub(super) ticket: Vec<u8>,
    pub(super) wanted: Wanted,
    pub(super) limits: FetchLimits,
    /// Bytes that came.
    fetched: Arc<AtomicU64>,
}

/// How a download ended that did not succeed.
pub(super) enum Stopped {
    /// The time is up.
    TooSlow,
    /// The content cannot be had, or is another one.
    Failed(BlobError),
}

impl Download {
    pub(super) fn new(calls: Calls, ticket: Vec<u8>, wanted: Wanted, limits: FetchLimits) -> Self {
        Self { calls, ticket, wanted, limits, fetched: Arc::default() }
    }

    /// Bytes that came.
    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Brings the content into the folder, going on from what is there; a "no" is final, and what is not to be had now
    /// is tried again within the limits.
    pub(super) async fn run(&self, blobs: &FolderBlobs) -> Result<(), Stopped> {
        let deadline = crate::state::later(Instant::now(), self.limits.time);
        let mut failures = 0;
        loop {
            let put = timeout_at(deadline, blobs.put(self.wanted, self)).await;
            let error = match put.map_err(|_| Stopped::TooSlow)? {
                Ok(_) => return Ok(()),
                Err(BlobError::Source(error)) if error.may_pass() => error,
                Err(error) => return Err(Stopped::Failed(error)),
            };
            failures += 1;
            let pause = delay(&self.calls.retry, failures, error.retry_after, rand::random());
            if failures >= self.limits.attempts || self.is_spent() {
                return Err(Stopped::Failed(error.into()));
            }
            if crate::state::later(Instant::now(), pause) >= deadline {
                return Err(Stopped::TooSlow);
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn is_spent(&self) -> bool {
        self.fetched() >= self.wanted.length.saturating_mul(self.limits.times.into()).saturating_add(SPARE)
    }

    /// The next piece; `None` at the end.
    async fn next(
        &self,
        pieces: &mut Streaming<pb::FetchBlobResponse>,
    ) -> Result<Option<pb::FetchBlobResponse>, Status> {
        let silence = self.limits.silence;
        timeout(silence, pieces.message()).await.unwrap_or_else(|_| Err(no_answer(silence)))
    }

    /// The bytes of a piece that has to begin at `offset`.
    fn bytes(&self, piece: pb::FetchBlobResponse, offset: u64) -> io::Result<Bytes> {
        if piece.offset != offset {
            let text = format!("byte {offset} was due, and byte {} came", piece.offset);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.fetched.fetch_add(piece.data.len() as u64, Ordering::Relaxed);
        if self.is_spent() {
            return Err(io::Error::other("more was sent than is fetched for one download"));
        }
        Ok(piece.data.into())
    }
}

#[async_trait]
impl Source for Download {
    async fn open(&self, offset: u64) -> Result<Opened, SourceError> {
        let silence: Duration = self.limits.silence;
        let begin = async {
            let call = self.calls.blob(&self.ticket, self.wanted.sha256.as_bytes(), offset);
            let mut pieces = timeout(silence, call).await.unwrap_or_else(|_| Err(no_answer(silence)))?;
            Ok::<_, Status>((self.next(&mut pieces).await?, pieces))
        };
        let (first, pieces) = begin.await.map_err(|status| source_error(Failure::read(&status)))?;
        let Some(first) = first else { return Err(SourceError::unavailable("nothing came")) };
        if first.length != self.wanted.length {
            let text =
                format!("the server has {} bytes of it, and it has {}", first.length, self.wanted.length);
            return Err(SourceError::new(SourceErrorKind::Refused, text));
        }
        let start = first.offset;
        let state = (self.clone(), Some(first), pieces, start);
        let bytes = futures::stream::try_unfold(state, |(download, first, mut pieces, offset)| async move {
            let piece = match first {
                Some(first) => Some(first),
                None => download
                    .next(&mut pieces)
                    .await
                    .map_err(|status| io::Error::other(Failure::read(&status).message))?,
            };
            let Some(piece) = piece else { return Ok(None) };
            let bytes = download.bytes(piece, offset)?;
            let next = offset + bytes.len() as u64;
            Ok(Some((bytes, (download, None, pieces, next))))
        });
        Ok(Opened { offset: start, bytes: bytes.boxed() })
    }
}
