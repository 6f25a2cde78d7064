//! What is wrong with a request, as a problem document. Source: RFC 9457.

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE as CONTENT_TYPE_HEADER, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::call::CallId;
use crate::error::{ApiError, ErrorReason, reason_name};

/// The content type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What is wrong with a request, for its caller, and what only the log is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status of the answer.
    pub status: StatusCode,
    /// Why, stable and for programs: an `ErrorReason`, or a reason of HTTP alone.
    pub reason: Cow<'static, str>,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// Path and problem of each field that breaks its rule.
    pub fields: Vec<(String, String)>,
    /// When to try again; only where trying again can help.
    pub retry_after: Option<Duration>,
    detail: Option<String>,
}

/// The document as it is sent.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
}

#[derive(Serialize)]
struct FieldError<'a> {
    field: &'a str,
    problem: &'a str,
}

impl Problem {
    /// A problem of this status and reason.
    pub fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            reason: Cow::Borrowed(reason),
            message: message.into(),
            fields: Vec::new(),
            retry_after: None,
            detail: None,
        }
    }

    /// The problem of a status that nobody has explained, where there are no pages to lead to.
    pub(super) fn of_status_alone(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => {
                Self::new(status, "NO_SUCH_PAGE", "there is nothing at this path; check how it is written")
            }
            status => {
                let problem = Self::of_status(status);
                match problem.reason.as_ref() {
                    "INVALID_FIELD" => Self { message: "the request cannot be read".to_owned(), ..problem },
                    _ => problem,
                }
            }
        }
    }

    /// The problem of a status that nobody has explained, where `/api/docs` is served.
    pub fn of_status(status: StatusCode) -> Self {
        let (reason, message) = match status {
            StatusCode::NOT_FOUND => {
                ("NO_SUCH_PAGE", "there is nothing at this path; /api/docs lists what there is")
            }
            StatusCode::METHOD_NOT_ALLOWED => (
                "METHOD_NOT_ALLOWED",
                "this path does not have this method; the header Allow lists those it has",
            ),
            StatusCode::PAYLOAD_TOO_LARGE => {
                ("MESSAGE_TOO_LARGE", "the body is too large; send less in one request")
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => (
                "UNSUPPORTED_MEDIA_TYPE",
                "the body is of a type that is not read here; send application/json",
            ),
            status if status.is_server_error() => {
                ("INTERNAL", "the server failed; its log has the detail under the answer's x-request-id")
            }
            _ => ("INVALID_FIELD", "the request cannot be read; /api/docs says what is expected"),
        };
        Self::new(status, reason, message)
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// Adds a field that breaks its rule.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, problem: impl Into<String>) -> Self {
        self.fields.push((field.into(), problem.into()));
        self
    }

    /// What the log should say and the caller must not see.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What kind of problem it is, in a few words.
    pub fn title(&self) -> String {
        let words = self.reason.replace('_', " ").to_lowercase();
        let mut letters = words.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    }

    /// `explained`: there is a page for each reason.
    fn document(&self, explained: bool, id: Option<&CallId>, trace: Option<&str>) -> Vec<u8> {
        // Source: RFC 9457, section 4.2.1.
        let (r#type, title) = if explained {
            (format!("/problems/{}", self.reason), self.title())
        } else {
            ("about:blank".to_owned(), self.status.canonical_reason().unwrap_or_default().to_owned())
        };
        let document = Document {
            r#type,
            title: &title,
            status: self.status.as_u16(),
            detail: &self.message,
            reason: &self.reason,
            errors: self.fields.iter().map(|(field, problem)| FieldError { field, problem }).collect(),
            request_id: id.map(CallId::as_str),
            trace_id: trace,
        };
        serde_json::to_vec(&document).expect("a problem has nothing that JSON has not")
    }

    /// The answer with this problem in place of its body; its other headers stay.
    pub(super) fn told(
        &self,
        response: Response,
        explained: bool,
        id: &CallId,
        trace: Option<&str>,
    ) -> Response {
        let (mut head, _) = response.into_parts();
        head.headers.remove(CONTENT_LENGTH);
        head.headers.insert(CONTENT_TYPE_HEADER, HeaderValue::from_static(CONTENT_TYPE));
        Response::from_parts(head, Body::from(self.document(explained, Some(id), trace)))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.document(false, None, None)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE_HEADER, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(delay) = self.retry_after {
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        // The stack adds which request it was, and where it is explained.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let detail = error.detail().map(str::to_owned);
        Self {
            status: status(error.code, error.reason),
            reason: Cow::Borrowed(reason_name(error.reason)),
            message: error.message,
            fields: error.fields,
            retry_after: error.retry_after,
            detail,
        }
    }
}

/// The problem that a service's refusal is to whoever asked for it by HTTP. A service that cannot be reached is
/// unavailable here too.
impl From<Status> for Problem {
    fn from(refused: Status) -> Self {
        let details = refused.get_error_details();
        let info = details.error_info();
        let named =
            info.and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
        let Some(reason) = named else { return unexplained(&refused) };
        let violations = details.bad_request().map(|request| request.field_violations.as_slice());
        let fields = violations.unwrap_or_default().iter();
        Self {
            status: status(refused.code(), reason),
            reason: Cow::Borrowed(reason_name(reason)),
            message: refused.message().to_owned(),
            fields: fields.map(|it| (it.field.clone(), it.description.clone())).collect(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            detail: None,
        }
    }
}

/// A refusal without details comes from the transport, not from a service.
fn unexplained(refused: &Status) -> Problem {
    let detail = Some(format!("{:?}: {}", refused.code(), refused.message()));
    let error = match refused.code() {
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => ApiError::deadline_exceeded(),
        tonic::Code::Unavailable | tonic::Code::Unknown => {
            let message = "the service that has the answer cannot be reached; try again when it runs";
            ApiError::new(ErrorReason::StoreUnavailable, message).with_retry_after(Duration::from_secs(1))
        }
        tonic::Code::OutOfRange | tonic::Code::ResourceExhausted => {
            ApiError::message_too_large("a service's answer or its request")
        }
        _ => ApiError::internal(""),
    };
    Problem { detail, ..error.into() }
}

/// The status of HTTP that goes with a reason.
fn status(code: tonic::Code, reason: ErrorReason) -> StatusCode {
    use tonic::Code;
    match (code, reason) {
        (_, ErrorReason::EtagMismatch) => StatusCode::PRECONDITION_FAILED,
        (_, ErrorReason::MessageTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, ErrorReason::Overloaded) | (Code::Unavailable | Code::Cancelled, _) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        (Code::InvalidArgument | Code::OutOfRange, _) => StatusCode::BAD_REQUEST,
        (Code::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
        (Code::PermissionDenied, _) => StatusCode::FORBIDDEN,
        (Code::NotFound, _) => StatusCode::NOT_FOUND,
        (Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted, _) => StatusCode::CONFLICT,
        (Code::ResourceExhausted, _) => StatusCode::TOO_MANY_REQUESTS,
        (Code::Unimplemented, _) => StatusCode::NOT_IMPLEMENTED,
        (Code::DeadlineExceeded, _) => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
