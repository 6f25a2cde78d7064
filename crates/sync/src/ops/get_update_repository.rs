//! `GetUpdateRepository`: who the vendor is and where its update repository is, for the service that mirrors it.

use leasehold_proto::sync::v1 as pb;

use crate::Error;
use crate::state::State;

pub(crate) async fn get_update_repository(
    state: &State,
    message: pb::GetUpdateRepositoryRequest,
) -> Result<pb::GetUpdateRepositoryResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let identity = state.identity(instance.id).await?;
    let (enrolment, bundle) = (identity.enrolment, identity.bundle);
    let bundle_sequence = bundle.as_ref().map_or(0, |bundle| bundle.sequence);
    let (address, root) =
        bundle.map(|bundle| (bundle.updates_address, bundle.updates_root)).unwrap_or_default();
    Ok(pb::GetUpdateRepositoryResponse {
        address,
        root,
        vendor_id: enrolment.vendor_id,
        license_server_id: enrolment.license_server_id.to_string(),
        vendor_root: enrolment.vendor_root.to_vec(),
        bundle_sequence,
    })
}
