//! The names that errors carry.

use crate::types::v1::ErrorReason;

const PREFIX: &str = "ERROR_REASON_";

/// The reason as `google.rpc.ErrorInfo` carries it: the value's name without its prefix.
pub fn error_reason_name(reason: ErrorReason) -> &'static str {
    reason.as_str_name().strip_prefix(PREFIX).expect("every value of the enumeration has the prefix")
}
