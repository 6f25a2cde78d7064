//! A file as a stream, read in another thread.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream;

use super::ByteStream;
use crate::blocking;

/// Bytes of a chunk, at most.
pub(crate) const CHUNK: usize = 256 * 1024;

/// A file's bytes from `offset` to its end.
pub(crate) async fn open(path: PathBuf, offset: u64) -> io::Result<ByteStream> {
    let (file, length) = blocking(move || {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(offset))?;
        Ok::<_, io::Error>((file, length))
    })
    .await?;
    Ok(rest(file, length.saturating_sub(offset)))
}

/// The next `left` bytes of a file; one that ends before is an error.
pub(crate) fn rest(file: File, left: u64) -> ByteStream {
    stream::try_unfold((file, left), async |(file, left)| {
        if left == 0 {
            return Ok(None);
        }
        let (chunk, file) = blocking(move || read(file, left)).await?;
        let left = left - chunk.len() as u64;
        Ok(Some((chunk, (file, left))))
    })
    .boxed()
}

fn read(mut file: File, left: u64) -> io::Result<(Bytes, File)> {
    let mut chunk = BytesMut::zeroed(usize::try_from(left).unwrap_or(CHUNK).min(CHUNK));
    file.read_exact(&mut chunk)?;
    Ok((chunk.freeze(), file))
}
