//! The background loop: it forgets what is over, and announces a new code while nobody can sign in.

use leasehold_runtime::error::chain;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_runtime::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::access::first;
use crate::state::{Shared, State};

/// How often it looks.
const PERIOD: Duration = Duration::from_mins(1);
/// Audit records that are forgotten at a time.
const MOST: u32 = 10_000;

/// Starts it.
pub(crate) fn spawn(state: &Shared, background: &Background) {
    let (state, stopping) = (Shared::clone(state), background.stopping());
    background.spawn("gateway.care", async move { run(&state, stopping).await });
}

async fn run(state: &State, stopping: CancellationToken) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Some(Err(error)) = stopping.run_until_cancelled(care(state)).await {
            tracing::warn!(
                error = chain(&error),
                "the gateway's store could not be looked after; it is tried again"
            );
        }
    }
}

/// Looks once.
pub(crate) async fn care(state: &State) -> Result<(), leasehold_store::StoreError> {
    let now = state.now();
    let before = |length: SignedDuration| now.checked_sub(length).unwrap_or(jiff::Timestamp::MIN);
    state.store.forget_sessions(now, before(state.config.session_idle)).await?;
    state.store.forget_audit(before(state.config.audit_retention), MOST).await?;
    first::announce(state).await
}
