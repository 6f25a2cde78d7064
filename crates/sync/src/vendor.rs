//! What synchronisation says to a vendor's back office, and what its refusals mean here.

use std::time::Duration;

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::backoffice::v1::back_office_service_client::BackOfficeServiceClient;
use leasehold_proto::sync::v1::{Signed, SyncStep};
use leasehold_proto::types::v1::ErrorReason;
use leasehold_signing::Envelope;
use leasehold_store::sync::Enrolment;
use tokio::time::timeout;
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::door::{DoorError, OpenDoor};
use crate::error::Failed;
use crate::peer_status;
use crate::state::State;

/// How long the way may take, all steps together.
const OPENING: Duration = Duration::from_secs(45);
/// How long the vendor may take to say who it is.
const GREETING: Duration = Duration::from_secs(10);
/// How long the vendor may take to answer a request.
const ANSWERING: Duration = Duration::from_mins(1);
/// Largest answer: the largest envelope, and what is around it.
const MAX_ANSWER: usize = Envelope::MAX_PROTOBUF + 256 * 1024;

/// Why a peer did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It will not, however often it is asked.
    ForGood(Failed),
    /// It may when it is asked again.
    Passing(Failed),
}

/// Opens the way to a vendor.
pub(crate) async fn open(state: &State, address: &str) -> Result<OpenDoor, DoorError> {
    if address.is_empty() {
        return Err(no_address());
    }
    let late = |_| {
        let message =
            format!("no way to {address} within {} s; check the network and the address", OPENING.as_secs());
        Err(DoorError { step: SyncStep::Connect, steps: Vec::new(), message })
    };
    timeout(OPENING, state.vendor.open(address)).await.unwrap_or_else(late)
}

/// There is no way at all.
pub(crate) fn no_address() -> DoorError {
    let message = "it has no back office on the network; synchronise by files: `leasehold sync export` and `leasehold \
                   sync import`";
    DoorError { step: SyncStep::Resolve, steps: Vec::new(), message: message.to_owned() }
}

/// A way that does not open may later.
pub(crate) fn closed(error: &DoorError) -> Failed {
    let message = format!("the vendor cannot be reached: {}", error.message);
    Failed::new(error.step, ErrorReason::VendorUnreachable, message)
}

/// Asks who is there.
pub(crate) async fn greet(channel: Channel, enrolment: &Enrolment) -> Result<pb::GreetResponse, Failed> {
    let mut stub = stub(channel);
    let said = within(GREETING, pb::GreetRequest {}, |request| stub.greet(request)).await;
    let said = said.map_err(|status| match refusal(&status) {
        Trouble::ForGood(failed) | Trouble::Passing(failed) => failed,
    })?;
    if said.vendor_id != enrolment.vendor_id {
        let message = format!(
            "the vendor {:?} answers at {}, and this server belongs to {:?}; ask your vendor for its address",
            said.vendor_id, enrolment.address, enrolment.vendor_id
        );
        return Err(Failed::new(SyncStep::Exchange, ErrorReason::Foreign, message));
    }
    Ok(said)
}

/// Sends a request and waits for the response.
pub(crate) async fn synchronize(channel: Channel, request: Signed) -> Result<Signed, Trouble> {
    let mut stub = stub(channel);
    let request = pb::SynchronizeRequest { request: Some(request) };
    let answer = within(ANSWERING, request, |request| stub.synchronize(request)).await;
    let answer = answer.map_err(|status| refusal(&status))?;
    answer.response.ok_or_else(|| {
        let message =
            "the vendor's answer holds no response; ask the vendor whether its back office is up to date";
        Trouble::ForGood(Failed::new(SyncStep::Verify, ErrorReason::FileUnreadable, message))
    })
}

fn stub(channel: Channel) -> BackOfficeServiceClient<Channel> {
    BackOfficeServiceClient::new(channel)
        .max_decoding_message_size(MAX_ANSWER)
        .accept_compressed(CompressionEncoding::Zstd)
        .accept_compressed(CompressionEncoding::Gzip)
}

