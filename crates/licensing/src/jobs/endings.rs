//! Hears of grants that other replicas have ended: their sessions here are told, and their leases forgotten.

use std::time::Duration;

use leasehold_domain::grant::Lost;
use leasehold_domain::{GrantId, InstanceId};
use leasehold_runtime::telemetry::count;
use leasehold_store::licensing::Ending;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{Instrument as _, debug_span};

use super::TICK_LIMIT;
use crate::Error;
use crate::state::Shared;

/// How often the store is asked where no call from another replica comes.
const POLL: Duration = Duration::from_secs(1);

/// Follows one instance's endings until the service stops. Where this process is the store's only one, it knows
/// of every ending by itself.
pub(super) async fn run(licensing: Shared, instance: InstanceId) {
    if !licensing.shares_store {
        return;
    }
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Those from before the start are gone through too: the leases may not have been told of them.
    let mut after = 0;
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            _ = ticks.tick() => {}
            () = licensing.store.woken() => {}
        }
        if let Err(error) = follow(&licensing, instance, &mut after).await
            && !licensing.stopping.is_cancelled()
        {
            licensing.metrics.failed(&error);
            crate::error::log(&error, 0);
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn follow(licensing: &Shared, instance: InstanceId, after: &mut u64) -> Result<(), Error> {
    loop {
        let endings = licensing.store.endings(instance, *after, TICK_LIMIT).await?;
        let Some(last) = endings.last() else { return Ok(()) };
        let span = debug_span!("job.endings", grants = count(endings.len()));
        hear(licensing, instance, &endings).instrument(span).await?;
        *after = last.seq;
    }
}

async fn hear(licensing: &Shared, instance: InstanceId, endings: &[Ending]) -> Result<(), Error> {
    let ended: Vec<(GrantId, Lost)> = endings.iter().map(|ending| (ending.grant, ending.lost)).collect();
    licensing.leases.forget(instance, &ended, licensing.own_clock.monotonic()).await?;
    licensing.revocations.announce(instance, &ended);
    licensing.metrics.endings(ended.len());
    Ok(())
}
