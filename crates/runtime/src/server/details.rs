//! Details for errors that come without: those of the transport and of services that are not ours.
//!
//! The transport tells by code and text what it met before any method ran; a test for each text fails if a
//! new version of it says something else.

use http::HeaderMap;
use tonic::{Code, Status};

use crate::error::{ApiError, ErrorReason};

/// How the transport's texts about a request that it cannot read begin.
const MALFORMED: [&str; 5] = [
    "failed to decode Protobuf message",
    "protocol error: received message with",
    "Error decompressing:",
    "Unexpected EOF decoding stream",
    "Missing request message",
];

/// How a call ended.
pub(super) struct End {
    pub(super) code: Code,
    /// What the caller is not told.
    pub(super) detail: Option<String>,
}

/// How the call ended by these headers or trailers, once details are added to an error without;
/// `None` if they do not end it.
pub(super) fn complete(headers: &mut HeaderMap, path: &str) -> Option<End> {
    let code = Code::from_bytes(headers.get("grpc-status")?.as_bytes());
    if code == Code::Ok || headers.contains_key("grpc-status-details-bin") {
        return Some(End { code, detail: None });
    }
    let bare = Status::from_header_map(headers)?;
    let error = explain(code, bare.message(), path);
    Some(replace(headers, error))
}

/// Makes headers or trailers say that the call ended with this error.
pub(super) fn replace(headers: &mut HeaderMap, error: ApiError) -> End {
    let end = End { code: error.code, detail: error.detail().map(str::to_owned) };
    if Status::from(error).add_header(headers).is_err() {
        headers.insert("grpc-status", (end.code as i32).into());
    }
    end
}

fn explain(code: Code, message: &str, path: &str) -> ApiError {
    let keep = |reason| ApiError { code, ..ApiError::new(reason, message) };
    match code {
        Code::Unimplemented if message.is_empty() => ApiError::unknown_method(path),
        Code::Unimplemented if message.starts_with("Content is compressed") => {
            keep(ErrorReason::MalformedMessage)
        }
        Code::Unimplemented => keep(ErrorReason::NotImplemented),
        Code::OutOfRange if message.contains("message length too large") => {
            ApiError::message_too_large(message.trim_start_matches("Error, "))
        }
        Code::ResourceExhausted if message.starts_with("Error decompressing") => {
            ApiError::message_too_large(message.trim_start_matches("Error decompressing: "))
        }
        Code::Internal if MALFORMED.iter().any(|start| message.starts_with(start)) => {
            ApiError::malformed_message(message)
        }
        Code::InvalidArgument | Code::OutOfRange => keep(ErrorReason::InvalidField),
        Code::NotFound => keep(ErrorReason::NotFound),
        Code::AlreadyExists => keep(ErrorReason::AlreadyExists),
        Code::Cancelled => keep(ErrorReason::Cancelled),
        Code::DeadlineExceeded => keep(ErrorReason::DeadlineExceeded),
        Code::ResourceExhausted => keep(ErrorReason::LimitExceeded),
        _ => ApiError { code, ..ApiError::internal(message) },
    }
}
