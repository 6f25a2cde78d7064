//! What the status of a peer's answer says: the reason, where a service of ours gave one.

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

/// What a status says, for people.
pub(crate) fn words(status: &Status) -> String {
    match status.message() {
        "" => format!("it answered with the code {:?} and nothing else", status.code()),
        message => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use leasehold_runtime::ApiError;

    use super::*;

    #[test]
    fn a_reason_is_read_from_our_own_details_alone() {
        let ours: Status = ApiError::new(ErrorReason::CloneSuspected, "a copy runs").into();
        assert_eq!(reason(&ours), Some(ErrorReason::CloneSuspected));
        assert_eq!(reason(&Status::unavailable("connection refused")), None);
        let mut details = tonic_types::ErrorDetails::new();
        details.set_error_info("CLONE_SUSPECTED", "elsewhere", std::collections::HashMap::new());
        let foreign = Status::with_error_details(tonic::Code::Aborted, "", details);
        assert_eq!(reason(&foreign), None);
        assert_eq!(words(&foreign), "it answered with the code Aborted and nothing else");
    }
}
