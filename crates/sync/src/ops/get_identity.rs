//! `GetIdentity`: who an instance is to its vendor, and how its synchronisation stands.

use jiff::Timestamp;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1 as pb;
use leasehold_store::sync::{Identity, Pending};

use crate::instances::Instance;
use crate::state::State;
use crate::{Error, Interval, convert, keys};

pub(crate) async fn get_identity(
    state: &State,
    message: pb::GetIdentityRequest,
) -> Result<pb::GetIdentityResponse, Error> {
    let instance = state.instance(&message.instance).await?;
    let hostids = state.config.hostids.iter().map(Into::into).collect();
    let Some(identity) = state.store.identity(instance.id).await? else {
        let status = pb::SyncStatus::Unenrolled.into();
        return Ok(pb::GetIdentityResponse { status, hostids, ..pb::GetIdentityResponse::default() });
    };
    let pending = state.store.pending(instance.id).await?;
    let found = describe(state, &instance, &identity, pending)?;
    Ok(pb::GetIdentityResponse { hostids, ..found })
}

fn describe(
    state: &State,
    instance: &Instance,
    identity: &Identity,
    pending: Pending,
) -> Result<pb::GetIdentityResponse, Error> {
    let key = keys::id(instance.id, &identity.keys)?;
    let bundle = identity.bundle.as_ref();
    let next_at = identity.next_at.filter(|_| state.config.interval != Interval::Off);
    Ok(pb::GetIdentityResponse {
        status: status(bundle.map(|bundle| bundle.synchronize_before), state.now()).into(),
        enrolment: Some(convert::enrolment(&identity.enrolment)),
        signing_key_id: key.to_string(),
        fingerprint: key.fingerprint().to_string(),
        recipient: identity.keys.recipient.clone(),
        hostids: Vec::new(),
        bundle_sequence: bundle.map_or(0, |bundle| bundle.sequence),
        synchronized_at: bundle.map(|bundle| timestamp(bundle.synchronized_at)),
        synchronize_before: bundle.map(|bundle| timestamp(bundle.synchronize_before)),
        next_at: next_at.map(timestamp),
        outstanding: i32::try_from(pending.files).unwrap_or(i32::MAX),
        notices: bundle.map(|bundle| bundle.notices.clone()).unwrap_or_default(),
    })
}

fn status(deadline: Option<Timestamp>, now: Timestamp) -> pb::SyncStatus {
    match deadline {
        None => pb::SyncStatus::NeverSynchronized,
        Some(deadline) if now < deadline => pb::SyncStatus::Synchronized,
        Some(_) => pb::SyncStatus::Overdue,
    }
}
