//! What the status of another service's answer says.

use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::error::ERROR_DOMAIN;
use tonic::Status;
use tonic_types::StatusExt as _;

/// The reason in a status. Without one it was not the service that answered: the way to it failed, or somebody else is
/// there.
pub(crate) fn reason(status: &Status) -> Option<ErrorReason> {
    let info = status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN)?;
    ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// What a status says, for the log.
pub(crate) fn words(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
