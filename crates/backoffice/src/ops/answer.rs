//! A licence server's request and its answer, however both travel: one transaction for each request.

use jiff::{SignedDuration, Timestamp};
use leasehold_proto::sync::v1 as sync;
use leasehold_signing::Envelope;
use leasehold_signing::sealed_file::Recipient;
use leasehold_store::LicenseServerTurn;
use leasehold_store::backoffice::{AuditRecord, Binding, Exchange, LicenseServer, LicenseServerId, Quota};
use prost::Message;

use crate::audit::{self, Action, record};
use crate::judgement::{Verdict, judge};
use crate::request::{self, Request, Unusable};
use crate::response::{self, Response};
use crate::state::State;
use crate::vendor_keys::VendorKeys;
use crate::{Error, metrics};

/// Exchanges of a licence server that are kept beyond those that it cannot name any more.
const KEPT: u64 = 200;
/// Most answers to a licence server that it has not named: each of them may still be on its way as a file.
const MOST_UNNAMED: usize = 2_000;
/// Refusals of one licence server that are recorded in an hour: anybody can send requests in its name.
const REFUSALS: u32 = 100;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What a request was answered with.
pub(super) struct Answered {
    /// The response.
    pub(super) signed: sync::Signed,
    /// Whose request it was.
    pub(super) license_server: LicenseServerId,
    /// The sequence number of the bundle.
    pub(super) sequence: u64,
    /// Whom a file for the server is sealed for.
    pub(super) recipient: Recipient,
}

/// Answers a request. `field` is where it stood.
pub(super) async fn answer(state: &State, envelope: &Envelope, field: &str) -> Result<Answered, Error> {
    let vendor = state.vendor().await?;
    let (outcome, claimed) = match request::read(envelope, field) {
        Ok(request) => (decide(state, &vendor, &request).await, Some(request.license_server)),
        Err(Unusable { error, claimed }) => (Err(error), claimed),
    };
    match outcome {
        Ok((answered, result)) => {
            state.metrics.request(result);
            Ok(answered)
        }
        Err(error) => {
            metrics::refused(&error);
            if let Some(claimed) = claimed.filter(|_| is_refusal(&error)) {
                record_refusal(state, claimed, &error).await?;
            }
            Err(error)
        }
    }
}

async fn decide(
    state: &State,
    vendor: &VendorKeys,
    request: &Request,
) -> Result<(Answered, metrics::Answer), Error> {
    let id = request.license_server;
    if request.vendor != vendor.row.id {
        let text =
            format!("the request is for the vendor {:?}, and this is {:?}", request.vendor, vendor.row.id);
        return Err(Error::Foreign(text));
    }
    let Some(mut turn) = state.store.begin(id).await? else {
        return Err(Error::Foreign(format!(
            "this vendor has no licence server {id}; enrol it with the id that it gave"
        )));
    };
    let history = turn.exchanges().await?;
    match judge(turn.license_server().binding.as_ref(), &history, &request.asked()) {
        Verdict::Again { sequence } => {
            let stored = turn.answer(sequence).await?;
            let stored = stored.ok_or_else(|| Error::broken("an exchange has lost its answer"))?;
            let signed = sync::Signed::decode(stored.as_slice()).map_err(Error::broken)?;
            Ok((answered(request, sequence, signed), metrics::Answer::Again))
        }
        Verdict::Fresh { binds, acknowledged } => {
            let first = binds.then_some(Binding {
                signing_key: *request.signing_key.as_bytes(),
                recipient: request.recipient_text().to_owned(),
                bound_at: state.now(),
                first_previous: request.previous,
                acknowledged,
            });
            fresh(state, vendor, turn, request, &history, (first, acknowledged)).await
        }
        Verdict::OtherKeys => Err(Error::KeyAlreadyBound {
            license_server: id,
            fingerprint: request.signing_key.id().fingerprint(),
            contact: Box::new(vendor.contact()),
        }),
        Verdict::Clone(suspicion) => {
            let suspicion = suspicion.explain(request.number);
            flag(state, turn, &suspicion).await?;
            let contact = Box::new(vendor.contact());
            Err(Error::CloneSuspected { license_server: id, suspicion, contact })
        }
    }
}

