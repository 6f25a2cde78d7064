//! `GetInstance`: which logical server this is and how it stands.

use jiff::Timestamp;
use leasehold_domain::leave::Unsynchronized;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::licensing::v1 as pb;
use leasehold_store::licensing::Standing;

use crate::Error;
use crate::answer_keys::look_for_one;
use crate::state::State;

pub(crate) async fn get_instance(
    state: &State,
    message: pb::GetInstanceRequest,
) -> Result<pb::GetInstanceResponse, Error> {
    let instance = state.instance(&message.instance)?;
    let standing = state.store.standing(instance.id).await?;
    let now = state.clock(instance.id).now();
    look_for_one(state, instance.id).await;
    let certified = state.keyring(instance.id).good_at(now).is_some();
    let status = status(&standing, certified, now);
    let (vendor_id, license_server_id) = standing
        .enrolment
        .map(|enrolment| (enrolment.vendor_id, enrolment.license_server_id.to_string()))
        .unwrap_or_default();
    Ok(pb::GetInstanceResponse {
        instance_id: instance.id.to_string(),
        name: instance.name.clone(),
        status: status.into(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        hostid: None,
        detected_hostids: Vec::new(),
        device_uuid: String::new(),
        server_time: Some(timestamp(now)),
        vendor_id,
        license_server_id,
        bundle_sequence: standing.bundle.map_or(0, |bundle| bundle.sequence),
        synchronize_before: standing.bundle.map(|bundle| timestamp(bundle.synchronize_before)),
        suspension: standing.suspension.map(|suspension| pb::Suspension {
            text: suspension.text,
            since: Some(timestamp(suspension.since)),
            actor: suspension.actor,
        }),
    })
}

/// What an administrator has to do something about comes first.
fn status(standing: &Standing, certified: bool, now: Timestamp) -> pb::InstanceStatus {
    let leave = standing.bundle.map(|bundle| bundle.leave());
    match standing {
        Standing { restored: true, .. } => pb::InstanceStatus::Restored,
        Standing { enrolment: None, .. } => pb::InstanceStatus::Unenrolled,
        _ if Unsynchronized::of(leave, certified, now).is_some() => pb::InstanceStatus::Unsynchronized,
        Standing { suspension: Some(_), .. } => pb::InstanceStatus::Suspended,
        _ => pb::InstanceStatus::Running,
    }
}
