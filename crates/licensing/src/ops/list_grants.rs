//! `ListGrants`: what is out, oldest first.

use leasehold_domain::{FeatureName, Rejection};
use leasehold_proto::convert::hostid::read_hostid;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::GrantFilter;

use super::device::Describe;
use super::page;
use crate::Error;
use crate::state::State;

pub(crate) async fn list_grants(
    state: &State,
    message: pb::ListGrantsRequest,
) -> Result<pb::ListGrantsResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let feature = match message.feature.as_str() {
        "" => None,
        name => Some(FeatureName::new(name).map_err(|error| Error::field("feature", error.to_string()))?),
    };
    let device = match &message.hostid {
        None => None,
        hostid => Some(read_hostid("hostid", hostid.as_ref()).map_err(Rejection::from)?),
    };
    let query = page::query(page::List::Grants, message.page)?;
    let page = state.store.grants(instance, &GrantFilter { feature, device }, &query).await?;
    let describe = Describe::load(state, instance).await?;
    Ok(pb::ListGrantsResponse {
        grants: page.rows.iter().map(|grant| describe.grant(grant)).collect(),
        page: Some(page::info(page::List::Grants, &page)),
    })
}
