//! `RequestCapabilities`: hands a request to the allocator and waits for its batch.

use leasehold_domain::CapabilityRequest;
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::CallContext;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::allocator::{Done, Work};
use crate::answer_keys::wait_for_one;
use crate::metrics::Shed;
use crate::state::State;

pub(crate) async fn request_capabilities(
    state: &State,
    call: &CallContext,
    message: pb::RequestCapabilitiesRequest,
) -> Result<pb::RequestCapabilitiesResponse, Error> {
    let instance = state.instance(&message.instance)?.id;
    let request = CapabilityRequest::try_from(&message)?;
    wait_for_one(state, instance).await;
    let body_hash = Sha256::digest(message.encode_to_vec()).into();
    let work = Work::Request { request: Box::new(request), body_hash, nonce: message.nonce };
    let done = state.allocator(instance).submit(work, call.deadline).await;
    if matches!(done, Err(Error::Overloaded)) {
        state.metrics.shed(Shed::Overloaded);
    }
    match done? {
        Done::Answered(answered) => Ok(answered.response),
        other => Err(Error::Defect(format!("a request was answered with {other:?}"))),
    }
}
