//! `Synchronize`: answers a licence server's request.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_signing::Envelope;

use super::answer;
use crate::Error;
use crate::state::State;

pub(crate) async fn synchronize(
    state: &State,
    message: pb::SynchronizeRequest,
) -> Result<pb::SynchronizeResponse, Error> {
    let field = "request.envelope";
    let request = message.request.unwrap_or_default();
    let envelope = Envelope::from_protobuf(&request.envelope).map_err(|error| Error::field(field, error))?;
    let answered = answer::answer(state, &envelope, field).await?;
    Ok(pb::SynchronizeResponse { response: Some(answered.signed) })
}
