//! Finding blobs that have rotted.

use super::{BlobError, Blobs};
use crate::digest::Digest;

/// What a scrub came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrubbed {
    /// Blobs that were hashed.
    pub checked: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Those that had another hash. They were deleted, to be fetched again.
    pub bad: Vec<Digest>,
    /// Where to go on; `None`: the end was reached.
    pub next: Option<Digest>,
}

/// Hashes the next `count` blobs after this one, and deletes those whose content has changed.
pub async fn scrub(blobs: &dyn Blobs, after: Option<Digest>, count: usize) -> Result<Scrubbed, BlobError> {
    let mut scrubbed = Scrubbed::default();
    let stored = blobs.list(after, count).await?;
    for blob in &stored {
        let right = match blobs.verify(blob.sha256).await {
            // Deleted meanwhile.
            Err(BlobError::NotFound(_)) => continue,
            right => right?,
        };
        scrubbed.checked += 1;
        scrubbed.bytes += blob.length;
        if !right {
            blobs.remove(blob.sha256).await?;
            scrubbed.bad.push(blob.sha256);
        }
    }
    scrubbed.next = (stored.len() == count).then(|| stored.last().map(|blob| blob.sha256)).flatten();
    Ok(scrubbed)
}
