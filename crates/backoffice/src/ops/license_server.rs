//! `CreateLicenseServer`, `GetLicenseServer` and `ListLicenseServers`.

use jiff::SignedDuration;
use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::{duration, read_duration, timestamp};
use leasehold_signing::VerifyingKey;
use leasehold_store::backoffice::{Binding, LicenseServer, LicenseServerId};

use super::vendor::enrolment;
use super::{MAX_SHORT, needed, page, server_id};
use crate::Error;
use crate::audit::{Action, record};
use crate::state::State;

/// How far ahead a bundle sets its deadline, where nobody says otherwise.
const DEFAULT_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 30);
const SHORTEST: SignedDuration = SignedDuration::from_hours(1);
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);

pub(crate) async fn create(
    state: &State,
    actor: &str,
    message: pb::CreateLicenseServerRequest,
) -> Result<pb::CreateLicenseServerResponse, Error> {
    let server = LicenseServer {
        id: LicenseServerId(state.id()),
        name: needed("name", &message.name, MAX_SHORT)?,
        customer: needed("customer", &message.customer, MAX_SHORT)?,
        synchronize_within: within(message.synchronize_within.as_ref())?,
        created_at: state.now(),
        binding: None,
        hostids: Vec::new(),
        software_version: String::new(),
        seen_at: None,
        sequence: 0,
        applied_sequence: 0,
        synchronize_before: None,
        clone_suspected: String::new(),
    };
    let vendor = state.vendor().await?;
    if state.store.customer(&server.customer).await?.is_none() {
        return Err(Error::NotFound { what: "customer", name: server.customer });
    }
    let detail = format!("{} of {}", server.name, server.customer);
    let record = record(server.created_at, actor, Action::LicenseServerCreated, &server.id, detail);
    if !state.store.create_license_server(&server, &record).await? {
        let text = format!("{:?} has a licence server {:?} already", server.customer, server.name);
        return Err(Error::AlreadyExists(text));
    }
    Ok(pb::CreateLicenseServerResponse {
        license_server: Some(to_message(&server)),
        enrolment: Some(enrolment(state, &vendor, server.id)),
    })
}

pub(crate) async fn get(
    state: &State,
    message: pb::GetLicenseServerRequest,
) -> Result<pb::GetLicenseServerResponse, Error> {
    let id = server_id("license_server_id", &message.license_server_id)?;
    let vendor = state.vendor().await?;
    let server = state.store.license_server(id).await?.ok_or_else(|| not_found(id))?;
    Ok(pb::GetLicenseServerResponse {
        license_server: Some(to_message(&server)),
        enrolment: Some(enrolment(state, &vendor, id)),
    })
}

pub(crate) async fn list(
    state: &State,
    message: pb::ListLicenseServersRequest,
) -> Result<pb::ListLicenseServersResponse, Error> {
    let query = page::query(page::List::LicenseServers, message.page)?;
    let page = state.store.license_servers(&query).await?;
    Ok(pb::ListLicenseServersResponse {
        license_servers: page.rows.iter().map(to_message).collect(),
        page: Some(page::info(page::List::LicenseServers, &page)),
    })
}

fn within(length: Option<&prost_types::Duration>) -> Result<SignedDuration, Error> {
    let field = "synchronize_within";
    let Some(length) = length else { return Ok(DEFAULT_WITHIN) };
    let length = read_duration(field, length).map_err(|error| Error::field(field, error.problem))?;
    if (SHORTEST..=LONGEST).contains(&length) {
        return Ok(length);
    }
    Err(Error::field(field, "give 1 hour to 366 days, or leave it out for 30 days"))
}

pub(super) fn not_found(id: LicenseServerId) -> Error {
    Error::NotFound { what: "licence server", name: id.to_string() }
}

pub(super) fn to_message(server: &LicenseServer) -> pb::LicenseServer {
    let binding = server.binding.as_ref();
    // Only keys that are good are bound.
    let key = binding.and_then(|binding| VerifyingKey::from_slice(&binding.signing_key).ok());
    pb::LicenseServer {
        license_server_id: server.id.to_string(),
        name: server.name.clone(),
        customer: server.customer.clone(),
        signing_key_id: key.map(|key| key.id().to_string()).unwrap_or_default(),
        fingerprint: key.map(|key| key.id().fingerprint().to_string()).unwrap_or_default(),
        recipient: binding.map(|binding| binding.recipient.clone()).unwrap_or_default(),
        bound_at: binding.map(|Binding { bound_at, .. }| timestamp(*bound_at)),
        hostids: server.hostids.iter().map(Into::into).collect(),
        software_version: server.software_version.clone(),
        seen_at: server.seen_at.map(timestamp),
        bundle_sequence: server.sequence,
        applied_sequence: server.applied_sequence,
        synchronize_before: server.synchronize_before.map(timestamp),
        clone_suspected: server.clone_suspected.clone(),
        synchronize_within: Some(duration(server.synchronize_within)),
        created_at: Some(timestamp(server.created_at)),
    }
}
