//! What happened in an instance.

use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::Asked;
use super::refusals::Reads;
use super::{Answer, export};
use crate::extract::Path;
use crate::model::{Activity, List, Listing};
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(activity))
}

/// The activity, newest first
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/activity", tag = "activity",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        List,
        export::FormatQuery
    ),
    responses(
        (status = 200, content(
            (Listing<Activity> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn activity(asked: Asked, Path(instance): Path<String>) -> Answer<Response> {
    asked
        .answer("activity", instance, |to, instance, list| {
            Box::pin(async move { to.activity(instance, list).await })
        })
        .await
}
