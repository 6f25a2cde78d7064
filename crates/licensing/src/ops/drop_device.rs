//! `DropDevice`: an administrator ends everything that a device holds and forgets it.

use leasehold_domain::{GrantId, Rejection};
use leasehold_proto::convert::hostid::read_hostid;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use leasehold_store::licensing::{GrantFilter, PageQuery};

use super::device::{Describe, find};
use super::drop_grant::{drop_grants, read_reason};
use crate::Error;
use crate::state::State;

/// Grants ended in one transaction; a device with more is dropped in several.
const MAX_GRANTS: u32 = 1_000;

pub(crate) async fn drop_device(
    state: &State,
    call: &CallContext,
    message: pb::DropDeviceRequest,
) -> Result<pb::DropDeviceResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let hostid = read_hostid("hostid", message.hostid.as_ref()).map_err(Rejection::from)?;
    let reason = read_reason(&message.reason)?;
    find(state, instance, &hostid).await?;
    let describe = Describe::load(state, instance).await?;
    let filter = GrantFilter { feature: None, device: Some(hostid.clone()) };
    let first = PageQuery { limit: MAX_GRANTS, after: None, skip: 0, search: String::new() };
    let mut response = pb::DropDeviceResponse::default();
    loop {
        let page = state.store.grants(instance, &filter, &first).await?;
        let ids: Vec<GrantId> = page.rows.iter().map(|grant| grant.id).collect();
        let dropped = drop_grants(state, call, instance, ids, Some(hostid.clone()), reason.clone()).await?;
        response.grants.extend(dropped.iter().map(|grant| describe.grant(grant)));
        if page.next.is_none() {
            return Ok(response);
        }
    }
}