/// Makes a new response and keeps it.
async fn fresh(
    state: &State,
    vendor: &VendorKeys,
    mut turn: Box<dyn LicenseServerTurn>,
    request: &Request,
    history: &[Exchange],
    (first, acknowledged): (Option<Binding>, u64),
) -> Result<(Answered, metrics::Answer), Error> {
    let unnamed = history.iter().filter(|exchange| exchange.sequence > acknowledged).count();
    if unnamed >= MOST_UNNAMED {
        let text = format!(
            "the server has asked {unnamed} times without putting an answer in force; its log says why, and clearing its \
             keys lets it begin anew"
        );
        return Err(Error::TooMuch(text));
    }
    let (now, old, items) = (state.now(), turn.license_server().clone(), turn.line_items().await?);
    let made = response::make(vendor, &old, request, &items, now, &mut *state.random())?;
    if let Some(binding) = &first {
        turn.record(&bound(now, request, binding)).await?;
    }
    let server = renewed(old, request, history, &made, (first, acknowledged), now);
    turn.save(&server).await?;
    let exchange = Exchange {
        sequence: made.sequence,
        request_number: request.number,
        request: request.digest,
        response: made.digest,
        answered_at: now,
    };
    turn.add_exchange(&exchange, &made.signed.encode_to_vec()).await?;
    let forgettable = made.sequence.saturating_sub(KEPT).min(acknowledged.saturating_sub(1));
    turn.forget_exchanges(forgettable).await?;
    let detail = format!("bundle {} for request {}", made.sequence, request.number);
    turn.record(&by_server(now, server.id, Action::Synchronized, detail)).await?;
    turn.commit().await?;
    Ok((answered(request, made.sequence, made.signed), metrics::Answer::Fresh))
}

/// The licence server as it stands after a new response.
fn renewed(
    old: LicenseServer,
    request: &Request,
    history: &[Exchange],
    made: &Response,
    (first, acknowledged): (Option<Binding>, u64),
    now: Timestamp,
) -> LicenseServer {
    let binding = first.or(old.binding).map(|binding| Binding { acknowledged, ..binding });
    let made = LicenseServer {
        binding,
        seen_at: Some(now),
        sequence: made.sequence,
        synchronize_before: Some(made.synchronize_before),
        ..old
    };
    // A file that comes late tells how things were.
    if history.iter().any(|exchange| exchange.request_number > request.number) {
        return made;
    }
    LicenseServer {
        hostids: request.hostids.clone(),
        software_version: request.software_version.clone(),
        applied_sequence: request.bundle_sequence,
        ..made
    }
}

fn answered(request: &Request, sequence: u64, signed: sync::Signed) -> Answered {
    let (license_server, recipient) = (request.license_server, request.recipient.clone());
    Answered { signed, license_server, sequence, recipient }
}

/// Lets the vendor see that a clone is suspected.
async fn flag(state: &State, mut turn: Box<dyn LicenseServerTurn>, suspicion: &str) -> Result<(), Error> {
    let server = LicenseServer { clone_suspected: suspicion.to_owned(), ..turn.license_server().clone() };
    turn.save(&server).await?;
    turn.record(&by_server(state.now(), server.id, Action::CloneSuspected, suspicion)).await?;
    Ok(turn.commit().await?)
}

fn bound(now: Timestamp, request: &Request, binding: &Binding) -> AuditRecord {
    let fingerprint = request.signing_key.id().fingerprint();
    let detail = format!("signing key {fingerprint}, recipient {}", binding.recipient);
    by_server(now, request.license_server, Action::KeysBound, detail)
}

fn by_server(now: Timestamp, id: LicenseServerId, action: Action, detail: impl Into<String>) -> AuditRecord {
    record(now, &audit::server(id), action, &id, detail)
}

/// Whether the request was refused, and not recorded yet. What failed by itself is in the log.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error,
        Error::Rejected(_)
            | Error::Signature(_)
            | Error::Foreign(_)
            | Error::KeyAlreadyBound { .. }
            | Error::TooMuch(_)
    )
}

/// Records a refusal of a licence server that there is; others are nobody's.
async fn record_refusal(state: &State, id: LicenseServerId, error: &Error) -> Result<(), Error> {
    if state.store.license_server(id).await?.is_none() {
        return Ok(());
    }
    let now = state.now();
    let detail = format!("{}: {error}", leasehold_runtime::error::reason_name(error.reason()));
    let record = by_server(now, id, Action::RequestRefused, detail);
    let quota = Quota { most: REFUSALS, since: now.checked_sub(HOUR).unwrap_or(Timestamp::MIN) };
    state.store.record_refusal(&record, quota).await?;
    Ok(())
}
