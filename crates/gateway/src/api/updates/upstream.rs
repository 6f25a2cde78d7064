//! The vendor's update repository: how its mirror stands, mirroring it now, and the way to it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Of;
use crate::api::Answer;
use crate::api::refusals::{Changes, Reads};
use crate::extract::Query;
use crate::guard;
use crate::model::{MirrorRun, UpstreamStatus, UpstreamStep};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(status)).routes(routes!(refresh)).routes(routes!(test_connection))
}

/// The way to the vendor's repository, step by step.
#[derive(Serialize, ToSchema)]
struct UpstreamTested {
    /// In order, up to the first that failed.
    steps: Vec<UpstreamStep>,
}

/// Where the vendor's repository is, and how its mirror stands
#[utoipa::path(
    get, path = "/api/v1/updates/upstream", tag = "updates", params(Of),
    responses((status = 200, body = UpstreamStatus), Reads)
)]
async fn status(State(state): State<Shared>, who: Who, Query(of): Query<Of>) -> Answer<Json<UpstreamStatus>> {
    state.services(&who).upstream_status(&of.instance).await.map(Json)
}

/// Get updates now
///
/// Mirrors the vendor's repository and waits for it, up to two minutes; the run goes on where that was too short, and the
/// status says what came of it. 409 where one is under way. Needs the role OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/updates/upstream/refresh", tag = "updates", params(Of),
    responses((status = 200, body = MirrorRun), Reads, Changes)
)]
async fn refresh(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Query(of): Query<Of>,
) -> Answer<Json<MirrorRun>> {
    state.services(&who).refresh_upstream(&of.instance).await.map(Json)
}

/// Walk the way to the vendor's repository, without changing anything
///
/// Needs the role OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/updates/upstream/test-connection", tag = "updates", params(Of),
    responses((status = 200, body = UpstreamTested), Reads, Changes)
)]
async fn test_connection(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Query(of): Query<Of>,
) -> Answer<Json<UpstreamTested>> {
    let steps = state.services(&who).test_upstream(&of.instance).await?;
    Ok(Json(UpstreamTested { steps }))
}
