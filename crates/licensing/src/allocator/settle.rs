//! Waits until nothing can undo what batches have committed, in their order, while the next ones are decided.
//!
//! Not responsible for telling anybody.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

use leasehold_store::licensing::Pending;

use super::gather::Unsettled;
use super::tell::Settled;
use crate::metrics::Phase;
use crate::state::Shared;
use crate::{Error, error};

/// Batches that may wait for the store. With so many the allocator waits, so that a slow store slows it down.
const BEHIND: usize = 4;

/// Ends when nothing can undo a commit any more.
type Waiting = BoxFuture<'static, Result<(), Error>>;

/// A batch that has happened, unless the store loses it.
pub(super) struct Committed {
    pub(super) batch: Settled,
    pub(super) pending: Pending,
}

/// Where committed batches are handed over, and where they come out.
pub(super) fn channel() -> (mpsc::Sender<Committed>, mpsc::Receiver<Committed>) {
    mpsc::channel(BEHIND)
}

/// Waits for batches until there are none any more.
pub(super) async fn run(
    licensing: Shared,
    committed: mpsc::Receiver<Committed>,
    settled: mpsc::Sender<Settled>,
    unsettled: Unsettled,
) {
    let wait = |pending| -> Waiting {
        let licensing = Arc::clone(&licensing);
        Box::pin(async move {
            let start = Instant::now();
            let waited = licensing.store.settle(pending).await.map_err(Error::from);
            licensing.metrics.phase(Phase::Settle, start.elapsed());
            waited
        })
    };
    each(wait, committed, settled, unsettled).await;
}

async fn each(
    wait: impl Fn(Pending) -> Waiting,
    mut committed: mpsc::Receiver<Committed>,
    settled: mpsc::Sender<Settled>,
    unsettled: Unsettled,
) {
    let mut batches = Vec::with_capacity(BEHIND);
    while committed.recv_many(&mut batches, BEHIND).await > 0 {
        let start = Instant::now();
        let known = all(&wait, &batches).await;
        unsettled.remove(batches.len());
        for Committed { mut batch, pending } in batches.drain(..) {
            batch.trace.phase("settle", start.elapsed());
            if let Some((_, Err(failure))) = known.iter().find(|(waited, _)| *waited == pending) {
                error::log(failure, batch.answers.len());
                batch.doubt(failure);
            }
            // Its receiver lives as long as this task; where it has failed, the process stops.
            let _ = settled.send(batch).await;
        }
    }
}

/// Waits for each thing that one of the batches waits for, once: for the latest batch first, because what comes before
/// it is there then as well.
async fn all(wait: impl Fn(Pending) -> Waiting, batches: &[Committed]) -> Vec<(Pending, Result<(), Error>)> {
    let mut known: Vec<(Pending, Result<(), Error>)> = Vec::with_capacity(1);
    for Committed { pending, .. } in batches.iter().rev() {
        if known.iter().all(|(waited, _)| waited != pending) {
            known.push((*pending, wait(*pending).await));
        }
    }
    known
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
