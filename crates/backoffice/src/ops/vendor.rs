//! `Greet` and `GetVendor`: who the vendor is, for licence servers and for its staff.

use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::timestamp;
use leasehold_proto::sync::v1 as sync;
use leasehold_store::backoffice::LicenseServerId;

use crate::Error;
use crate::state::State;
use crate::vendor_keys::VendorKeys;

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
    })
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
