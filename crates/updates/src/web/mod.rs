//! What is served over HTTP, to everybody: the mirror, files by their hashes, and the newest definition files.
//!
//! Whoever reads the mirror verifies it, so it needs no ticket; whoever reads the others trusts this server. Content is
//! streamed. Not responsible for connections and their limits: those are `runtime`'s.

mod listing;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use leasehold_artifacts::{Blobs as _, Digest};
use leasehold_domain::updates::{Release, ReleaseKind, STABLE, newest};
use leasehold_runtime::ApiError;
use leasehold_runtime::http::axum::Router;
use leasehold_runtime::http::axum::body::Body;
use leasehold_runtime::http::axum::extract::{Path, State as Shown};
use leasehold_runtime::http::axum::response::Response;
use leasehold_runtime::http::axum::routing::get;
use leasehold_runtime::http::{Content, Freshness, Problem, Selected};

use crate::Error;
use crate::error::Failed;
use crate::state::Shared;

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
/// When to ask again for what is on its way here.
const SOON: Duration = Duration::from_secs(30);

/// Every route.
pub(crate) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/tuf/{repository}/metadata/{name}", get(metadata))
        .route("/tuf/{repository}/targets/{*path}", get(target))
        .route("/blobs/sha256/{hash}", get(blob))
        .route("/definitions/{product}/{file}", get(definition))
        .route("/definitions/", get(definitions))
        .route("/", get(async || listing::FRONT))
        .with_state(Arc::clone(state))
}

async fn metadata(
    Shown(state): Shown<Shared>,
    Path((repository, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let site = state.site(&repository).await.map_err(problem)?;
    let content = site.mirror().and_then(|mirror| mirror.metadata(&name));
    let content = content.ok_or_else(|| missing(&format!("metadata file {name:?} in this mirror")))?;
    // The one file that changes; every other one has its version in its name, where the repository is consistent.
    let versioned = name.starts_with(|first: char| first.is_ascii_digit());
    let freshness = if versioned { Freshness::Never } else { Freshness::Changes };
    let tag = Digest::of(&content).to_string();
    let about = Content { kind: JSON, length: content.len() as u64, tag: &tag, modified: None, freshness };
    Ok(match about.select(&headers) {
        Selected::Answer(answer) => answer,
        Selected::Bytes(head, range) => {
            let slice = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let part: Bytes = content.slice(slice(range.start)..slice(range.end));
            head.body(Body::from(part)).expect("every header is text")
        }
    })
}

async fn target(
    Shown(state): Shown<Shared>,
    Path((repository, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let site = state.site(&repository).await.map_err(problem)?;
    let found = site.mirror().and_then(|mirror| mirror.find(&path));
    let target = found.ok_or_else(|| missing(&format!("target {path:?} in this mirror")))?;
    // By its name alone, another file may come in its place.
    let freshness = if target.path == path { Freshness::Changes } else { Freshness::Never };
    match file(&state, target.sha256, (BYTES, freshness, None), &headers).await? {
        Some(answer) => Ok(answer),
        None => Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "NOT_HERE_YET",
            format!("the vendor names {path:?}, and its content is not here: it has not been approved, or is on its way"),
        )
        .with_retry_after(SOON)),
    }
}

async fn blob(
    Shown(state): Shown<Shared>,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sha256 = hash
        .parse::<Digest>()
        .map_err(|_| missing("such file; name it by 64 hexadecimal digits in lower case"))?;
    let answer = file(&state, sha256, (BYTES, Freshness::Never, None), &headers).await?;
    answer.ok_or_else(|| missing(&format!("file {sha256} here")))
}

async fn definition(
    Shown(state): Shown<Shared>,
    Path((product, file_name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let site = state.site("").await.map_err(problem)?;
    let known = site.known(&*state.store).await.map_err(problem)?;
    let channel = uri.query().and_then(|query| query.strip_prefix("channel=")).unwrap_or(STABLE);
    let given = known.to_give();
    let is_it = |release: &&Release| release.kind == ReleaseKind::Definition && release.file() == file_name;
    let absent = || missing(&format!("approved definition file {file_name:?} of {product:?}"));
    let release = newest(given.iter().filter(is_it), &product, channel).ok_or_else(absent)?;
    let about = (BYTES, Freshness::Changes, Some(release.out_since()));
    let answer = file(&state, Digest::from_bytes(release.sha256), about, &headers).await?;
    answer.ok_or_else(absent)
}

async fn definitions(Shown(state): Shown<Shared>) -> Result<String, Problem> {
    let site = state.site("").await.map_err(problem)?;
    let known = site.known(&*state.store).await.map_err(problem)?;
    Ok(listing::definitions(&known.to_give()))
}

/// A file that is kept; `None`: it is not.
async fn file(
    state: &Shared,
    sha256: Digest,
    (kind, freshness, modified): (&'static str, Freshness, Option<Timestamp>),
    headers: &HeaderMap,
) -> Result<Option<Response>, Problem> {
    let length = state.blobs.length(sha256).await.map_err(|error| problem(Failed::from(error).into()))?;
    let Some(length) = length else { return Ok(None) };
    let tag = sha256.to_string();
    Ok(Some(match (Content { kind, length, tag: &tag, modified, freshness }).select(headers) {
        Selected::Answer(answer) => answer,
        Selected::Bytes(head, range) => {
            let bytes = state.blobs.read(sha256, range).await;
            let bytes = bytes.map_err(|error| problem(Failed::from(error).into()))?;
            head.body(Body::from_stream(bytes)).expect("every header is text")
        }
    }))
}

fn missing(what: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("there is no {what}"))
}

fn problem(error: Error) -> Problem {
    ApiError::from(error).into()
}
