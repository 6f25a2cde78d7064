//! Brings the files of approved releases.

use std::time::Duration;

use leasehold_artifacts::{Digest, FetchError, Mirror, Put};
use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState};
use tokio::time::sleep;

use crate::error::Failed;
use crate::state::State;
use crate::upstream::HttpUpstream;

/// How often one file is asked for in a run. Each time goes on where the last one ended.
const TRIES: u32 = 4;
/// The first wait after a failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Whoever wants to be asked later than this is asked by the next run.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    /// Files that were brought.
    pub(super) files: u64,
    /// Bytes that came.
    pub(super) bytes: u64,
    /// Files that are still to be brought.
    pub(super) missing: u64,
    /// Why the first of those was not.
    pub(super) failed: Option<Failed>,
}

/// Brings what is approved and not here yet, definitions first. One that cannot be had does not keep the others back.
pub(super) async fn fetch(
    state: &State,
    mirror: &Mirror,
    upstream: &HttpUpstream,
    releases: &[Release],
) -> Fetched {
    let approved = releases.iter().filter(|release| release.state == ReleaseState::Approved);
    let mut wanted: Vec<&Release> = approved.collect();
    wanted.sort_by_key(|release| {
        (release.kind != ReleaseKind::Definition, std::cmp::Reverse(release.out_since()))
    });
    let mut fetched = Fetched::default();
    for release in wanted {
        match patiently(mirror, upstream, &release.target).await {
            Ok(Put { already: true, .. }) => {}
            Ok(put) => {
                fetched.files += 1;
                fetched.bytes += put.fetched;
                let sha256 = Digest::from_bytes(release.sha256);
                tracing::info!(target.path = release.target, %sha256, bytes = put.fetched, "a file of the vendor's is here");
            }
            Err(error) => {
                fetched.missing += 1;
                let failed = match error {
                    FetchError::Blob { source, path } => {
                        let Failed { reason, message, retry_after } = Failed::from(source);
                        Failed { retry_after, ..Failed::new(reason, format!("{path}: {message}")) }
                    }
                    FetchError::NotNamed(_) => Failed::unreachable(error.to_string()),
                };
                tracing::warn!(error = %failed, "a file of the vendor's cannot be had; the next run tries again");
                state.metrics.fetch_failed();
                fetched.failed.get_or_insert(failed);
            }
        }
    }
    fetched
}

async fn patiently(mirror: &Mirror, upstream: &HttpUpstream, path: &str) -> Result<Put, FetchError> {
    let mut tries = 1;
    loop {
        let error = match mirror.fetch(upstream, path).await {
            Ok(put) => return Ok(put),
            Err(error) => error,
        };
        let asked = match &error {
            FetchError::Blob { source: leasehold_artifacts::BlobError::Source(source), .. } => {
                source.retry_after
            }
            _ => None,
        };
        let wait = asked.unwrap_or(FIRST_WAIT * 2_u32.pow(tries - 1));
        if tries >= TRIES || !error.may_pass() || wait > LONGEST_WAIT {
            return Err(error);
        }
        tries += 1;
        sleep(wait).await;
    }
}
