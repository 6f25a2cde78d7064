//! `FetchBlob`: a file from an offset to its end, in pieces, as fast as the client takes them.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use leasehold_artifacts::{BlobError, Blobs as _, ByteStream, Digest};
use leasehold_proto::updates::v1 as pb;
use leasehold_runtime::ApiError;
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::error::Failed;
use crate::metrics::Download;
use crate::state::{Shared, State};
use crate::{Error, ticket};

/// How long a client may take none of what waits for it. Its place is another's then.
const STALL: Duration = Duration::from_mins(1);
/// Pieces that wait for the client.
const WAITING: usize = 2;

/// What is sent.
pub(crate) type Pieces = ReceiverStream<Result<pb::FetchBlobResponse, Status>>;

pub(crate) async fn fetch_blob(state: &Shared, message: pb::FetchBlobRequest) -> Result<Pieces, Error> {
    let site = state.site(&message.instance).await?;
    ticket::check(state, &site, &message.ticket)?;
    let sha256 = <[u8; 32]>::try_from(message.sha256.as_slice());
    let sha256 = Digest::from_bytes(sha256.map_err(|_| Error::field("sha256", "give 32 bytes"))?);
    let place = Arc::clone(&state.downloads).try_acquire_owned().map_err(|_| Error::TooManyDownloads)?;
    let length = length(state, sha256).await?;
    if message.offset > length {
        let problem = format!("the file has {length} bytes; begin at one of them, or at its end");
        return Err(Error::field("offset", problem));
    }
    let bytes = state.blobs.read(sha256, message.offset..length).await.map_err(Failed::from)?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let (draining, download) = (state.draining.clone(), state.metrics.download());
    tokio::spawn(async move {
        let _place = place;
        let sent = send(&sender, bytes, (message.offset, length), &download);
        if draining.run_until_cancelled(sent).await.is_none() {
            // Whoever does not read it is cut off anyway.
            let _ = sender.try_send(Err(ApiError::shutting_down().into()));
        }
    });
    Ok(ReceiverStream::new(receiver))
}

async fn length(state: &State, sha256: Digest) -> Result<u64, Error> {
    match state.blobs.length(sha256).await {
        Ok(Some(length)) => Ok(length),
        Ok(None) | Err(BlobError::NotFound(_)) => Err(Error::NotFound(format!("file {sha256} here"))),
        Err(error) => Err(Failed::from(error).into()),
    }
}

/// Sends until the end, until the client is gone, or until it takes nothing any more.
async fn send(
    sender: &Sender<Result<pb::FetchBlobResponse, Status>>,
    mut bytes: ByteStream,
    (mut offset, length): (u64, u64),
    download: &Download,
) {
    let mut first = true;
    loop {
        let piece = match bytes.next().await {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => {
                tracing::error!(%error, "a file could not be read to its end");
                let error = ApiError::internal(error);
                let _ = sender.send_timeout(Err(error.into()), STALL).await;
                return;
            }
            // Of an empty rest the length is told all the same.
            None if first => bytes::Bytes::new(),
            None => return,
        };
        let count = piece.len() as u64;
        let told = if first { length } else { 0 };
        let piece = pb::FetchBlobResponse { offset, data: piece.into(), length: told };
        if sender.send_timeout(Ok(piece), STALL).await.is_err() {
            return;
        }
        download.sent(count);
        offset += count;
        first = false;
    }
}
