//! Reservations, by group.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::{Changes, Reads, Revisions};
use crate::extract::{IfMatch, Path};
use crate::guard;
use crate::model::{GroupInput, List, Listing, ReservationGroup};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(groups, create)).routes(routes!(group, update, delete))
}

/// A header of a revision, where it can be one.
pub(super) fn etag(etag: &str) -> Option<(HeaderName, HeaderValue)> {
    HeaderValue::try_from(format!("\"{etag}\"")).ok().map(|value| (ETAG, value))
}

fn with_etag(status: StatusCode, group: ReservationGroup) -> Response {
    let header = etag(&group.etag);
    let mut response = (status, Json(group)).into_response();
    response.headers_mut().extend(header);
    response
}

/// The reservation groups
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/reservation-groups", tag = "reservations",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"), List),
    responses((status = 200, body = Listing<ReservationGroup>), Reads)
)]
async fn groups(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    list: List,
) -> Answer<Json<Listing<ReservationGroup>>> {
    state.services(&who).reservation_groups(&instance, &list).await.map(Json)
}

/// Add a group, whole or not at all
///
/// Needs the role RESERVATIONS.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/reservation-groups", tag = "reservations",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    request_body = GroupInput,
    responses(
        (status = 201, body = ReservationGroup, headers(("ETag" = String), ("Location" = String))),
        Reads,
        Changes
    )
)]
async fn create(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    guard::Json(group): guard::Json<GroupInput>,
) -> Answer<Response> {
    let group = state.services(&who).create_reservation_group(&instance, group).await?;
    let place = format!("/api/v1/instances/~/reservation-groups/{}", group.group_id);
    let place = if instance == "~" { HeaderValue::try_from(place).ok() } else { None };
    let mut response = with_etag(StatusCode::CREATED, group);
    response.headers_mut().extend(place.map(|place| (LOCATION, place)));
    Ok(response)
}

/// One group
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/reservation-groups/{group_id}", tag = "reservations",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("group_id" = String, Path, description = "The group's id", example = "01890a5d-ac96-774b-bcce-b302099a8057")
    ),
    responses((status = 200, body = ReservationGroup, headers(("ETag" = String))), Reads)
)]
async fn group(
    State(state): State<Shared>,
    who: Who,
    Path((instance, group_id)): Path<(String, String)>,
) -> Answer<Response> {
    let group = state.services(&who).reservation_group(&instance, &group_id).await?;
    Ok(with_etag(StatusCode::OK, group))
}

/// Replace a group
///
/// Entries whose id stands keep it. Needs the role RESERVATIONS.
#[utoipa::path(
    put, path = "/api/v1/instances/{instance}/reservation-groups/{group_id}", tag = "reservations",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("group_id" = String, Path, description = "The group's id", example = "01890a5d-ac96-774b-bcce-b302099a8057"),
        ("If-Match" = String, Header, description = "The ETag that was read", example = "\"1\"")
    ),
    request_body = GroupInput,
    responses((status = 200, body = ReservationGroup, headers(("ETag" = String))), Reads, Changes, Revisions)
)]
async fn update(
    State(state): State<Shared>,
    who: Who,
    Path((instance, group_id)): Path<(String, String)>,
    IfMatch(etag): IfMatch,
    guard::Json(group): guard::Json<GroupInput>,
) -> Answer<Response> {
    let group = state.services(&who).update_reservation_group(&instance, &group_id, &etag, group).await?;
    Ok(with_etag(StatusCode::OK, group))
}

/// Remove a group
///
/// What is out of it becomes shared use. Needs the role RESERVATIONS.
#[utoipa::path(
    delete, path = "/api/v1/instances/{instance}/reservation-groups/{group_id}", tag = "reservations",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("group_id" = String, Path, description = "The group's id", example = "01890a5d-ac96-774b-bcce-b302099a8057"),
        ("If-Match" = String, Header, description = "The ETag that was read", example = "\"1\"")
    ),
    responses((status = 204), Reads, Changes, Revisions)
)]
async fn delete(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path((instance, group_id)): Path<(String, String)>,
    IfMatch(etag): IfMatch,
) -> Answer<StatusCode> {
    state.services(&who).delete_reservation_group(&instance, &group_id, &etag).await?;
    Ok(StatusCode::NO_CONTENT)
}
