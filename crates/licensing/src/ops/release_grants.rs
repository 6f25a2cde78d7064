//! `Release`: returns grants for their holders.

use leasehold_domain::Rejection;
use leasehold_proto::convert::grant_ref::read_grant_refs;
use leasehold_proto::convert::lease;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;

use crate::Error;
use crate::allocator::{Done, Work};
use crate::state::State;

pub(crate) async fn release_grants(
    state: &State,
    call: &CallContext,
    message: pb::ReleaseRequest,
) -> Result<pb::ReleaseResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let grants = read_grant_refs("grants", &message.grants).map_err(Rejection::from)?;
    let work = Work::Release { grants };
    let Done::Released(released) = state.allocator(instance).submit(work, call.deadline).await? else {
        return Err(Error::Defect("a release was answered with something else".to_owned()));
    };
    let results = message.grants.into_iter().zip(released).map(|(shown, released)| match released {
        Ok(()) => lease::released(shown.grant_id),
        Err(lost) => lease::lost(shown.grant_id, lost),
    });
    Ok(pb::ReleaseResponse {
        server_time: Some(timestamp(state.clock(instance).now())),
        results: results.collect(),
    })
}
