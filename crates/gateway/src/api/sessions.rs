//! Signing in and out.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::{Changes, Reads};
use crate::access::first::FirstAdministrator;
use crate::access::{self, Opened, SignIn};
use crate::guard;
use crate::model::SessionInfo;
use crate::origin::Visitor;
use crate::state::Shared;
use crate::who::{Way, Who};

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(session, sign_in, sign_out)).routes(routes!(first))
}

fn opened(status: StatusCode, opened: Opened) -> Response {
    let info = SessionInfo {
        user: opened.user,
        roles: opened.roles,
        form_token: Some(opened.form_token),
        ends_at: Some(opened.ends_at),
    };
    (status, [(SET_COOKIE, opened.cookie)], Json(info)).into_response()
}

/// Who is signed in
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = SessionInfo), Reads))]
async fn session(who: Who) -> Json<SessionInfo> {
    let roles = who.actor.roles.iter().map(|role| role.name().to_owned()).collect();
    let (form_token, ends_at) = match who.way {
        Way::Session { form_token, ends_at, .. } => (Some(form_token), Some(ends_at)),
        Way::Token { .. } => (None, None),
    };
    Json(SessionInfo { user: who.user, roles, form_token, ends_at })
}

/// Sign in
///
/// The answer sets the cookie of the session, and has the form token that comes with every change.
#[utoipa::path(
    post, path = "/api/v1/session", tag = "session", security(()),
    request_body = SignIn,
    responses((status = 201, body = SessionInfo, headers(("Set-Cookie" = String))), Reads, Changes)
)]
async fn sign_in(
    State(state): State<Shared>,
    visitor: Visitor,
    headers: http::HeaderMap,
    guard::OpenJson(given): guard::OpenJson<SignIn>,
) -> Answer<Response> {
    let old = access::shown_session(&headers, &visitor);
    access::sign_in(&state, &visitor, given, old).await.map(|it| opened(StatusCode::CREATED, it))
}

/// Sign out
#[utoipa::path(
    delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, headers(("Set-Cookie" = String))), Reads, Changes)
)]
async fn sign_out(State(state): State<Shared>, guard::Allowed(who): guard::Allowed) -> Answer<Response> {
    access::sign_out(&state, &who).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, access::end_cookie(&who.visitor))]).into_response())
}

/// Make the first administrator, and sign in
///
/// With the code that the server has printed while there is none.
#[utoipa::path(
    post, path = "/api/v1/first-administrator", tag = "session", security(()),
    request_body = FirstAdministrator,
    responses((status = 201, body = SessionInfo, headers(("Set-Cookie" = String))), Reads, Changes)
)]
async fn first(
    State(state): State<Shared>,
    visitor: Visitor,
    guard::OpenJson(given): guard::OpenJson<FirstAdministrator>,
) -> Answer<Response> {
    access::first::create(&state, &visitor, given).await.map(|it| opened(StatusCode::CREATED, it))
}
