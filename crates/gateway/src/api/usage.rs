//! Use over time, and refusals.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Answer;
use super::refusals::Reads;
use crate::extract::{Path, Query};
use crate::model::{DenialQuery, Denials, FeatureUsage, List, Listing, UsageQuery};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(usage)).routes(routes!(denials))
}

/// Use over time, by feature
///
/// Features times steps are at most 50,000.
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/usage", tag = "usage",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        UsageQuery,
        List
    ),
    responses((status = 200, body = Listing<FeatureUsage>), Reads)
)]
async fn usage(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    Query(query): Query<UsageQuery>,
    list: List,
) -> Answer<Json<Listing<FeatureUsage>>> {
    state.services(&who).usage(&instance, &query, &list).await.map(Json)
}

/// How often features were refused, most often first
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/denials", tag = "usage",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        DenialQuery,
        List
    ),
    responses((status = 200, body = Denials), Reads)
)]
async fn denials(
    State(state): State<Shared>,
    who: Who,
    Path(instance): Path<String>,
    Query(query): Query<DenialQuery>,
    list: List,
) -> Answer<Json<Denials>> {
    state.services(&who).denials(&instance, &query, &list).await.map(Json)
}
