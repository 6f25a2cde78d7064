//! `Enrol`: makes an instance one of a vendor's, with keys of its own, and has the vendor's root pinned.

use leasehold_domain::InstanceId;
use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::SyncStep;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_store::sync::{Change, Enrolment, Identity, Keys};

use crate::error::Failed;
use crate::exchange::alone::{A_MOMENT, alone};
use crate::exchange::{TRIES, in_force};
use crate::instances::Instance;
use crate::state::{Shared, State};
use crate::{Error, convert, keys};

pub(crate) async fn enrol(state: &Shared, message: pb::EnrolRequest) -> Result<pb::EnrolResponse, Error> {
    let enrolment = convert::read_enrolment(message.enrolment)?;
    let instance = state.instance(&message.instance).await?;
    let work = {
        let (state, instance) = (state.clone(), instance.clone());
        async move { enrolled(&state, &instance, enrolment).await }
    };
    let (own, was_enrolled) = alone(state, instance.id, A_MOMENT, work).await?;
    let key = keys::id(instance.id, &own)?;
    let (signing_key_id, fingerprint) = (key.to_string(), key.fingerprint().to_string());
    if !was_enrolled {
        tracing::info!(instance.name, fingerprint, "the instance is enrolled");
    }
    Ok(pb::EnrolResponse { signing_key_id, fingerprint, was_enrolled })
}

/// The instance's keys, and whether nothing had to be changed.
async fn enrolled(state: &State, instance: &Instance, enrolment: Enrolment) -> Result<(Keys, bool), Error> {
    // What is being put in force belongs to the enrolment that stands.
    in_force::resume(state, instance).await?;
    if let Some(identity) = state.store.identity(instance.id).await? {
        may_become(&identity, &enrolment)?;
    }
    // Licensing before the own store: it may know of a bundle that this store has lost. What fails in between is done
    // again with the same file.
    state.licensing.enrol(instance.id, &enrolment).await?;
    for _ in 0..TRIES {
        let before = state.store.identity(instance.id).await?;
        if let Some(identity) = &before {
            may_become(identity, &enrolment)?;
            if identity.enrolment == enrolment {
                return Ok((identity.keys.clone(), true));
            }
        }
        let change = become_one(state, instance.id, before, enrolment.clone())?;
        let own = change.identity.keys.clone();
        if state.store.save(instance.id, &change).await? {
            return Ok((own, false));
        }
    }
    Err(Error::InProgress)
}

/// Once there was a bundle, the vendor, the id and the root stay. How the vendor is reached may change.
fn may_become(identity: &Identity, enrolment: &Enrolment) -> Result<(), Error> {
    let stands = &identity.enrolment;
    if identity.bundle.is_none()
        || (is_same(stands, enrolment) && stands.vendor_root == enrolment.vendor_root)
    {
        return Ok(());
    }
    Err(Error::AlreadyEnrolled(format!(
        "the instance belongs to the vendor {:?} under the id {}, and has had rights under it; use an instance with a \
         data directory or database of its own for another",
        stands.vendor_id, stands.license_server_id
    )))
}

fn is_same(one: &Enrolment, other: &Enrolment) -> bool {
    (one.license_server_id, &one.vendor_id) == (other.license_server_id, &other.vendor_id)
}

/// The instance as it is enrolled. Under the same id it keeps its keys, since the vendor may have bound them already;
/// under another it gets fresh ones, and nobody waits for answers to what was asked with the old ones.
fn become_one(
    state: &State,
    instance: InstanceId,
    before: Option<Identity>,
    enrolment: Enrolment,
) -> Result<Change, Error> {
    let Some(before) = before else {
        let identity = Identity {
            revision: 0,
            enrolment,
            keys: keys::make(state, instance)?,
            next_number: 1,
            bundle: None,
            warned: None,
            next_at: None,
            failures: 0,
        };
        return Ok(Change { identity, exchange: None, abandon: None });
    };
    if is_same(&before.enrolment, &enrolment) {
        let identity = Identity { enrolment, next_at: None, failures: 0, ..before };
        return Ok(Change { identity, exchange: None, abandon: None });
    }
    let message = "the instance was enrolled under another id before the response came; make a new request";
    let abandoned = Failed::new(SyncStep::Exchange, ErrorReason::Foreign, message);
    let identity =
        Identity { enrolment, keys: keys::make(state, instance)?, next_at: None, failures: 0, ..before };
    Ok(Change { identity, exchange: None, abandon: Some((convert::failure(&abandoned), state.now())) })
}
