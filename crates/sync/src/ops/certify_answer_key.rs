//! `CertifyAnswerKey`: the instance's key vouches for a service's, for some days.

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1 as pb;
use leasehold_runtime::{CallContext, Caller};
use leasehold_signing::{
    Certificate, Envelope, Expected, Role, Serial, ServiceName, Subject, Validity, VendorId, VerifyingKey,
    verify_chain,
};
use leasehold_store::sync::{Bundle, Identity};

use crate::state::State;
use crate::{Error, keys};

/// The services whose keys are certified.
const SERVICES: [&str; 2] = ["licensing", "updates"];
/// Clocks of clients that are slow take its answers too.
const BEFORE: SignedDuration = SignedDuration::from_hours(2 * 24);
const AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

const NEVER: &str = "the vendor has not certified the key of this server yet; synchronise first: `leasehold sync now`, \
                     or by files";
const ENDED: &str = "what the vendor certified the key of this server with has ended; synchronise: `leasehold sync now`, \
                     or by files";

pub(crate) async fn certify_answer_key(
    state: &State,
    call: &CallContext,
    message: pb::CertifyAnswerKeyRequest,
) -> Result<pb::CertifyAnswerKeyResponse, Error> {
    if !SERVICES.contains(&message.service.as_str()) {
        return Err(Error::field("service", format!("give one of {}", SERVICES.join(", "))));
    }
    may_ask(&call.caller, &message.service)?;
    let key =
        VerifyingKey::from_slice(&message.key).map_err(|error| Error::field("key", error.to_string()))?;
    let instance = state.instance(&message.instance).await?.id;
    let identity = state.store.identity(instance).await?.ok_or(Error::NotSynchronized(NEVER))?;
    let bundle = identity.bundle.as_ref().ok_or(Error::NotSynchronized(NEVER))?;
    let (chain, validity) = certified(&identity, bundle, state.now())?;
    let certificate = certificate(state, &identity, &message.service, key, validity)?;
    let signed = certificate.issue(&keys::signing_key(state, instance, &identity.keys)?);
    let signed = signed.map_err(|error| Error::Defect(format!("a certificate cannot be signed: {error}")))?;
    Ok(pb::CertifyAnswerKeyResponse {
        certificates: chain.iter().chain([&signed]).map(Envelope::to_protobuf).collect(),
        not_after: Some(timestamp(validity.not_after())),
    })
}

/// A service speaks for itself alone.
fn may_ask(caller: &Caller, service: &str) -> Result<(), Error> {
    match caller {
        Caller::Local => Ok(()),
        Caller::Service { names } if names.iter().any(|name| name == service) => Ok(()),
        other => Err(Error::NotForCaller { caller: other.to_string(), service: service.to_owned() }),
    }
}

/// The chain to the instance's key, and how long a certificate that is made now is good: not longer than the chain.
fn certified(
    identity: &Identity,
    bundle: &Bundle,
    now: Timestamp,
) -> Result<([Envelope; 2], Validity), Error> {
    let damaged = |what: &str| Error::Defect(format!("a kept certificate cannot be used: {what}"));
    let read = |bytes: &[u8]| Envelope::from_protobuf(bytes).map_err(|error| damaged(&error.to_string()));
    let chain = [read(&bundle.online_certificate)?, read(&bundle.instance_certificate)?];
    let root = VerifyingKey::from_slice(&identity.enrolment.vendor_root)
        .map_err(|error| damaged(&error.to_string()))?;
    let verified = verify_chain(&root, &chain, now, &Expected::any(Role::Instance))
        .map_err(|_| Error::NotSynchronized(ENDED))?;
    let not_before = now.checked_sub(BEFORE).unwrap_or(Timestamp::MIN);
    let not_after = now.saturating_add(AFTER).unwrap_or(Timestamp::MAX).min(verified.validity().not_after());
    let validity = Validity::new(not_before, not_after).ok_or(Error::NotSynchronized(ENDED))?;
    Ok((chain, validity))
}

fn certificate(
    state: &State,
    identity: &Identity,
    service: &str,
    key: VerifyingKey,
    validity: Validity,
) -> Result<Certificate, Error> {
    let defect = |error: leasehold_signing::NameError| Error::Defect(error.to_string());
    let subject = Subject::Answer {
        vendor: VendorId::new(&identity.enrolment.vendor_id).map_err(defect)?,
        // To the vendor and its clients the server is what the vendor calls it.
        instance: InstanceId(identity.enrolment.license_server_id),
        service: ServiceName::new(service).map_err(defect)?,
    };
    Ok(Certificate { subject, key, validity, serial: Serial::generate(&mut *state.random()) })
}
