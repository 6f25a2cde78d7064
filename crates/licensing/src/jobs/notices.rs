//! Keeps the notices in memory up to date with the store, where other replicas publish too.

use std::time::Duration;

use leasehold_domain::InstanceId;
use tokio::time::{MissedTickBehavior, interval};

use crate::notices::refresh;
use crate::state::Shared;

/// How often the store is asked.
const POLL: Duration = Duration::from_secs(1);

/// Looks at one instance's notices until the service stops.
pub(super) async fn run(licensing: Shared, instance: InstanceId) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = refresh(&licensing, instance).await {
            licensing.metrics.failed(&error);
            tracing::debug!(error.detail = %error, "the notices could not be looked at");
        }
    }
}
