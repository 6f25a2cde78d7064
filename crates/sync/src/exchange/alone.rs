//! One at a time: a claim on an instance, over all replicas.
//!
//! Responsible for keeping a claim while work goes on. What is saved is right without it; it keeps replicas from
//! doing the same work twice. Not responsible for the work.

use leasehold_runtime::error::chain;
use std::time::Duration;

use leasehold_domain::InstanceId;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::Error;
use crate::state::{Shared, State};

/// How long a claim outlives the process that had it.
pub(crate) const CLAIM: Duration = Duration::from_secs(30);
/// How often it is moved on.
const MOVE_ON: Duration = Duration::from_secs(8);

/// How long somebody who asks waits for what is short: a bundle that is put in force, another's question.
pub(crate) const A_MOMENT: Duration = Duration::from_secs(1);
/// How often the turn is looked for meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Does the work if nobody else is at it, or is done within `patience`. It goes on when the caller stops waiting, and
/// ends with the service.
pub(crate) async fn alone<T, W>(
    state: &Shared,
    instance: InstanceId,
    patience: Duration,
    work: W,
) -> Result<T, Error>
where
    T: Send + 'static,
    W: Future<Output = Result<T, Error>> + Send + 'static,
{
    let (sender, done) = oneshot::channel();
    let claimed = state.clone();
    state.background.spawn("sync.exchange", async move {
        // Whoever asked may be gone.
        let _ = sender.send(claimed.claimed(instance, patience, work).await);
    });
    done.await.unwrap_or(Err(Error::ShuttingDown))
}

impl State {
    async fn claimed<T>(
        &self,
        instance: InstanceId,
        patience: Duration,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let holder = self.uuid();
        let start = Instant::now();
        while !self.claim(instance, holder).await? {
            if start.elapsed() >= patience {
                return Err(Error::InProgress);
            }
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return Err(Error::ShuttingDown),
                () = sleep(LOOK) => {}
            }
        }
        let done = tokio::select! {
            biased;
            () = self.stopping.cancelled() => Err(Error::ShuttingDown),
            done = work => done,
            () = self.keep(instance, holder) => Err(Error::InProgress),
        };
        // It ends by itself where it cannot be given up.
        if let Err(error) = self.store.release(instance, holder).await {
            tracing::debug!(error.detail = chain(&error), "a claim could not be given up");
        }
        done
    }

    async fn claim(&self, instance: InstanceId, holder: Uuid) -> Result<bool, Error> {
        let now = self.now();
        let until = now.saturating_add(CLAIM).unwrap_or(now);
        Ok(self.store.claim(instance, holder, now, until).await?)
    }

    /// Moves the claim on until it is lost.
    async fn keep(&self, instance: InstanceId, holder: Uuid) {
        loop {
            sleep(MOVE_ON).await;
            // A store that does not answer may do so in time; what is saved meanwhile fails by itself.
            if matches!(self.claim(instance, holder).await, Ok(false)) {
                return;
            }
        }
    }
}
