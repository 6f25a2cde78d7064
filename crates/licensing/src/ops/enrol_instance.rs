//! `EnrolInstance`: makes an instance one of a vendor's licence servers, and pins the vendor's root.
//!
//! Doing it again with the same facts changes nothing. Others take their place only while the instance has never had a
//! bundle: what a vendor granted stays that vendor's.

use leasehold_domain::{ActivityKind, Changes, Rejection};
use leasehold_proto::licensing::v1 as pb;
use leasehold_signing::{VendorId, VerifyingKey};
use leasehold_store::licensing::Enrolment;
use uuid::Uuid;

use super::record::record;
use crate::Error;
use crate::state::State;

pub(crate) async fn enrol_instance(
    state: &State,
    message: &pb::EnrolInstanceRequest,
    actor: &str,
) -> Result<pb::EnrolInstanceResponse, Error> {
    let instance = state.instance(&message.instance)?;
    let enrolment = read(message)?;
    let clock = state.clock(instance.id);
    let mut batch = state.store.begin(instance.id).await?;
    let moment = clock.of_batch(&mut *batch, state.own_clock.monotonic()).await?;
    let standing = batch.standing().await?;
    if standing.enrolment.as_ref() == Some(&enrolment) {
        return Ok(pb::EnrolInstanceResponse {});
    }
    if let (Some(known), Some(_)) = (standing.enrolment, standing.bundle) {
        let (vendor, server) = (known.vendor_id, known.license_server_id);
        return Err(Error::AlreadyEnrolled { vendor, server });
    }
    batch.set_enrolment(&enrolment).await?;
    let Enrolment { vendor_id, license_server_id, .. } = &enrolment;
    let detail = format!("enrolled with {vendor_id} as {license_server_id}");
    let activity = vec![record(state, moment.now, ActivityKind::InstanceChanged, &detail, actor)];
    batch.commit(&Changes { activity, ..Changes::default() }, &[], moment.now).await?;
    clock.committed(moment);
    tracing::info!(instance.name, vendor_id, license_server_id = %license_server_id, "the instance was enrolled");
    Ok(pb::EnrolInstanceResponse {})
}

fn read(message: &pb::EnrolInstanceRequest) -> Result<Enrolment, Rejection> {
    let wrong = |field: &str, problem: String| Rejection::Field { field: field.to_owned(), problem };
    let vendor = VendorId::new(&message.vendor_id).map_err(|error| wrong("vendor_id", error.to_string()))?;
    let license_server_id = Uuid::parse_str(&message.license_server_id).map_err(|_| {
        wrong("license_server_id", "give the UUID that the vendor gave the server".to_owned())
    })?;
    let root =
        VerifyingKey::from_slice(&message.root_key).map_err(|error| wrong("root_key", error.to_string()))?;
    let vendor_id = vendor.as_str().to_owned();
    Ok(Enrolment { vendor_id, license_server_id, root_key: *root.as_bytes() })
}
