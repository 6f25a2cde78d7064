//! What a failed call means: whether the server saw it, whether to repeat it, and what to tell people.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use leasehold_proto::types::v1::ErrorReason;
use tonic::{Code, ConnectError, Status, TimeoutExpired};
use tonic_types::StatusExt;

use crate::verify::Unverified;
use crate::wire::INSECURE;

/// The `domain` of the server's own errors.
const DOMAIN: &str = "leasehold";
/// When what was answered so that it does not count is asked again: nobody on this side can mend it, so without hurry.
const UNVERIFIED_AGAIN: Duration = Duration::from_mins(1);
/// The header that names one call in the server's log.
const CALL_ID: &str = "x-request-id";

/// A failed call, read once.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What to do about it.
    pub(crate) verdict: Verdict,
    /// The server's wish, where it has one.
    pub(crate) retry_after: Option<Duration>,
    /// Why, as the server said; unspecified where it said nothing of the kind.
    pub(crate) reason: ErrorReason,
    /// What the reason is about.
    pub(crate) metadata: HashMap<String, String>,
    /// The first field that breaks its rule, and how.
    pub(crate) field: Option<(String, String)>,
    /// For people: the server's message, or what the network said.
    pub(crate) message: String,
    /// Whether certificates are the trouble, so that another try now would not help.
    pub(crate) insecure: bool,
    /// What the server's log has this call under.
    pub(crate) call_id: Option<String>,
}

/// What a failure lets a caller conclude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There was no connection: the server has not seen the call. Worth repeating.
    NotSent,
    /// The server may or may not have acted. Worth repeating with the same request id.
    Passing,
    /// The server did not answer as it should, and may have acted. Another try now would not help.
    Doubtful,
    /// The server may have acted, and its answer is of no time that counts. The same request would be answered the same.
    Outdated,
    /// The server has answered, and did nothing.
    Definite,
}

impl Verdict {
    /// Whether the same call may well succeed soon.
    pub(crate) fn repeats(self) -> bool {
        matches!(self, Self::NotSent | Self::Passing)
    }
}

impl Failure {
    /// Reads a status, the client's own or the server's.
    pub(crate) fn read(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info().filter(|info| info.domain == DOMAIN);
        let reason =
            info.and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
        let retry_after = details.retry_info().and_then(|info| info.retry_delay);
        let violation = details.bad_request().and_then(|request| request.field_violations.first());
        let message = message(status);
        // Only this side of the wire speaks so, never an answer.
        let insecure = status.source().is_some() && message.contains(INSECURE);
        Self {
            verdict: if insecure { Verdict::NotSent } else { verdict(status, retry_after.is_some()) },
            retry_after,
            reason: reason.unwrap_or_default(),
            metadata: info.map(|info| info.metadata.clone()).unwrap_or_default(),
            field: violation.map(|found| (found.field.clone(), found.description.clone())),
            message: message.replace(INSECURE, ""),
            insecure,
            call_id: status.metadata().get(CALL_ID).and_then(|id| id.to_str().ok()).map(str::to_owned),
        }
    }

    /// An answer that does not count: all that it shows is that the server may have acted.
    pub(crate) fn unverified(problem: &Unverified) -> Self {
        let verdict =
            if matches!(problem, Unverified::Stale(_)) { Verdict::Outdated } else { Verdict::Doubtful };
        Self {
            verdict,
            retry_after: Some(UNVERIFIED_AGAIN),
            reason: ErrorReason::Unspecified,
            metadata: HashMap::new(),
            field: None,
            message: problem.to_string(),
            insecure: false,
            call_id: None,
        }
    }

    /// Whether the server may have acted on the call.
    pub(crate) fn may_have_acted(&self) -> bool {
        // Load is shed before anything is decided.
        let acted = matches!(self.verdict, Verdict::Passing | Verdict::Doubtful | Verdict::Outdated);
        acted && self.reason != ErrorReason::Overloaded
    }

