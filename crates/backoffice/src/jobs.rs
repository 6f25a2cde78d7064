//! Background loops: the care for the online key, whose certificate ends one day.

use leasehold_runtime::error::chain;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_runtime::Background;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::Error;
use crate::state::State;

const LOOK_EVERY: Duration = Duration::from_hours(1);
/// Days before the end at which the log warns. The first is a year: what servers sign counts no longer than the
/// certificate above theirs, and what they granted may run for a year beyond their deadline.
const WARN_AT: [i64; 5] = [366, 90, 30, 7, 1];

/// Starts every loop of the service.
pub(crate) fn spawn(state: &Arc<State>, background: &Background) {
    background.spawn("backoffice.online_key", watch(Arc::clone(state), background.stopping()));
}

/// Looks at the online key until the service stops, and warns when its end comes near.
async fn watch(state: Arc<State>, stopping: CancellationToken) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = None;
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match look(&state).await {
            Ok(not_after) => warn(not_after, state.now(), &mut told),
            Err(Error::Store(error)) => {
                tracing::error!(error.detail = chain(&*error), "the online key cannot be looked at");
            }
            Err(error) => tracing::error!(error.detail = %error, "the online key cannot be looked at"),
        }
    }
}

async fn look(state: &State) -> Result<Timestamp, Error> {
    let not_after = state.vendor().await?.validity.not_after();
    let left = Duration::try_from(not_after.duration_since(state.now())).ok();
    state.metrics.online_key_left(left);
    Ok(not_after)
}

/// Says it once for each step of days, and again for a key that was renewed.
fn warn(not_after: Timestamp, now: Timestamp, told: &mut Option<(Timestamp, i64)>) {
    let Some(step) = step(not_after, now) else { return };
    if *told == Some((not_after, step)) {
        return;
    }
    *told = Some((not_after, step));
    if now >= not_after {
        tracing::error!(%not_after, "the certificate of the online key has ended; renew it: leasehold vendor certify");
        return;
    }
    tracing::warn!(
        %not_after,
        within.days = step,
        "the certificate of the online key ends soon; renew it: leasehold vendor certify"
    );
}

/// The smallest step of days within which it ends; 0 where it has ended.
fn step(not_after: Timestamp, now: Timestamp) -> Option<i64> {
    let left = not_after.duration_since(now);
    if left <= SignedDuration::ZERO {
        return Some(0);
    }
    WARN_AT.into_iter().rev().find(|days| left <= SignedDuration::from_hours(24 * days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_told_once() {
        let end: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let at = |hours: i64| step(end, end - SignedDuration::from_hours(hours));
        assert_eq!(at(24 * 367), None);
        assert_eq!(at(24 * 91), Some(366));
        for (hours, days) in
            [(24 * 90, 90), (24 * 31, 90), (24 * 30, 30), (24 * 8, 30), (24, 1), (1, 1), (0, 0)]
        {
            assert_eq!(at(hours), Some(days), "{hours}");
        }
        let mut told = None;
        warn(end, end - SignedDuration::from_hours(30), &mut told);
        assert_eq!(told, Some((end, 7)));
    }
}
