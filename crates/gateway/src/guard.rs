//! Forms and documents that change something: taken only from a page of this server, or from a program.
//!
//! A cookie comes with whatever a browser is made to send. So a form brings along a text that only a page of the session
//! can know, and a document does in the header `x-form-token`; besides, the browser has to say that the page is ours.

use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use leasehold_runtime::http::Problem;
use serde::de::DeserializeOwned;

use crate::origin::{Visitor, is_own_page};
use crate::secret;
use crate::state::Shared;
use crate::who::{Way, Who, foreign_page};

/// The header by which a script of a page brings the form token along.
const TOKEN: HeaderName = HeaderName::from_static("x-form-token");
/// The field by which a form does.
const FIELD: &str = "form_token";

/// A form of somebody who is signed in.
pub(crate) struct Form<T>(pub(crate) T);

/// A form of somebody who is not.
pub(crate) struct OpenForm<T>(pub(crate) T);

/// A JSON document of somebody who is signed in, or of a script.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON document of somebody who is not.
pub(crate) struct OpenJson<T>(pub(crate) T);

/// Whoever asks for a change without a body, or with one that is not JSON.
pub(crate) struct Allowed(pub(crate) Who);

/// Refuses a change that does not come from a page of the session.
pub(crate) fn check(who: &Who, shown: &str) -> Result<(), Problem> {
    let Way::Session { form_token, .. } = &who.way else { return Ok(()) };
    if secret::same(form_token.as_bytes(), shown.as_bytes()) {
        return Ok(());
    }
    let message = "the page that this comes from belongs to another session, or to one that has ended; load it again. \
                   Programs send the `form_token` of their session in the header x-form-token";
    Err(Problem::new(StatusCode::FORBIDDEN, "FORM_TOKEN_INVALID", message))
}

fn shown(headers: &HeaderMap) -> &str {
    headers.get(TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl FromRequestParts<Shared> for Allowed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &Shared) -> Result<Self, Problem> {
        let who = <Who as FromRequestParts<Shared>>::from_request_parts(parts, state).await?;
        check(&who, shown(&parts.headers))?;
        Ok(Self(who))
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        Allowed::from_request_parts(&mut parts, state).await?;
        document(Request::from_parts(parts, body), state).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for OpenJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        own_page(&mut parts, state).await?;
        document(Request::from_parts(parts, body), state).await.map(Self)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for OpenForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        own_page(&mut parts, state).await?;
        let request = Request::from_parts(parts, body);
        let form =
            axum::Form::<T>::from_request(request, state).await.map_err(|error| unread_form(&error))?;
        Ok(Self(form.0))
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let who = <Who as FromRequestParts<Shared>>::from_request_parts(&mut parts, state).await?;
        let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), state);
        let bytes = bytes.await.map_err(|error| unread(&error))?;
        let pairs: Vec<(String, String)> = read_pairs(&parts, &bytes, state).await?;
        let shown = pairs.iter().find(|(name, _)| name == FIELD).map_or("", |(_, value)| value.as_str());
        check(&who, shown)?;
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let form =
            axum::Form::<T>::from_request(request, state).await.map_err(|error| unread_form(&error))?;
        Ok(Self(form.0))
    }
}

async fn read_pairs(
    parts: &http::request::Parts,
    bytes: &Bytes,
    state: &Shared,
) -> Result<Vec<(String, String)>, Problem> {
    let request = Request::from_parts(parts.clone(), axum::body::Body::from(bytes.clone()));
    let form = axum::Form::from_request(request, state).await.map_err(|error| unread_form(&error))?;
    Ok(form.0)
}

async fn own_page(parts: &mut http::request::Parts, state: &Shared) -> Result<(), Problem> {
    let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
    if is_own_page(&parts.headers, &visitor) { Ok(()) } else { Err(foreign_page()) }
}

async fn document<T: DeserializeOwned>(request: Request, state: &Shared) -> Result<T, Problem> {
    let read = axum::Json::<T>::from_request(request, state).await;
    read.map(|document| document.0).map_err(|error| match &error {
        JsonRejection::MissingJsonContentType(_) => Problem::of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        JsonRejection::BytesRejection(error) => unread(error),
        other => invalid("body", other.body_text()),
    })
}

fn unread(error: &BytesRejection) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => invalid("body", "it did not arrive whole; send it again".to_owned()),
    }
}

fn unread_form(error: &FormRejection) -> Problem {
    match error.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let message = "send the form as application/x-www-form-urlencoded";
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
        }
        StatusCode::PAYLOAD_TOO_LARGE => Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => invalid("body", error.body_text()),
    }
}

/// A part of a request that breaks its rule.
pub(crate) fn invalid(field: &str, problem: String) -> Problem {
    let message = format!("{field}: {problem}");
    Problem::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message).with_field(field, problem)
}
