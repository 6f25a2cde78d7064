//! A response is judged, and kept where it may be put in force. What is refused changes nothing.

use leasehold_domain::InstanceId;
use leasehold_proto::sync::v1::SyncStep;
use leasehold_store::sync::{Change, Exchange, ExchangeState, Identity};
use prost::Message as _;

use super::TRIES;
use super::check::{Known, Verdict, check};
use super::response::{Received, Response};
use crate::error::Failed;
use crate::state::State;
use crate::{Error, keys};

/// Bytes on their way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// Keeps the response of an exchange, which is then being put in force; the exchange's number. `asked` is that of the
/// request which was just sent, where it came over the network.
pub(crate) async fn accept(
    state: &State,
    instance: InstanceId,
    received: &Received,
    asked: Option<u64>,
    traffic: Traffic,
) -> Result<u64, Error> {
    for _ in 0..TRIES {
        let identity = state.identity(instance).await?;
        let response = received.verify(&identity.enrolment.vendor_root)?;
        let exchange = match state.store.number_of(instance, &response.nonce).await? {
            Some(number) => state.store.exchange(instance, number).await?,
            None => None,
        };
        let exchange = judge(instance, &identity, &response, exchange, asked)?;
        let number = exchange.number;
        let exchange = Exchange {
            state: ExchangeState::Applying,
            request: Vec::new(),
            response: received.to_message().encode_to_vec(),
            sent_bytes: exchange.sent_bytes + traffic.sent,
            received_bytes: exchange.received_bytes + traffic.received,
            bundle_sequence: response.claims.sequence,
            synchronize_before: Some(response.synchronize_before),
            failure: None,
            ..exchange
        };
        let change = Change { identity, exchange: Some(exchange), abandon: None };
        if state.store.save(instance, &change).await? {
            return Ok(number);
        }
    }
    Err(Error::InProgress)
}

fn judge(
    instance: InstanceId,
    identity: &Identity,
    response: &Response,
    exchange: Option<Exchange>,
    asked: Option<u64>,
) -> Result<Exchange, Error> {
    let known = Known {
        vendor: identity.enrolment.vendor_id.clone(),
        server: identity.enrolment.license_server_id,
        key: keys::id(instance, &identity.keys)?,
        request: exchange.as_ref().map(|exchange| (exchange.number, exchange.state)),
        asked,
        in_force: identity.bundle.as_ref().map_or(0, |bundle| bundle.sequence),
    };
    match (check(&response.claims, &known), exchange) {
        (Verdict::Accept, Some(exchange)) => Ok(exchange),
        (Verdict::Accept, None) => Err(Error::Defect("a response to no request was accepted".to_owned())),
        (Verdict::Refuse(refusal), _) => {
            Err(Failed::new(SyncStep::Verify, refusal.reason(), refusal.to_string()).into())
        }
    }
}
