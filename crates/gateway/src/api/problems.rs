//! The pages that problem documents name as their type: what a reason means.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::error::reason_name;
use leasehold_runtime::http::Problem;

use super::reading::{escaped, framed, prose};
use crate::extract::Path;
use crate::state::Shared;

/// Reasons that only HTTP knows. `docs/reference/gateway.md` has the same.
const OF_HTTP: &[(&str, &str)] = &[
    ("FOREIGN_PAGE", "The request asks for a change and does not come from a page of this server."),
    ("FORM_TOKEN_INVALID", "The form token is missing, or of another session. Load the page again."),
    (
        "HTTPS_REQUIRED",
        "Nobody signs in over plain text, except on the server's own machine or behind a proxy that it trusts.",
    ),
    ("LAST_ADMINISTRATOR", "Nobody would be left who may do everything."),
    ("METHOD_NOT_ALLOWED", "The path does not have this method; the header Allow lists those it has."),
    ("NO_SESSION", "Only a session can be ended; a token is revoked."),
    ("NO_SUCH_PAGE", "There is nothing at this path."),
    ("PRECONDITION_REQUIRED", "The change has to name the revision that was read, in the header If-Match."),
    ("UNSUPPORTED_MEDIA_TYPE", "The body is of a type that is not read there."),
    (
        "UPDATES_NOT_SERVED",
        "No service for updates runs with this gateway, or its setting `services.updates` is missing.",
    ),
];

pub(super) fn router() -> Router<Shared> {
    Router::new().route("/problems/{reason}", get(page))
}

async fn page(Path(reason): Path<String>) -> Result<Response, Problem> {
    let text = explained(&reason).ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND))?;
    let content = format!(
        "<h1>{}</h1><p>{}</p><p><a href=\"/api/docs\">The API</a></p>",
        escaped(&reason),
        prose(&text)
    );
    let page = framed(&reason, &content);
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

/// What a reason means.
fn explained(reason: &str) -> Option<String> {
    if let Some((_, text)) = OF_HTTP.iter().find(|(name, _)| *name == reason) {
        return Some((*text).to_owned());
    }
    let known = ErrorReason::from_str_name(&format!("ERROR_REASON_{reason}"))?;
    let page = reason_name(known).to_lowercase().replace('_', "-");
    Some(format!(
        "The error's detail says what is wrong and what to do. See docs/errors/{page}.md of this release for more."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_page() {
        assert!(OF_HTTP.is_sorted());
        for reason in ["INVALID_FIELD", "OVERLOADED", "FOREIGN_PAGE"] {
            assert!(explained(reason).is_some(), "{reason}");
        }
        assert_eq!(explained("NOTHING"), None);
    }
}
