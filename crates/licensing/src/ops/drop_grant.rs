//! `DropGrant`: an administrator ends a grant without its holder.

use leasehold_domain::{Grant, GrantId, HostId, InstanceId};
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use uuid::Uuid;

use super::device::Describe;
use crate::Error;
use crate::allocator::{Done, Work};
use crate::state::State;

pub(crate) async fn drop_grant(
    state: &State,
    call: &CallContext,
    message: pb::DropGrantRequest,
) -> Result<pb::DropGrantResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let id = Uuid::parse_str(&message.grant_id)
        .map_err(|_| Error::field("grant_id", "give a grant's UUID, as the list of grants shows it"))?;
    let reason = read_reason(&message.reason)?;
    let dropped = drop_grants(state, call, instance, vec![GrantId(id)], None, reason).await?;
    let Some(grant) = dropped.first() else {
        return Err(Error::NotFound { what: "grant", name: message.grant_id });
    };
    let grant = Describe::load(state, instance).await?.grant(grant);
    Ok(pb::DropGrantResponse { grant: Some(grant) })
}

/// Why an administrator does it, for the activity log.
pub(crate) fn read_reason(text: &str) -> Result<String, Error> {
    leasehold_domain::text::check_optional(text, 255)
        .map_err(|error| Error::field("reason", error.to_string()))?;
    Ok(text.to_owned())
}

/// Ends grants in one transaction, where the policy lets administrators do so.
pub(crate) async fn drop_grants(
    state: &State,
    call: &CallContext,
    instance: InstanceId,
    grants: Vec<GrantId>,
    device: Option<HostId>,
    reason: String,
) -> Result<Vec<Grant>, Error> {
    if !state.policies().allow_device_drop {
        return Err(Error::DropNotAllowed);
    }
    let work = Work::Drop { grants, device, reason, actor: actor(call) };
    match state.allocator(instance).submit(work, call.deadline).await? {
        Done::Dropped(dropped) => Ok(dropped),
        other => Err(Error::Defect(format!("a drop was answered with {other:?}"))),
    }
}

/// Who an administrative call is from, for the activity log.
pub(crate) fn actor(call: &CallContext) -> String {
    call.actor().unwrap_or("administrator").to_owned()
}
