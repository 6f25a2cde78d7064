//! One line in the log for each call.

use std::time::Instant;

use http::Uri;
use tonic::Code;

use crate::call::CallId;

/// Most bytes of a path that are repeated: the caller of an unknown method makes up its path.
const PATH_SHOWN: usize = 200;

/// A call under way. Finished once; one that is dropped before was given up by its caller.
pub(super) struct Record {
    id: CallId,
    uri: Uri,
    started: Instant,
    quiet: bool,
    finished: bool,
}

impl Record {
    pub(super) fn start(id: CallId, uri: Uri, quiet: bool) -> Self {
        Self { id, uri, started: Instant::now(), quiet, finished: false }
    }

    pub(super) fn id(&self) -> &CallId {
        &self.id
    }

    /// The method's path, or the beginning of an overlong one.
    pub(super) fn path(&self) -> &str {
        let path = self.uri.path();
        &path[..path.floor_char_boundary(PATH_SHOWN)]
    }

    /// Writes the line. `detail` is what the caller was not told.
    pub(super) fn finish(&mut self, code: Code, detail: Option<&str>) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = %self.id,
                    rpc.method = self.path(),
                    rpc.code = name(code),
                    duration.us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
                    error = detail,
                    "call ended"
                )
            };
        }
        match code {
            Code::Ok if self.quiet => line!(debug),
            Code::Internal | Code::Unknown | Code::DataLoss => line!(error),
            Code::Unavailable | Code::DeadlineExceeded => line!(warn),
            _ => line!(info),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.finish(Code::Cancelled, None);
    }
}

/// The code as the protocol writes it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
