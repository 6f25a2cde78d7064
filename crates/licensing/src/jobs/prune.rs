//! Forgets stored answers, activity, endings, notices and tallies whose time is over, in small steps, and counts what is there.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_runtime::telemetry;
use leasehold_store::licensing::{ForgetTallies, GrantFilter, PageQuery};
use tokio::time::{MissedTickBehavior, interval};
use tracing::field::Empty;
use tracing::{Span, debug_span};

use super::TICK_LIMIT;
use crate::Error;
use crate::state::Shared;
use crate::tallies::NOTED_EVERY;

const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// How long use and refusals are kept by the minute.
pub(crate) const REMEMBER_MINUTES: SignedDuration = SignedDuration::from_hours(48);
/// How long the reason of an ended grant is kept for its holder.
const REMEMBER_ENDED: SignedDuration = SignedDuration::from_hours(1);

/// Prunes every instance until the service stops.
pub(super) async fn run(licensing: Shared) {
    let mut ticks = interval(PRUNE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = licensing.stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = count(&licensing).await {
            crate::error::log(&error, 0);
        }
        for instance in licensing.instances() {
            if let Err(error) = prune(&licensing, instance.id).await {
                crate::error::log(&error, 0);
            }
        }
    }
}

/// Counts the grants in force, for the metrics.
async fn count(licensing: &Shared) -> Result<(), Error> {
    let (mut online, mut all) = (0, 0);
    let none = PageQuery { limit: 1, after: None, skip: 0, search: String::new() };
    for instance in licensing.instances() {
        online += licensing.store.count_online(instance.id).await?;
        all += licensing.store.grants(instance.id, &GrantFilter::default(), &none).await?.total;
    }
    licensing.metrics.grants(online, all.saturating_sub(online));
    Ok(())
}

async fn prune(licensing: &Shared, instance: InstanceId) -> Result<(), Error> {
    // A step of the clock makes nothing older.
    let clock = licensing.clock(instance);
    clock.settle(&*licensing.store, instance).await?;
    let (now, ahead) = clock.time();
    let now = now.checked_sub(ahead).unwrap_or(now);
    let before = |retention| now.checked_sub(retention).unwrap_or(Timestamp::MIN);
    let answers = before(licensing.config.request_id_retention);
    let activity = before(licensing.config.activity_retention);
    let tallies = ForgetTallies {
        minutes: before(REMEMBER_MINUTES),
        hours: activity,
        held: before(licensing.config.remember_holders.saturating_add(NOTED_EVERY)),
    };
    let store = &licensing.store;
    store.forget_notices(instance, now).await?;
    let (mut span, mut rows) = (Span::none(), 0);
    while !licensing.stopping.is_cancelled() {
        let forgotten = store.forget_answers(instance, answers, TICK_LIMIT).await?
            + store.forget_activity(instance, activity, TICK_LIMIT).await?
            + store.forget_endings(instance, before(REMEMBER_ENDED), TICK_LIMIT).await?
            + store.forget_tallies(instance, tallies, TICK_LIMIT).await?;
        if forgotten == 0 {
            break;
        }
        if rows == 0 {
            span = debug_span!("job.prune", rows = Empty);
        }
        rows += forgotten;
    }
    span.record("rows", telemetry::count(rows));
    Ok(())
}
