//! From a kept response to the bundle in force: licensing applies it, then the exchange is done.
//!
//! Licensing verifies the response by itself, applies it in one transaction, and takes the same one again. So it can
//! be handed over as often as it takes to learn that it is in force.

use leasehold_domain::InstanceId;
use leasehold_proto::sync::v1::{Signed, VendorContact};
use leasehold_store::sync::{Bundle, Change, Contact, Enrolment, Exchange, ExchangeState};
use prost::Message as _;

use super::accept::Traffic;
use super::response::{Received, Response};
use super::{TRIES, record};
use crate::instances::Instance;
use crate::state::State;
use crate::vendor::Trouble;
use crate::{Error, schedule};

/// Puts what stands at that in force, if anything does.
pub(crate) async fn resume(state: &State, instance: &Instance) -> Result<Option<Exchange>, Error> {
    match state.store.pending(instance.id).await?.applying {
        Some(number) => put(state, instance, number).await.map(Some),
        None => Ok(None),
    }
}

/// Puts the response of an exchange in force; the exchange as it ended.
pub(crate) async fn put(state: &State, instance: &Instance, number: u64) -> Result<Exchange, Error> {
    let exchange = kept(state, instance.id, number).await?;
    if exchange.state != ExchangeState::Applying {
        return Ok(exchange);
    }
    let response = Signed::decode(exchange.response.as_slice()).map_err(|error| {
        Error::Defect(format!("the response of exchange {number} is not as it was kept: {error}"))
    })?;
    let changes = match state.licensing.apply(instance.id, response).await {
        Ok(changes) => changes,
        Err(Trouble::ForGood(failed)) => {
            record::fail(state, instance.id, number, &failed, Traffic::default()).await?;
            return Err(failed.into());
        }
        Err(Trouble::Passing(failed)) => {
            record::note(state, instance.id, number, &failed, Traffic::default()).await?;
            return Err(failed.into());
        }
    };
    let done = finish(state, instance.id, number, &changes).await?;
    tracing::info!(
        instance.name,
        exchange.number = number,
        bundle.sequence = done.bundle_sequence,
        bundle.changes = done.changes.len(),
        synchronize_before = done.synchronize_before.map(tracing::field::display),
        "a bundle is in force"
    );
    Ok(done)
}

async fn kept(state: &State, instance: InstanceId, number: u64) -> Result<Exchange, Error> {
    let found = state.store.exchange(instance, number).await?;
    found.ok_or_else(|| Error::Defect(format!("exchange {number} of {instance} is gone")))
}

/// Licensing has it: the exchange is done, and its bundle is the one in force.
async fn finish(
    state: &State,
    instance: InstanceId,
    number: u64,
    changes: &[String],
) -> Result<Exchange, Error> {
    for _ in 0..TRIES {
        let mut identity = state.identity(instance).await?;
        let exchange = kept(state, instance, number).await?;
        if exchange.state != ExchangeState::Applying {
            return Ok(exchange);
        }
        let now = state.now();
        let response = read_again(&exchange, &identity.enrolment)?;
        identity.warned = schedule::passed(now, response.synchronize_before);
        identity.enrolment = renewed(identity.enrolment, &response);
        identity.bundle = Some(Bundle {
            sequence: response.claims.sequence,
            digest: response.digest,
            synchronized_at: now,
            synchronize_before: response.synchronize_before,
            online_certificate: response.online_certificate.to_protobuf(),
            instance_certificate: response.instance_certificate.to_protobuf(),
            notices: response.notices,
            updates_address: response.updates_address,
            updates_root: response.updates_root,
        });
        let done = Exchange {
            state: ExchangeState::Done,
            response: Vec::new(),
            ended_at: Some(now),
            changes: changes.to_vec(),
            failure: None,
            ..exchange
        };
        let change = Change { identity, exchange: Some(done.clone()), abandon: None };
        if state.store.save(instance, &change).await? {
            return Ok(done);
        }
    }
    Err(Error::InProgress)
}

fn read_again(exchange: &Exchange, enrolment: &Enrolment) -> Result<Response, Error> {
    let message = Signed::decode(exchange.response.as_slice())
        .map_err(|error| Error::Defect(format!("a kept response is damaged: {error}")))?;
    Ok(Received::from_message(&message)?.verify(&enrolment.vendor_root)?)
}

/// What the vendor says of itself now. What it leaves out stays as it was.
fn renewed(enrolment: Enrolment, response: &Response) -> Enrolment {
    let newer = |new: &str, old: String| if new.is_empty() { old } else { new.to_owned() };
    let contact = match &response.contact {
        Some(VendorContact { mail, web, phone }) => {
            Contact { mail: mail.clone(), web: web.clone(), phone: phone.clone() }
        }
        None => enrolment.contact,
    };
    Enrolment {
        vendor_name: newer(&response.vendor_name, enrolment.vendor_name),
        vendor_recipient: newer(&response.vendor_recipient, enrolment.vendor_recipient),
        contact,
        ..enrolment
    }
}
