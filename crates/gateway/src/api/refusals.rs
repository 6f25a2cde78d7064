//! How requests are refused, for the description.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// What is wrong with a request. Source: RFC 9457.
#[derive(Serialize, ToSchema)]
#[schema(title = "Problem")]
pub(super) struct ProblemDocument {
    /// Where the reason is explained.
    #[schema(example = "/problems/INVALID_FIELD")]
    r#type: String,
    /// The reason in words.
    #[schema(example = "Invalid field")]
    title: String,
    /// The status of the answer.
    #[schema(example = 400)]
    status: u16,
    /// What is wrong and what to do.
    #[schema(example = "page_size: give 1 to 500")]
    detail: String,
    /// Why, stable and for programs.
    #[schema(example = "INVALID_FIELD")]
    reason: String,
    /// The fields that break their rules.
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// Names the request in the server's log.
    #[schema(required = false, example = "5f2b8c1d9e7a4f60b3c2d1e0f9a8b7c6")]
    request_id: String,
    /// The trace that the request is in, where it is in one.
    #[schema(required = false)]
    trace_id: String,
}

/// A field that breaks its rule.
#[derive(Serialize, ToSchema)]
pub(super) struct FieldError {
    /// Its path.
    #[schema(example = "page_size")]
    field: String,
    /// What is wrong, and what to give.
    #[schema(example = "give 1 to 500")]
    problem: String,
}

/// How a request that only reads is refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description is made of it")]
pub(super) enum Reads {
    /// Something in the request breaks its rule.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(#[to_schema] ProblemDocument),
    /// Nobody knows who asks.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(#[to_schema] ProblemDocument),
    /// Whoever asks may not.
    #[response(status = 403, content_type = "application/problem+json")]
    Denied(#[to_schema] ProblemDocument),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    Missing(#[to_schema] ProblemDocument),
    /// Too many requests; `Retry-After` says when to go on.
    #[response(status = 429, content_type = "application/problem+json")]
    Throttled(#[to_schema] ProblemDocument),
    /// The server failed: a defect.
    #[response(status = 500, content_type = "application/problem+json")]
    Failed(#[to_schema] ProblemDocument),
    /// The service that has the answer cannot be reached, or its store.
    #[response(status = 503, content_type = "application/problem+json")]
    Away(#[to_schema] ProblemDocument),
    /// It did not answer in time.
    #[response(status = 504, content_type = "application/problem+json")]
    Late(#[to_schema] ProblemDocument),
}

/// How a request for a change is refused besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description is made of it")]
pub(super) enum Changes {
    /// It does not go with how things stand.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemDocument),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemDocument),
    /// The body is of a type that is not read here.
    #[response(status = 415, content_type = "application/problem+json")]
    Type(#[to_schema] ProblemDocument),
}

/// How a change of a revision is refused besides.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only the description is made of it")]
pub(super) enum Revisions {
    /// Somebody has changed it meanwhile.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(#[to_schema] ProblemDocument),
    /// The header If-Match is missing.
    #[response(status = 428, content_type = "application/problem+json")]
    Required(#[to_schema] ProblemDocument),
}
