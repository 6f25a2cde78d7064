//! Calls whose messages are bytes: whatever a caller may send, and exactly what a server answers.

use leasehold_testkit::raw::RawCodec;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Extensions, Request, Status};

/// Calls a method with one message and gives the first answer; `None` where a stream ends without one.
///
/// On the wire a call with one message looks the same whatever the method streams, so this serves them all.
pub(crate) async fn call(channel: &Channel, path: &str, message: Vec<u8>) -> Result<Option<Vec<u8>>, Status> {
    call_with(channel, path, message, MetadataMap::new()).await
}

/// The same with this metadata.
pub(crate) async fn call_with(
    channel: &Channel,
    path: &str,
    message: Vec<u8>,
    metadata: MetadataMap,
) -> Result<Option<Vec<u8>>, Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let path: PathAndQuery = path.parse().expect("paths of methods are paths");
    let request = Request::from_parts(metadata, Extensions::default(), tokio_stream::once(message));
    let mut answers = grpc.streaming(request, path, RawCodec).await?.into_inner();
    let first = answers.message().await?;
    // The status comes after the last message.
    while answers.message().await?.is_some() {}
    Ok(first)
}
