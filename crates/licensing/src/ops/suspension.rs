//! `SuspendInstance` and `ResumeInstance`: nothing new is given out until the instance is resumed. What holds meanwhile is
//! `domain`'s. Reference: `docs/reference/licensing.md`, "Suspended".

use leasehold_domain::{ActivityKind, Changes, text};
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use leasehold_store::licensing::{Instance, Suspension};

use super::drop_grant::actor;
use super::record::record;
use crate::Error;
use crate::state::State;

/// Longest text for clients, in bytes.
const MAX_TEXT: usize = 1_000;

/// Suspends the instance, or changes the text of a suspension. The same once more changes nothing.
pub(crate) async fn suspend(
    state: &State,
    call: &CallContext,
    message: pb::SuspendInstanceRequest,
) -> Result<pb::SuspendInstanceResponse, Error> {
    text::check_optional(&message.text, MAX_TEXT).map_err(|error| Error::field("text", error.to_string()))?;
    let instance = state.instance(&message.instance)?;
    let changed = set(state, instance, Some(message.text), &actor(call)).await?;
    Ok(pb::SuspendInstanceResponse { changed })
}

/// Resumes the instance; one that is not suspended stays as it is.
pub(crate) async fn resume(
    state: &State,
    call: &CallContext,
    message: pb::ResumeInstanceRequest,
) -> Result<pb::ResumeInstanceResponse, Error> {
    let instance = state.instance(&message.instance)?;
    let changed = set(state, instance, None, &actor(call)).await?;
    Ok(pb::ResumeInstanceResponse { changed })
}

/// Suspends with this text or resumes, with a record of it; says whether that changed anything.
async fn set(state: &State, instance: &Instance, text: Option<String>, actor: &str) -> Result<bool, Error> {
    let clock = state.clock(instance.id);
    let mut batch = state.store.begin(instance.id).await?;
    let moment = clock.of_batch(&mut *batch, state.own_clock.monotonic()).await?;
    let now = moment.now;
    let before = batch.standing().await?.suspension;
    let is_suspended = text.is_some();
    if before.as_ref().map(|one| &one.text) == text.as_ref() {
        state.metrics.suspended(&instance.name, is_suspended);
        return Ok(false);
    }
    let detail = match text.as_deref() {
        None => "resumed".to_owned(),
        Some("") => "suspended".to_owned(),
        Some(text) => format!("suspended: {text}"),
    };
    // With another text it is the same suspension.
    let since = before.map_or(now, |one| one.since);
    let suspension = text.map(|text| Suspension { text, since, actor: actor.to_owned() });
    batch.set_suspension(suspension.as_ref()).await?;
    let activity = vec![record(state, now, ActivityKind::InstanceChanged, &detail, actor)];
    batch.commit(&Changes { activity, ..Changes::default() }, &[], now).await?;
    clock.committed(moment);
    state.metrics.suspended(&instance.name, is_suspended);
    tracing::info!(
        instance.name,
        suspended = is_suspended,
        "an administrator suspended or resumed the instance"
    );
    Ok(true)
}
