//! Updates: products, releases, the clients that follow them, and the vendor's repository.

mod rows;
mod upstream;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::Asked;
use super::refusals::Reads;
use super::{Answer, export};
use crate::extract::{Path, Query};
use crate::model::{List, Listing, UpdateClient, UpdateEvent, UpdateProduct, UpdateRelease};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(products))
        .routes(routes!(releases))
        .routes(routes!(clients))
        .routes(routes!(client))
        .routes(routes!(events))
        .merge(upstream::router())
}

/// Whose updates are meant.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Of {
    /// The instance's id or name; left out or `~`: the default one.
    #[param(example = "~", max_length = 255)]
    instance: String,
}

/// Updates of what are meant.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct OfProduct {
    /// The instance's id or name; left out or `~`: the default one.
    #[param(example = "~", max_length = 255)]
    instance: String,
    /// Only those of this product; left out: all.
    #[param(example = "Studio", max_length = 255)]
    product: String,
}

/// The products that there are releases of, by name
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/updates/products", tag = "updates",
    params(Of, List, export::FormatQuery),
    responses(
        (status = 200, content(
            (Listing<UpdateProduct> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn products(asked: Asked, Query(of): Query<Of>) -> Answer<Response> {
    asked
        .answer("products", of, |to, of, list| {
            Box::pin(async move { to.update_products(&of.instance, list).await })
        })
        .await
}

/// The releases, by product, the one that was seen last first
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/updates/releases", tag = "updates",
    params(OfProduct, List, export::FormatQuery),
    responses(
        (status = 200, content(
            (Listing<UpdateRelease> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn releases(asked: Asked, Query(of): Query<OfProduct>) -> Answer<Response> {
    asked
        .answer("releases", of, |to, of, list| {
            Box::pin(async move { to.update_releases(&of.instance, &of.product, list).await })
        })
        .await
}

/// The clients, by device and id
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/updates/clients", tag = "updates",
    params(OfProduct, List, export::FormatQuery),
    responses(
        (status = 200, content(
            (Listing<UpdateClient> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn clients(asked: Asked, Query(of): Query<OfProduct>) -> Answer<Response> {
    asked
        .answer("clients", of, |to, of, list| {
            Box::pin(async move { to.update_clients(&of.instance, &of.product, list).await })
        })
        .await
}

/// One client, with what it follows
#[utoipa::path(
    get, path = "/api/v1/updates/clients/{client_id}", tag = "updates",
    params(
        ("client_id" = String, Path, description = "The client's own id, a UUID",
            example = "01890a5d-ac96-774b-bcce-b302099a8057"),
        Of
    ),
    responses((status = 200, body = UpdateClient), Reads)
)]
async fn client(
    State(state): State<Shared>,
    who: Who,
    Path(client_id): Path<String>,
    Query(of): Query<Of>,
) -> Answer<Json<UpdateClient>> {
    let least = List { page_size: 1, ..List::default() };
    let (client, _) = state.services(&who).update_client(&of.instance, &client_id, &least).await?;
    Ok(Json(client))
}

/// What one client did, newest first
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/updates/clients/{client_id}/events", tag = "updates",
    params(
        ("client_id" = String, Path, description = "The client's own id, a UUID",
            example = "01890a5d-ac96-774b-bcce-b302099a8057"),
        Of,
        List,
        export::FormatQuery
    ),
    responses(
        (status = 200, content(
            (Listing<UpdateEvent> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn events(asked: Asked, Path(client_id): Path<String>, Query(of): Query<Of>) -> Answer<Response> {
    asked
        .answer("events", (client_id, of), |to, (client_id, of), list| {
            Box::pin(async move { Ok(to.update_client(&of.instance, client_id, list).await?.1) })
        })
        .await
}
