//! Features.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::Asked;
use super::refusals::Reads;
use super::{Answer, export};
use crate::extract::Path;
use crate::model::{Feature, FeatureSummary, List, Listing};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(features)).routes(routes!(feature))
}

/// The features, summed by name and version
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/features", tag = "features",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        List,
        export::FormatQuery
    ),
    responses(
        (status = 200, content(
            (Listing<FeatureSummary> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn features(asked: Asked, Path(instance): Path<String>) -> Answer<Response> {
    asked
        .answer("features", instance, |to, instance, list| {
            Box::pin(async move { to.features(instance, list).await })
        })
        .await
}

/// One feature, its line items, and who holds it
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/features/{name}", tag = "features",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("name" = String, Path, description = "The feature's name", example = "render")
    ),
    responses((status = 200, body = Feature), Reads)
)]
async fn feature(
    State(state): State<Shared>,
    who: Who,
    Path((instance, name)): Path<(String, String)>,
) -> Answer<Json<Feature>> {
    state.services(&who).feature(&instance, &name).await.map(Json)
}
