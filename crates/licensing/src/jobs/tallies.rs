//! Looks at what is in use every few seconds, and writes what was counted since.

use std::time::Duration;

use leasehold_domain::InstanceId;
use leasehold_domain::feature::in_use;
use leasehold_runtime::telemetry::count;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::{Instrument as _, debug_span};

use crate::Error;
use crate::state::Shared;

/// How often.
const EVERY: Duration = Duration::from_secs(5);
/// How long the last words may take.
const LAST: Duration = Duration::from_secs(2);

/// Counts for one instance until the service stops, and writes what is left then.
pub(super) async fn run(licensing: Shared, instance: InstanceId) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => {
                let _ = timeout(LAST, write(&licensing, instance)).await;
                return;
            }
            _ = ticks.tick() => {}
        }
        if let Err(error) = tick(&licensing, instance).await {
            licensing.metrics.failed(&error);
            tracing::debug!(error.detail = %error, "what is in use could not be counted");
        }
    }
}

async fn tick(licensing: &Shared, instance: InstanceId) -> Result<(), Error> {
    let items = licensing.store.line_items(instance).await?;
    let now = licensing.clock(instance).now();
    licensing.note_products(instance, &items);
    licensing.tallying(instance).look(&in_use(&items, now), now);
    write(licensing, instance).await
}

/// Writes what was counted; what cannot be written waits for the next time.
pub(crate) async fn write(licensing: &Shared, instance: InstanceId) -> Result<(), Error> {
    let tallying = licensing.tallying(instance);
    let tallies = tallying.take(licensing.clock(instance).now());
    if tallies.is_empty() {
        return Ok(());
    }
    let rows = tallies.usage.len() + tallies.denials.len() + tallies.held.len();
    let span = debug_span!("job.tallies", rows = count(rows));
    let written = licensing.store.add_tallies(instance, &tallies).instrument(span).await;
    if written.is_err() {
        tallying.give_back(tallies);
    }
    Ok(written?)
}
