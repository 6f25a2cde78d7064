//! Requests: numbered, signed, and saved before they can leave. Not responsible for sending them.

use leasehold_domain::InstanceId;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1::{Signed, SyncRequest, SyncStep};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_signing::{Envelope, PayloadType};
use leasehold_store::sync::{Change, Exchange, ExchangeState, Identity, Nonce, Way};
use prost::Message as _;
use rand::Rng as _;

use super::accept::Traffic;
use super::{TRIES, record};
use crate::error::Failed;
use crate::state::State;
use crate::{Error, keys};

/// The online request that is outstanding, else a new one: its number, and what is sent. The same bytes each time, so
/// that the vendor sees the same request.
pub(crate) async fn online(
    state: &State,
    instance: InstanceId,
    actor: &str,
) -> Result<(u64, Vec<u8>), Error> {
    if let Some(exchange) = outstanding(state, instance).await? {
        if follows(&exchange.request, &state.identity(instance).await?) {
            return Ok((exchange.number, exchange.request));
        }
        let message =
            "a bundle came by file before the vendor answered this request; the next attempt makes another";
        let overtaken = Failed::new(SyncStep::Exchange, ErrorReason::NotOutstanding, message);
        record::fail(state, instance, exchange.number, &overtaken, Traffic::default()).await?;
    }
    make(state, instance, Way::Online, actor, |_, envelope| {
        let signed = Signed { envelope: envelope.to_protobuf(), certificates: Vec::new() };
        Ok(signed.encode_to_vec())
    })
    .await
}

async fn outstanding(state: &State, instance: InstanceId) -> Result<Option<Exchange>, Error> {
    let Some(number) = state.store.pending(instance).await?.online else { return Ok(None) };
    let found = state.store.exchange(instance, number).await?;
    Ok(found.filter(|exchange| exchange.state == ExchangeState::Requested))
}

/// Whether a request names what is in force now. To a vendor that has seen a later one it would look like a copy's.
fn follows(request: &[u8], identity: &Identity) -> bool {
    let signed = Signed::decode(request).ok().and_then(|it| Envelope::from_protobuf(&it.envelope).ok());
    let request = signed.and_then(|signed| SyncRequest::decode(signed.unverified_payload()).ok());
    let in_force = identity.bundle.as_ref().map_or(&[] as &[u8], |bundle| &bundle.digest);
    request.is_some_and(|request| request.previous == in_force)
}

/// A new request: its number, and what leaves for the vendor, as `pack` makes it.
pub(crate) async fn make(
    state: &State,
    instance: InstanceId,
    way: Way,
    actor: &str,
    pack: impl Fn(&Identity, &Envelope) -> Result<Vec<u8>, Error>,
) -> Result<(u64, Vec<u8>), Error> {
    for _ in 0..TRIES {
        let mut identity = state.identity(instance).await?;
        let (number, nonce) = (identity.next_number, nonce(state));
        let envelope = sign(state, instance, &identity, nonce)?;
        let packed = pack(&identity, &envelope)?;
        // A file has left when it is made.
        let (request, sent) = match way {
            Way::Online => (packed.clone(), 0),
            Way::File => (Vec::new(), packed.len() as u64),
        };
        let exchange = Exchange {
            number,
            way,
            state: ExchangeState::Requested,
            nonce,
            request,
            response: Vec::new(),
            started_at: state.now(),
            ended_at: None,
            sent_bytes: sent,
            received_bytes: 0,
            bundle_sequence: 0,
            changes: Vec::new(),
            synchronize_before: None,
            failure: None,
            actor: actor.to_owned(),
        };
        identity.next_number += 1;
        let change = Change { identity, exchange: Some(exchange), abandon: None };
        if state.store.save(instance, &change).await? {
            return Ok((number, packed));
        }
    }
    Err(Error::InProgress)
}

fn nonce(state: &State) -> Nonce {
    let mut nonce = [0; 32];
    state.random().fill_bytes(&mut nonce);
    nonce
}

fn sign(state: &State, instance: InstanceId, identity: &Identity, nonce: Nonce) -> Result<Envelope, Error> {
    let bundle = identity.bundle.as_ref();
    let request = SyncRequest {
        license_server_id: identity.enrolment.license_server_id.to_string(),
        vendor_id: identity.enrolment.vendor_id.clone(),
        number: identity.next_number,
        previous: bundle.map(|bundle| bundle.digest.to_vec()).unwrap_or_default(),
        bundle_sequence: bundle.map_or(0, |bundle| bundle.sequence),
        signing_key: identity.keys.public_key.to_vec(),
        recipient: identity.keys.recipient.clone(),
        hostids: state.config.hostids.iter().map(Into::into).collect(),
        software_version: state.config.software_version.clone(),
        nonce: nonce.to_vec(),
        made_at: Some(timestamp(state.now())),
    };
    let key = keys::signing_key(state, instance, &identity.keys)?;
    Envelope::sign(PayloadType::SyncRequest, request.encode_to_vec(), &key)
        .map_err(|error| Error::Defect(format!("a request cannot be signed: {error}")))
}
