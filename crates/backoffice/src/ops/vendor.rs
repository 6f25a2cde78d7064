//! `Greet`, `GetVendor` and `SetUpdateRepository`: who the vendor is, for licence servers and for its staff, and where its
//! updates are.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1 as sync;
use leasehold_store::backoffice::{LicenseServerId, UpdateRepository};

use super::MAX_LONG;
use crate::Error;
use crate::audit::{Action, record};
use crate::state::State;
use crate::vendor_keys::VendorKeys;

/// Most bytes of a `root.json`, by what clients of such repositories take.
const MAX_ROOT: usize = 512_000;

pub(crate) async fn greet(state: &State) -> Result<pb::GreetResponse, Error> {
    let vendor = state.store.vendor().await?.ok_or(Error::NoVendor)?;
    Ok(pb::GreetResponse { vendor_id: vendor.id, vendor_name: vendor.name })
}

pub(crate) async fn get_vendor(state: &State) -> Result<pb::GetVendorResponse, Error> {
    let vendor = state.vendor().await?;
    Ok(pb::GetVendorResponse {
        vendor_id: vendor.row.id.clone(),
        name: vendor.row.name.clone(),
        root_key: vendor.root.to_string(),
        root_fingerprint: vendor.root.id().fingerprint().to_string(),
        online_key_id: vendor.online.id().to_string(),
        online_not_after: Some(timestamp(vendor.validity.not_after())),
        recipient: vendor.identity.recipient().to_string(),
        contact: Some(vendor.contact()),
        address: address(state, &vendor),
        updates_address: vendor.row.updates.address.clone(),
    })
}

/// Says where the vendor's update repository is. Licence servers learn it with their next bundle.
pub(crate) async fn set_update_repository(
    state: &State,
    actor: &str,
    message: pb::SetUpdateRepositoryRequest,
) -> Result<pb::SetUpdateRepositoryResponse, Error> {
    let pb::SetUpdateRepositoryRequest { address, root } = message;
    check_update_repository(&address, &root)?;
    let vendor = state.store.vendor().await?.ok_or(Error::NoVendor)?;
    let detail = if address.is_empty() { "none" } else { address.as_str() };
    let record = record(state.now(), actor, Action::UpdateRepositorySet, &vendor.id, detail);
    let repository = UpdateRepository { address, root };
    let changed = state.store.set_update_repository(&repository, &record).await?;
    Ok(pb::SetUpdateRepositoryResponse { changed })
}

fn check_update_repository(address: &str, root: &[u8]) -> Result<(), Error> {
    if address.is_empty() && root.is_empty() {
        return Ok(());
    }
    let has_scheme = address.starts_with("https://") || address.starts_with("http://");
    let host = address.split_once("://").map_or("", |(_, host)| host);
    let is_plain = address.chars().all(|char| char.is_ascii_graphic()) && !address.contains(['?', '#', '@']);
    if !has_scheme || !is_plain || host.is_empty() || host.starts_with('/') || address.len() > MAX_LONG {
        let problem =
            "give `https://HOST[:PORT][/PATH]`, or `http://` for the same machine; or nothing, and no root";
        return Err(Error::field("address", problem));
    }
    if root.is_empty() || root.len() > MAX_ROOT {
        return Err(Error::field(
            "root",
            format_args!("give the repository's first `root.json`, at most {MAX_ROOT} bytes"),
        ));
    }
    Ok(())
}

/// What a licence server needs to know of the vendor to be enrolled.
pub(super) fn enrolment(state: &State, vendor: &VendorKeys, server: LicenseServerId) -> sync::Enrolment {
    sync::Enrolment {
        license_server_id: server.to_string(),
        vendor_id: vendor.row.id.clone(),
        vendor_name: vendor.row.name.clone(),
        vendor_root: vendor.root.to_string(),
        address: address(state, vendor),
        vendor_recipient: vendor.identity.recipient().to_string(),
        contact: Some(vendor.contact()),
    }
}

/// Where licence servers reach the back office: what it was started with, else what the vendor was set up with.
fn address(state: &State, vendor: &VendorKeys) -> String {
    if state.config.address.is_empty() { vendor.row.address.clone() } else { state.config.address.clone() }
}
