//! `SetDeviceBlocked`: an administrator blocks a device or lifts the block.

use leasehold_domain::Rejection;
use leasehold_proto::convert::hostid::read_hostid;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;

use super::device::{find, to_message};
use super::drop_grant::actor;
use crate::Error;
use crate::allocator::Work;
use crate::state::State;

pub(crate) async fn set_device_blocked(
    state: &State,
    call: &CallContext,
    message: pb::SetDeviceBlockedRequest,
) -> Result<pb::SetDeviceBlockedResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let hostid = read_hostid("hostid", message.hostid.as_ref()).map_err(Rejection::from)?;
    find(state, instance, &hostid).await?;
    let work = Work::Block { device: hostid.clone(), blocked: message.blocked, actor: actor(call) };
    state.allocator(instance).submit(work, call.deadline).await?;
    let row = find(state, instance, &hostid).await?;
    Ok(pb::SetDeviceBlockedResponse { device: Some(to_message(&row)) })
}
