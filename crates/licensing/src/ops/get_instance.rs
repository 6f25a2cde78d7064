//! `GetInstance`: which logical server this is and how it stands.

use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;

use crate::Error;
use crate::state::State;

pub(crate) async fn get_instance(
    state: &State,
    message: pb::GetInstanceRequest,
) -> Result<pb::GetInstanceResponse, Error> {
    let instance = state.instance(&message.instance)?;
    let restored = state.store.is_restored(instance.id).await?;
    let status = if restored { pb::InstanceStatus::Restored } else { pb::InstanceStatus::Running };
    Ok(pb::GetInstanceResponse {
        instance_id: instance.id.to_string(),
        name: instance.name.clone(),
        status: status.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostid: None,
        detected_hostids: Vec::new(),
        device_uuid: String::new(),
        server_time: Some(timestamp(state.clock(instance.id).now())),
    })
}
