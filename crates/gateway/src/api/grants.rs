//! Grants.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::Asked;
use super::devices::Reason;
use super::refusals::{Changes, Reads};
use super::{Answer, export};
use crate::extract::{Path, Query};
use crate::guard;
use crate::model::{Grant, List, Listing};
use crate::services::GrantFilter;
use crate::state::Shared;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(grants)).routes(routes!(drop_grant))
}

/// The grants, oldest first
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/grants", tag = "grants",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        GrantFilter,
        List,
        export::FormatQuery
    ),
    responses(
        (status = 200, content(
            (Listing<Grant> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn grants(
    asked: Asked,
    Path(instance): Path<String>,
    Query(filter): Query<GrantFilter>,
) -> Answer<Response> {
    asked
        .answer("grants", (instance, filter), |to, (instance, filter), list| {
            Box::pin(async move { to.grants(instance, filter, list).await })
        })
        .await
}

/// End a grant without its holder
///
/// Needs the role DROP_CLIENT, and the policy `licensing.allow_device_drop`.
#[utoipa::path(
    delete, path = "/api/v1/instances/{instance}/grants/{grant_id}", tag = "grants",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("grant_id" = String, Path, description = "The grant's id", example = "01890a5d-ac96-774b-bcce-b302099a8057"),
        Reason
    ),
    responses((status = 200, body = Grant), Reads, Changes)
)]
async fn drop_grant(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path((instance, grant_id)): Path<(String, String)>,
    Query(Reason { reason }): Query<Reason>,
) -> Answer<Json<Grant>> {
    state.services(&who).drop_grant(&instance, &grant_id, &reason).await.map(Json)
}
