//! When an instance synchronises by itself next, after an attempt of whatever kind.

use leasehold_domain::InstanceId;
use leasehold_store::sync::{Change, Identity};
use rand::RngExt as _;

use super::TRIES;
use crate::state::State;
use crate::{Error, Interval, schedule};

/// Plans the next attempt after one that went well or not.
pub(crate) async fn after(state: &State, instance: InstanceId, went_well: bool) -> Result<(), Error> {
    let interval = state.config.interval;
    for _ in 0..TRIES {
        let Some(identity) = state.store.identity(instance).await? else { return Ok(()) };
        if interval == Interval::Off && identity.next_at.is_none() && identity.failures == 0 {
            return Ok(());
        }
        let failures = match interval {
            Interval::Every(_) if !went_well => identity.failures.saturating_add(1),
            _ => 0,
        };
        let jitter = state.random().random_range(-1.0..=1.0);
        let next_at = schedule::next(interval, state.now(), failures, jitter);
        let identity = Identity { next_at, failures, ..identity };
        if state.store.save(instance, &Change { identity, exchange: None, abandon: None }).await? {
            return Ok(());
        }
    }
    Err(Error::InProgress)
}
