//! `GetInstance`: which logical server this is and how it stands.

use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;

use crate::Error;
use crate::state::State;

pub(crate) fn get_instance(
    state: &State,
    message: &pb::GetInstanceRequest,
) -> Result<pb::GetInstanceResponse, Error> {
    let instance = state.instance(&message.instance)?;
    Ok(pb::GetInstanceResponse {
        instance_id: instance.id.to_string(),
        name: instance.name.clone(),
        status: pb::InstanceStatus::Running.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostid: None,
        detected_hostids: Vec::new(),
        device_uuid: String::new(),
        server_time: Some(timestamp(state.clock(instance.id).now())),
    })
}
