//! Synchronisation with the vendor.

use axum::Json;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use leasehold_runtime::http::Problem;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::{Changes, Reads};
use crate::extract::{Path, Query};
use crate::guard;
use crate::model::{ConnectionStep, Enrolled, Enrolment, Exchange, List, Listing, SyncStatus};
use crate::services::LARGEST;
use crate::state::Shared;
use crate::who::Who;

/// What the answer with a request file says of the number of the request.
const REQUEST_NUMBER: HeaderName = HeaderName::from_static("x-request-number");

pub(super) fn router() -> OpenApiRouter<Shared> {
    let import = OpenApiRouter::new().routes(routes!(import)).layer(DefaultBodyLimit::max(LARGEST));
    OpenApiRouter::new()
        .routes(routes!(status, enrol))
        .routes(routes!(run))
        .routes(routes!(test_connection))
        .routes(routes!(export))
        .routes(routes!(history))
        .merge(import)
}

/// The way to the vendor, step by step.
#[derive(Serialize, ToSchema)]
struct Tested {
    /// In order, up to the first that failed.
    steps: Vec<ConnectionStep>,
}

/// In which form a request file is wanted.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Form {
    /// As text that survives mail, instead of bytes.
    armored: bool,
}

/// How synchronisation stands
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/sync", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    responses((status = 200, body = SyncStatus), Reads)
)]
async fn status(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
) -> Answer<Json<SyncStatus>> {
    state.services(&who).sync_status(&instance).await.map(Json)
}

/// Make the server one of a vendor's
///
/// With the content of the vendor's enrolment file. The vendor's root key is pinned by it. Needs the role ADMIN.
#[utoipa::path(
    put, path = "/api/v1/instances/{instance}/sync", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    request_body = Enrolment,
    responses((status = 200, body = Enrolled), Reads, Changes)
)]
async fn enrol(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    guard::Json(enrolment): guard::Json<Enrolment>,
) -> Answer<Json<Enrolled>> {
    state.services(&who).enrol(&instance, enrolment).await.map(Json)
}

/// Synchronise now, over the network
///
/// It waits for the vendor, up to two minutes. Needs the role OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/sync/run", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    responses((status = 200, body = Exchange), Reads, Changes)
)]
async fn run(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(instance): Path<String>,
) -> Answer<Json<Exchange>> {
    state.services(&who).synchronize(&instance).await.map(Json)
}

/// Walk the way to the vendor, without changing anything
///
/// Needs the role OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/sync/test-connection", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    responses((status = 200, body = Tested), Reads, Changes)
)]
async fn test_connection(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(instance): Path<String>,
) -> Answer<Json<Tested>> {
    let steps = state.services(&who).test_connection(&instance).await?;
    Ok(Json(Tested { steps }))
}

/// Make a request file
///
/// For a server without a way to its vendor. Needs the role OFFLINE or OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/sync/export", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"), Form),
    responses(
        (status = 200, description = "The file", headers(("x-request-number" = u64)), content(
            (Vec<u8> = "application/octet-stream"),
            (String = "text/plain")
        )),
        Reads,
        Changes
    )
)]
async fn export(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(instance): Path<String>,
    Query(Form { armored }): Query<Form>,
) -> Answer<Response> {
    let file = state.services(&who).export_sync_data(&instance, armored).await?;
    let kind = if armored { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    let name = format!("attachment; filename=\"request-{}.leasehold\"", file.number);
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_DISPOSITION, HeaderValue::try_from(name).expect("it is made of ASCII")),
        (REQUEST_NUMBER, HeaderValue::from(file.number)),
    ];
    Ok((headers, file.bytes).into_response())
}

/// Take a response file
///
/// Its form is found out. Needs the role OFFLINE or OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/sync/import", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file, at most 64 MiB"),
    responses((status = 200, body = Exchange), Reads, Changes)
)]
async fn import(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(instance): Path<String>,
    request: Request,
) -> Answer<Json<Exchange>> {
    let file = Bytes::from_request(request, &()).await;
    let file = file.map_err(|_| Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    state.services(&who).import_license_file(&instance, file.to_vec()).await.map(Json)
}

/// Every exchange with the vendor, newest first
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/sync/history", tag = "sync",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"), List),
    responses((status = 200, body = Listing<Exchange>), Reads)
)]
async fn history(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    list: List,
) -> Answer<Json<Listing<Exchange>>> {
    state.services(&who).exchanges(&instance, &list).await.map(Json)
}
