//! A file of the repository as the answer to GET and HEAD.

use leasehold_artifacts::{FolderUpstream, SourceError};
use leasehold_runtime::http::axum::body::Body;
use leasehold_runtime::http::axum::http::HeaderMap;
use leasehold_runtime::http::axum::response::Response;
use leasehold_runtime::http::{Content, Freshness, Selected};

/// The answer; `None`: there is no such file.
pub(super) async fn answer(
    repository: &FolderUpstream,
    path: &str,
    (kind, freshness): (&'static str, Freshness),
    headers: &HeaderMap,
) -> Result<Option<Response>, SourceError> {
    let Some(file) = repository.open(path).await? else { return Ok(None) };
    let content = Content { kind, length: file.length(), tag: file.tag(), modified: None, freshness };
    Ok(Some(match content.select(headers) {
        Selected::Answer(answer) => answer,
        Selected::Bytes(head, range) => {
            head.body(Body::from_stream(file.read(range)?)).expect("every header is text")
        }
    }))
}
