//! Looks at the counts while everybody works: nothing may be out at any commit that should not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use leasehold_promises::read::ReadError;
use leasehold_promises::{Violations, state};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::books::Books;

/// How often it looks.
const EVERY: Duration = Duration::from_millis(250);
/// Enough to show what is wrong; the same would be found again and again.
const ENOUGH: usize = 20;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// How often it looked.
    pub(super) samples: u64,
    /// What was wrong.
    pub(super) violations: Violations,
}

/// Looks again and again until `over`. `out` shows how many grants were out last.
pub(super) async fn watch(
    books: Books,
    out: Arc<AtomicU64>,
    over: CancellationToken,
) -> Result<Watched, ReadError> {
    let mut reader = books.open().await?;
    let mut watched = Watched::default();
    while !over.is_cancelled() {
        let snapshot = reader.counts().await?;
        watched.samples += 1;
        out.store(snapshot.grants.len() as u64, Ordering::Relaxed);
        let room = ENOUGH.saturating_sub(watched.violations.0.len());
        let found = state::check_counts(&snapshot).0.into_iter().take(room);
        watched.violations.0.extend(found.map(|mut violation| {
            violation.found = format!("while clients worked: {}", violation.found);
            violation
        }));
        tokio::select! {
            () = sleep(EVERY) => {}
            () = over.cancelled() => {}
        }
    }
    reader.close().await;
    Ok(watched)
}
