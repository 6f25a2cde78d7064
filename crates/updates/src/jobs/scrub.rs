//! Compares every file that is kept with its hash, slowly, again and again. What has rotted is deleted and brought anew.

use leasehold_runtime::error::chain;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_artifacts::{BlobError, Digest, scrub};
use tokio::time::sleep;

use crate::state::{Shared, State};

/// Files that are compared at once.
const AT_ONCE: usize = 16;
/// How long it rests between.
const REST: Duration = Duration::from_secs(1);
/// How long what an interrupted download left is kept for going on.
const KEEP_PARTS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Scrubs until the service stops.
pub(super) async fn run(state: Shared) {
    let every = state.config.scrub_interval.unsigned_abs();
    loop {
        let scrubbed = async {
            // First thing, so that a process that never lives for a whole interval gets to it too.
            sleep(every.min(Duration::from_mins(10))).await;
            if let Err(error) = pass(&state).await {
                tracing::warn!(
                    error.detail = chain(&error),
                    "the files could not all be compared with their hashes"
                );
            }
            sleep(every).await;
        };
        if state.stopping.run_until_cancelled(scrubbed).await.is_none() {
            return;
        }
    }
}

/// Goes through all of them once.
async fn pass(state: &State) -> Result<(), BlobError> {
    let since = state.now().checked_sub(KEEP_PARTS).unwrap_or(jiff::Timestamp::MIN);
    state.blobs.sweep(since).await?;
    let mut after: Option<Digest> = None;
    loop {
        let scrubbed = scrub(&*state.blobs, after, AT_ONCE).await?;
        state.metrics.scrubbed(scrubbed.checked, scrubbed.bad.len() as u64);
        for sha256 in &scrubbed.bad {
            tracing::error!(%sha256, "a file has changed on its disk; it was deleted and is brought again");
        }
        if !scrubbed.bad.is_empty() {
            for site in state.sites() {
                site.forget_known();
                site.wanted.notify_one();
            }
        }
        after = scrubbed.next;
        if after.is_none() {
            return Ok(());
        }
        sleep(REST).await;
    }
}
