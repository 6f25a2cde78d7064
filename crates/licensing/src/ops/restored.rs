//! The mark of an instance that was restored from a backup: set by a start that says so, taken away by an
//! administrator who confirms it. Not responsible for what holds meanwhile; that is `domain`'s.
//! Reference: `docs/reference/licensing.md`, "Restored from a backup".

use leasehold_domain::{ActivityKind, Changes, InstanceId};
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;

use super::drop_grant::actor;
use super::record::record;
use crate::Error;
use crate::state::State;

/// Marks every instance. They stay marked, whoever serves them, until each is confirmed.
pub(crate) async fn mark_all(state: &State) -> Result<(), Error> {
    for instance in state.instances() {
        set(state, instance.id, true, "started from a backup", "server").await?;
    }
    Ok(())
}

/// Tells whoever reads the log or the metrics which instances are marked.
pub(crate) async fn warn_of_marked(state: &State) -> Result<(), Error> {
    for instance in state.instances() {
        let restored = state.store.standing(instance.id).await?.restored;
        state.metrics.restored(instance.id, restored);
        if restored {
            tracing::warn!(
                instance.name,
                "restored from a backup: silent grants are not taken back and nothing is borrowed until an \
                 administrator confirms it with `leasehold instance confirm-restored`"
            );
        }
    }
    Ok(())
}

/// `ConfirmRestored`: takes the mark away; without one nothing happens.
pub(crate) async fn confirm(
    state: &State,
    call: &CallContext,
    message: pb::ConfirmRestoredRequest,
) -> Result<pb::ConfirmRestoredResponse, Error> {
    let instance = state.instance(&message.instance)?;
    let was_restored =
        set(state, instance.id, false, "confirmed after a start from a backup", &actor(call)).await?;
    if was_restored {
        tracing::info!(instance.name, "the restored instance was confirmed");
    }
    Ok(pb::ConfirmRestoredResponse { was_restored })
}

/// Sets the mark or takes it away, with a record of it; says whether that changed anything.
async fn set(
    state: &State,
    instance: InstanceId,
    restored: bool,
    detail: &str,
    actor: &str,
) -> Result<bool, Error> {
    let clock = state.clock(instance);
    let mut batch = state.store.begin(instance).await?;
    let moment = clock.of_batch(&mut *batch, state.own_clock.monotonic()).await?;
    if !batch.set_restored(restored).await? {
        state.metrics.restored(instance, restored);
        return Ok(false);
    }
    let now = moment.now;
    let activity = record(state, now, ActivityKind::InstanceChanged, detail, actor);
    batch.commit(&Changes { activity: vec![activity], ..Changes::default() }, &[], now).await?;
    clock.committed(moment);
    state.metrics.restored(instance, restored);
    Ok(true)
}
