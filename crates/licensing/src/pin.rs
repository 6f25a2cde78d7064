//! What an instance has pinned of its vendor, as the values that signatures are checked with.

use leasehold_domain::InstanceId;
use leasehold_signing::{VendorId, VerifyingKey};
use leasehold_store::StoreError;
use leasehold_store::licensing::Enrolment;

/// Whose word counts for an instance, and under which name.
pub(crate) struct Pin {
    pub(crate) vendor: VendorId,
    /// The id that the vendor gave the instance: certificates are for this one.
    pub(crate) server: InstanceId,
    pub(crate) root: VerifyingKey,
}

impl Pin {
    /// The pin of an enrolment as it is kept.
    pub(crate) fn of(enrolment: &Enrolment) -> Result<Self, StoreError> {
        let corrupt = |column, error: &dyn std::fmt::Display| StoreError::Corrupt {
            what: format!("instances.{column}: {error}"),
        };
        Ok(Self {
            vendor: VendorId::new(&enrolment.vendor_id).map_err(|error| corrupt("vendor_id", &error))?,
            server: InstanceId(enrolment.license_server_id),
            root: VerifyingKey::from_slice(&enrolment.root_key)
                .map_err(|error| corrupt("root_key", &error))?,
        })
    }
}
