//! One file for each operation: load, decide, save. Nothing here knows gRPC's traits or a back end.

mod answer;
pub(crate) mod clear_server_keys;
pub(crate) mod customer;
pub(crate) mod entitlement;
pub(crate) mod license_server;
mod line_items;
pub(crate) mod list_audit;
mod page;
pub(crate) mod process_file;
pub(crate) mod product;
pub(crate) mod synchronize;
pub(crate) mod vendor;

use leasehold_domain::text;
use leasehold_store::backoffice::{EntitlementId, LicenseServerId};

use crate::Error;

/// Longest name, mail address and the like in bytes.
const MAX_SHORT: usize = 255;
/// Longest description and reason in bytes.
const MAX_LONG: usize = 1_000;

/// A text of 1 to `max` bytes without control characters.
fn needed(field: &str, value: &str, max: usize) -> Result<String, Error> {
    text::check(value, max).map_err(|error| Error::field(field, error))?;
    Ok(value.to_owned())
}

/// The same, or nothing.
fn optional(field: &str, value: &str, max: usize) -> Result<String, Error> {
    text::check_optional(value, max).map_err(|error| Error::field(field, error))?;
    Ok(value.to_owned())
}

/// The id of a licence server.
fn server_id(field: &str, value: &str) -> Result<LicenseServerId, Error> {
    let wrong =
        |_| Error::field(field, "give a licence server's UUID, as the list of licence servers shows it");
    value.parse().map(LicenseServerId).map_err(wrong)
}

/// The id of an entitlement.
fn entitlement_id(field: &str, value: &str) -> Result<EntitlementId, Error> {
    let wrong = |_| Error::field(field, "give an entitlement's UUID, as the list of entitlements shows it");
    value.parse().map(EntitlementId).map_err(wrong)
}
