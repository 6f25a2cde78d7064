//! What became of an exchange that did not come to its end.

use leasehold_domain::InstanceId;
use leasehold_store::sync::{Change, Exchange, ExchangeState};

use super::TRIES;
use super::accept::Traffic;
use crate::error::Failed;
use crate::state::State;
use crate::{Error, convert};

/// Ends an exchange that will never come to anything.
pub(crate) async fn fail(
    state: &State,
    instance: InstanceId,
    number: u64,
    failed: &Failed,
    traffic: Traffic,
) -> Result<(), Error> {
    let now = state.now();
    change(state, instance, number, |exchange| Exchange {
        state: ExchangeState::Failed,
        request: Vec::new(),
        response: Vec::new(),
        ended_at: Some(now),
        failure: Some(convert::failure(failed)),
        sent_bytes: exchange.sent_bytes + traffic.sent,
        received_bytes: exchange.received_bytes + traffic.received,
        ..exchange
    })
    .await
}

/// Notes why an attempt failed that is repeated.
pub(crate) async fn note(
    state: &State,
    instance: InstanceId,
    number: u64,
    failed: &Failed,
    traffic: Traffic,
) -> Result<(), Error> {
    change(state, instance, number, |exchange| Exchange {
        failure: Some(convert::failure(failed)),
        sent_bytes: exchange.sent_bytes + traffic.sent,
        ..exchange
    })
    .await
}

/// Changes an exchange that has not ended; one that has stays as it is.
async fn change(
    state: &State,
    instance: InstanceId,
    number: u64,
    changed: impl Fn(Exchange) -> Exchange,
) -> Result<(), Error> {
    for _ in 0..TRIES {
        let identity = state.identity(instance).await?;
        let Some(exchange) = state.store.exchange(instance, number).await? else { return Ok(()) };
        if matches!(exchange.state, ExchangeState::Done | ExchangeState::Failed) {
            return Ok(());
        }
        let changed = changed(exchange.clone());
        if changed == exchange {
            return Ok(());
        }
        if state.store.save(instance, &Change { identity, exchange: Some(changed), abandon: None }).await? {
            return Ok(());
        }
    }
    Err(Error::InProgress)
}
