//! Administrators.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::Problem;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::{Changes, Reads, Revisions};
use super::reservations::etag;
use crate::access::users::{self, PasswordChange, UserChange, UserInput};
use crate::extract::{IfMatch, Path};
use crate::guard;
use crate::guard::invalid;
use crate::model::{List, Listing, User};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(find, change, delete))
        .routes(routes!(password))
        .routes(routes!(roles))
}

/// What a role may do.
#[derive(Serialize, ToSchema)]
struct RoleInfo {
    /// Its name.
    #[schema(example = "OPERATOR")]
    name: &'static str,
    /// What it may do.
    #[schema(example = "Synchronises, updates, suspends, reserves seats")]
    description: &'static str,
}

fn with_etag(status: StatusCode, user: User) -> Response {
    let header = etag(&user.etag);
    let mut response = (status, Json(user)).into_response();
    response.headers_mut().extend(header);
    response
}

fn revision(etag: &str) -> Result<u64, Problem> {
    etag.parse().map_err(|_| invalid("If-Match", "give the ETag as the answer had it".to_owned()))
}

/// The administrators
///
/// Needs the role ADMIN.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "administration", params(List),
    responses((status = 200, body = Listing<User>), Reads)
)]
async fn list(State(state): State<Shared>, who: Who, list: List) -> Answer<Json<Listing<User>>> {
    users::list(&state, &who, &list).await.map(Json)
}

/// Add an administrator
///
/// Needs the role ADMIN.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "administration", request_body = UserInput,
    responses((status = 201, body = User, headers(("ETag" = String))), Reads, Changes)
)]
async fn create(
    State(state): State<Shared>,
    who: Who,
    guard::Json(input): guard::Json<UserInput>,
) -> Answer<Response> {
    users::create(&state, &who, input).await.map(|user| with_etag(StatusCode::CREATED, user))
}

/// One administrator
///
/// Oneself, or with the role ADMIN.
#[utoipa::path(
    get, path = "/api/v1/users/{name}", tag = "administration",
    params(("name" = String, Path, description = "The administrator's name", example = "kim")),
    responses((status = 200, body = User, headers(("ETag" = String))), Reads)
)]
async fn find(State(state): State<Shared>, who: Who, Path(name): Path<String>) -> Answer<Response> {
    users::find(&state, &who, &name).await.map(|user| with_etag(StatusCode::OK, user))
}

/// Change an administrator
///
/// What is left out stays. Needs the role ADMIN.
#[utoipa::path(
    patch, path = "/api/v1/users/{name}", tag = "administration",
    params(
        ("name" = String, Path, description = "The administrator's name", example = "kim"),
        ("If-Match" = String, Header, description = "The ETag that was read", example = "\"1\"")
    ),
    request_body = UserChange,
    responses((status = 200, body = User, headers(("ETag" = String))), Reads, Changes, Revisions)
)]
async fn change(
    State(state): State<Shared>,
    who: Who,
    Path(name): Path<String>,
    IfMatch(etag): IfMatch,
    guard::Json(change): guard::Json<UserChange>,
) -> Answer<Response> {
    let user = users::change(&state, &who, &name, revision(&etag)?, change).await?;
    Ok(with_etag(StatusCode::OK, user))
}

/// Remove an administrator, with its sessions and tokens
///
/// Needs the role ADMIN.
#[utoipa::path(
    delete, path = "/api/v1/users/{name}", tag = "administration",
    params(
        ("name" = String, Path, description = "The administrator's name", example = "kim"),
        ("If-Match" = String, Header, description = "The ETag that was read", example = "\"1\"")
    ),
    responses((status = 204), Reads, Changes, Revisions)
)]
async fn delete(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(name): Path<String>,
    IfMatch(etag): IfMatch,
) -> Answer<StatusCode> {
    users::delete(&state, &who, &name, revision(&etag)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Change one's own password
///
/// Every session of it ends.
#[utoipa::path(
    put, path = "/api/v1/password", tag = "administration", request_body = PasswordChange,
    responses((status = 204), Reads, Changes)
)]
async fn password(
    State(state): State<Shared>,
    who: Who,
    guard::Json(change): guard::Json<PasswordChange>,
) -> Answer<StatusCode> {
    users::change_own_password(&state, &who, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The roles that there are
#[utoipa::path(
    get, path = "/api/v1/roles", tag = "administration",
    responses((status = 200, body = Vec<RoleInfo>), Reads)
)]
async fn roles(_: Who) -> Json<Vec<RoleInfo>> {
    let info = |role: Role| RoleInfo {
        name: role.name(),
        description: match role {
            Role::Viewer => "Reads",
            Role::Reservations => "Edits reservations and models",
            Role::DropClient => "Ends other people's grants",
            Role::Offline => "Exchanges files with the vendor",
            Role::Operator => "Synchronises, updates, suspends, reserves seats",
            Role::Admin => "Everything",
        },
    };
    Json(Role::ALL.map(info).into())
}