async fn within<M, T, F>(
    patience: Duration,
    message: M,
    call: impl FnOnce(Request<M>) -> F,
) -> Result<T, Status>
where
    F: Future<Output = Result<Response<T>, Status>>,
{
    let mut request = Request::new(message);
    request.set_timeout(patience);
    let late = |_| Err(Status::deadline_exceeded(format!("no answer within {} s", patience.as_secs())));
    timeout(patience, call(request)).await.unwrap_or_else(late).map(Response::into_inner)
}

fn refusal(status: &Status) -> Trouble {
    let words = peer_status::words(status);
    let failed = |reason, message| Failed::new(SyncStep::Exchange, reason, message);
    match peer_status::reason(status) {
        Some(reason) if is_about_the_request(reason) => {
            Trouble::ForGood(failed(reason, format!("the vendor refused: {words}")))
        }
        Some(_) => Trouble::Passing(failed(
            ErrorReason::VendorUnreachable,
            format!(
                "the vendor's back office could not answer: {words}; the request is sent again at the next attempt"
            ),
        )),
        None => Trouble::Passing(failed(
            ErrorReason::VendorUnreachable,
            format!(
                "the vendor's back office did not answer: {words}; check its address with `leasehold sync test`; the \
                 request is sent again at the next attempt"
            ),
        )),
    }
}

/// Whether the vendor refuses this request itself, so that sending it again would be in vain.
fn is_about_the_request(reason: ErrorReason) -> bool {
    use ErrorReason as Reason;
    matches!(
        reason,
        Reason::InvalidField
            | Reason::MalformedMessage
            | Reason::MessageTooLarge
            | Reason::NotFound
            | Reason::NotEnrolled
            | Reason::SignatureInvalid
            | Reason::Foreign
            | Reason::Replayed
            | Reason::NotOutstanding
            | Reason::BundleRollback
            | Reason::KeyAlreadyBound
            | Reason::CloneSuspected
    )
}

/// A refusal that only the vendor can lift, with what it needs to know and how it is reached.
pub(crate) fn with_contact(failed: Failed, enrolment: &Enrolment, fingerprint: &str) -> Failed {
    use ErrorReason as Reason;
    if !matches!(failed.reason, Reason::KeyAlreadyBound | Reason::CloneSuspected | Reason::Foreign) {
        return failed;
    }
    let contact = &enrolment.contact;
    let ways = [("mail", &contact.mail), ("web", &contact.web), ("telephone", &contact.phone)];
    let ways: Vec<String> =
        ways.iter().filter(|(_, at)| !at.is_empty()).map(|(way, at)| format!("{way} {at}")).collect();
    let name = if enrolment.vendor_name.is_empty() { &enrolment.vendor_id } else { &enrolment.vendor_name };
    let ways = if ways.is_empty() { String::new() } else { format!(" ({})", ways.join(", ")) };
    let message = format!(
        "{}; ask {name}{ways}, and say the id of this server, {}, and the fingerprint of its key, {fingerprint}",
        failed.message, enrolment.license_server_id
    );
    Failed::new(failed.step, failed.reason, message)
}

#[cfg(test)]
mod tests {
    use leasehold_runtime::ApiError;

    use super::*;

    #[test]
    fn only_a_refusal_of_the_request_is_for_good_and_keeps_its_reason() {
        for reason in (0..64).filter_map(|number| ErrorReason::try_from(number).ok()) {
            match refusal(&ApiError::new(reason, "why").into()) {
                Trouble::ForGood(failed) => assert!(is_about_the_request(reason) && failed.reason == reason),
                Trouble::Passing(failed) => {
                    assert!(!is_about_the_request(reason), "{reason:?}");
                    assert_eq!(failed.reason, ErrorReason::VendorUnreachable);
                }
            }
        }
        let Trouble::Passing(failed) = refusal(&Status::unknown("h2 protocol error")) else { panic!() };
        assert!(failed.message.contains("h2 protocol error") && failed.step == SyncStep::Exchange);
    }
}