    /// Whether there is no server to decide anything now.
    pub(crate) fn is_outage(&self) -> bool {
        self.verdict.repeats() || self.insecure
    }

    /// Whether the failure is the way to the server, not the server's own word.
    pub(crate) fn is_unreachable(&self) -> bool {
        self.reason == ErrorReason::Unspecified && self.verdict.repeats()
    }
}

/// Whether the channel gave the call up when its time was over.
pub(crate) fn timed_out(status: &Status) -> bool {
    causes(status).any(<dyn Error>::is::<TimeoutExpired>)
}

fn verdict(status: &Status, has_delay: bool) -> Verdict {
    // Only what this side of the wire made has a source.
    if status.source().is_some() {
        return if causes(status).any(<dyn Error>::is::<ConnectError>) {
            Verdict::NotSent
        } else {
            Verdict::Passing
        };
    }
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Verdict::Passing,
        Code::ResourceExhausted if has_delay => Verdict::Passing,
        Code::Unknown | Code::Internal | Code::DataLoss | Code::Aborted => Verdict::Doubtful,
        _ => Verdict::Definite,
    }
}

fn message(status: &Status) -> String {
    match causes(status).last() {
        Some(root) => root.to_string(),
        None if status.message().is_empty() => status.code().description().to_owned(),
        None => status.message().to_owned(),
    }
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |cause: &&(dyn Error + 'static)| (*cause).source())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn what_the_server_says_is_read() {
        let mut details = ErrorDetails::new();
        details.set_error_info("OVERLOADED", DOMAIN, [("queue".to_owned(), "7".to_owned())]);
        details.set_retry_info(Some(Duration::from_millis(250)));
        details.add_bad_request_violation("features[0].name", "is empty");
        let mut status = Status::with_error_details(Code::ResourceExhausted, "too much to do", details);
        status.metadata_mut().insert(CALL_ID, "call-7".parse().unwrap());
        let failure = Failure::read(&status);
        assert_eq!(failure.verdict, Verdict::Passing);
        assert_eq!(failure.reason, ErrorReason::Overloaded);
        assert_eq!(failure.retry_after, Some(Duration::from_millis(250)));
        assert_eq!(failure.metadata["queue"], "7");
        assert_eq!(failure.field, Some(("features[0].name".to_owned(), "is empty".to_owned())));
        assert_eq!(
            (failure.message.as_str(), failure.call_id.as_deref()),
            ("too much to do", Some("call-7"))
        );
        assert!(!failure.is_unreachable());
    }

    #[test]
    fn the_verdict_follows_from_who_failed_and_how() {
        let from = |error: Box<dyn Error + Send + Sync>| Status::from_error(error);
        let refused = || std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let mut broken = Status::internal("h2 protocol error");
        broken.set_source(Arc::new(refused()));
        for (status, expected) in [
            (from(Box::new(ConnectError(Box::new(refused())))), Verdict::NotSent),
            (broken, Verdict::Passing),
            (Status::unavailable("stopping"), Verdict::Passing),
            (Status::deadline_exceeded("late"), Verdict::Passing),
            (Status::resource_exhausted("no delay: it will not help"), Verdict::Definite),
            (Status::internal("a defect"), Verdict::Doubtful),
            (Status::invalid_argument("no"), Verdict::Definite),
            (Status::failed_precondition("no"), Verdict::Definite),
        ] {
            assert_eq!(verdict(&status, false), expected, "{status:?}");
        }
        assert_eq!(verdict(&Status::resource_exhausted("a delay"), true), Verdict::Passing);
    }

    #[test]
    fn the_message_is_the_innermost_cause() {
        let inner = std::io::Error::other("connection refused by the test");
        let status = Status::from_error(Box::new(ConnectError(Box::new(inner))));
        assert_eq!(Failure::read(&status).message, "connection refused by the test");
        assert_eq!(Failure::read(&Status::unimplemented("")).message, Code::Unimplemented.description());
    }
}
