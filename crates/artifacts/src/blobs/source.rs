//! Where content comes from: from any offset, and perhaps not now.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::stream_file;

/// Bytes as they arrive.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Content from some offset to its end.
pub struct Opened {
    /// Where the bytes begin.
    pub offset: u64,
    /// The bytes.
    pub bytes: ByteStream,
}

/// Where a blob's content comes from.
#[async_trait]
pub trait Source: Send + Sync {
    /// The content from `offset` to its end. A source that cannot begin there begins earlier, and says where.
    async fn open(&self, offset: u64) -> Result<Opened, SourceError>;
}

/// What an attempt to get content came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// Not now: nobody answers, or the answer broke off.
    Unavailable,
    /// The other side says no, and will say no again.
    Refused,
    /// It is not there.
    Gone,
}

/// Why a source gave nothing.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// Whether asking again helps.
    pub kind: SourceErrorKind,
    /// What happened, with where.
    pub message: String,
    /// When the other side wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl SourceError {
    /// An error of this kind.
    pub fn new(kind: SourceErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The other side does not answer, or broke off.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::Unavailable, message)
    }

    /// It is not there.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(SourceErrorKind::Gone, message)
    }

    /// When to ask again, as the other side said.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Whether asking again later can help.
    pub fn may_pass(&self) -> bool {
        self.kind == SourceErrorKind::Unavailable
    }
}

/// Content that is in memory.
#[derive(Clone, Debug)]
pub struct BytesSource(pub Bytes);

#[async_trait]
impl Source for BytesSource {
    async fn open(&self, offset: u64) -> Result<Opened, SourceError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let rest = self.0.slice(start..);
        Ok(Opened { offset: start as u64, bytes: stream::once(async { Ok(rest) }).boxed() })
    }
}

/// Content that is in a file.
#[derive(Clone, Debug)]
pub struct FileSource(pub PathBuf);

#[async_trait]
impl Source for FileSource {
    async fn open(&self, offset: u64) -> Result<Opened, SourceError> {
        match stream_file::open(self.0.clone(), offset).await {
            Ok(bytes) => Ok(Opened { offset, bytes }),
            Err(error) => {
                let text = format!("{} cannot be read: {error}", self.0.display());
                let gone = error.kind() == io::ErrorKind::NotFound;
                Err(if gone { SourceError::gone(text) } else { SourceError::unavailable(text) })
            }
        }
    }
}
