//! Instances: how one stands, and whether it gives anything out.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::{Changes, Reads};
use crate::extract::Path;
use crate::guard;
use crate::health::ServiceHealth;
use crate::model::Instance;
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(instance))
        .routes(routes!(suspend))
        .routes(routes!(resume))
        .routes(routes!(services))
}

/// What clients of a suspended instance are told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Suspend {
    /// At most 1,000 bytes; may be empty.
    #[serde(default)]
    #[schema(example = "Maintenance until 18:00", max_length = 1000)]
    text: String,
}

/// Whether something was changed.
#[derive(Serialize, ToSchema)]
struct Changed {
    /// Whether it was otherwise before.
    changed: bool,
}

/// How an instance stands
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}", tag = "instances",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    responses((status = 200, body = Instance), Reads)
)]
async fn instance(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
) -> Answer<Json<Instance>> {
    state.services(&who).instance(&instance).await.map(Json)
}

/// Stop giving anything out
///
/// What is out stays out. Needs the role OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/suspend", tag = "instances",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    request_body = Suspend,
    responses((status = 200, body = Changed), Reads, Changes)
)]
async fn suspend(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    guard::Json(suspend): guard::Json<Suspend>,
) -> Answer<Json<Changed>> {
    let changed = state.services(&who).suspend(&instance, &suspend.text).await?;
    Ok(Json(Changed { changed }))
}

/// Give things out again
///
/// Needs the role OPERATOR.
#[utoipa::path(
    post, path = "/api/v1/instances/{instance}/resume", tag = "instances",
    params(("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~")),
    responses((status = 200, body = Changed), Reads, Changes)
)]
async fn resume(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path(instance): Path<String>,
) -> Answer<Json<Changed>> {
    let changed = state.services(&who).resume(&instance).await?;
    Ok(Json(Changed { changed }))
}

/// Whether the services behind the gateway answer
#[utoipa::path(
    get, path = "/api/v1/services", tag = "instances",
    responses((status = 200, body = Vec<ServiceHealth>), Reads)
)]
async fn services(State(state): State<Shared>, _: Who) -> Json<Vec<ServiceHealth>> {
    Json(state.health().await)
}
