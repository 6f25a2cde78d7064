//! One attempt over the network: what stands is put in force, a request goes out, its response comes back.

use leasehold_proto::sync::v1::Signed;
use leasehold_store::sync::{Exchange, Identity};
use prost::Message as _;

use super::accept::{Traffic, accept};
use super::response::Received;
use super::{in_force, record, request};
use crate::error::Failed;
use crate::instances::Instance;
use crate::state::State;
use crate::vendor::{self, Trouble};
use crate::{Error, keys};

/// Synchronises; the exchange as it ended.
pub(crate) async fn attempt(state: &State, instance: &Instance, actor: &str) -> Result<Exchange, Error> {
    in_force::resume(state, instance).await?;
    let identity = state.identity(instance.id).await?;
    if identity.enrolment.address.is_empty() {
        // A request that cannot leave would only stay in the way.
        return Err(vendor::closed(&vendor::no_address()).into());
    }
    let (number, request) = request::online(state, instance.id, actor).await?;
    let mut traffic = Traffic::default();
    let received = match converse(state, &identity, &request, &mut traffic).await {
        Ok(received) => received,
        Err(Trouble::ForGood(failed)) => return refused(state, instance, number, failed, traffic).await,
        Err(Trouble::Passing(failed)) => {
            record::note(state, instance.id, number, &failed, traffic).await?;
            return Err(failed.into());
        }
    };
    match accept(state, instance.id, &received, Some(number), traffic).await {
        Ok(number) => in_force::put(state, instance, number).await,
        Err(Error::Failed(failed)) => refused(state, instance, number, failed, traffic).await,
        Err(other) => Err(other),
    }
}

/// Sends the request and reads what comes back.
async fn converse(
    state: &State,
    identity: &Identity,
    request: &[u8],
    traffic: &mut Traffic,
) -> Result<Received, Trouble> {
    let request_message = Signed::decode(request).expect("it was encoded when it was made");
    let door = vendor::open(state, &identity.enrolment.address).await;
    let door = door.map_err(|error| Trouble::Passing(vendor::closed(&error)))?;
    traffic.sent = request.len() as u64;
    let response = vendor::synchronize(door.channel, request_message).await?;
    traffic.received = response.encoded_len() as u64;
    Received::from_message(&response).map_err(Trouble::ForGood)
}

/// The exchange has failed, and the next attempt makes another request.
async fn refused(
    state: &State,
    instance: &Instance,
    number: u64,
    failed: Failed,
    traffic: Traffic,
) -> Result<Exchange, Error> {
    let identity = state.identity(instance.id).await?;
    let fingerprint = keys::id(instance.id, &identity.keys)?.fingerprint().to_string();
    let failed = vendor::with_contact(failed, &identity.enrolment, &fingerprint);
    record::fail(state, instance.id, number, &failed, traffic).await?;
    Err(failed.into())
}
