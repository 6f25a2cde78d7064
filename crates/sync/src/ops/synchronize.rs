//! `SynchronizeNow`, and the same by the schedule: one attempt over the network.

use std::time::Duration;

use leasehold_proto::sync::v1 as pb;
use leasehold_runtime::CallContext;
use leasehold_store::sync::{Exchange, Way};

use crate::exchange::alone::{A_MOMENT, alone};
use crate::exchange::{in_force, online, plan};
use crate::instances::Instance;
use crate::state::{Shared, State};
use crate::{Error, convert, schedule};

/// Who asks where nobody does.
const SCHEDULE: &str = "schedule";

pub(crate) async fn synchronize_now(
    state: &Shared,
    call: &CallContext,
    message: pb::SynchronizeNowRequest,
) -> Result<pb::SynchronizeNowResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let (working, actor) = (state.clone(), super::actor(call));
    let id = instance.id;
    let exchange =
        alone(state, id, A_MOMENT, async move { attempt(&working, &instance, &actor).await }).await?;
    Ok(pb::SynchronizeNowResponse { exchange: Some(convert::exchange(&exchange)) })
}

/// Synchronises if it is still time for it when nobody else is at it; whether it was.
pub(crate) async fn by_schedule(state: &Shared, instance: Instance) -> Result<bool, Error> {
    let (working, id) = (state.clone(), instance.id);
    let work = async move {
        let identity = working.identity(instance.id).await?;
        if !schedule::is_due(working.config.interval, working.now(), identity.next_at) {
            // Another replica was faster.
            return Ok(false);
        }
        attempt(&working, &instance, SCHEDULE).await.map(|_| true)
    };
    alone(state, id, Duration::ZERO, work).await
}

/// Puts what stands at that in force, if anything does.
pub(crate) async fn resume(state: &Shared, instance: Instance) -> Result<(), Error> {
    let (working, id) = (state.clone(), instance.id);
    alone(state, id, Duration::ZERO, async move { in_force::resume(&working, &instance).await.map(drop) })
        .await
}

async fn attempt(state: &State, instance: &Instance, actor: &str) -> Result<Exchange, Error> {
    let came = online::attempt(state, instance, actor).await;
    state.metrics.attempt(Way::Online, came.as_ref().err().map(Error::reason));
    // Nothing to plan for before there is a vendor, and nothing to say when the store has failed twice.
    let planned = plan::after(state, instance.id, came.is_ok()).await;
    let exchange = came?;
    planned?;
    Ok(exchange)
}
