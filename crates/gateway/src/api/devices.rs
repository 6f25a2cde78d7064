//! Devices.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::asked::Asked;
use super::refusals::{Changes, Reads};
use super::{Answer, export};
use crate::extract::{Path, Query};
use crate::guard;
use crate::model::{Device, DeviceDetails, Grant, List, Listing};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(devices))
        .routes(routes!(device, drop_device))
        .routes(routes!(block, unblock))
}

/// Why something is done.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct Reason {
    /// For the activity log.
    #[param(example = "replaced by a new machine", max_length = 255)]
    pub(super) reason: String,
}

/// What was ended.
#[derive(Serialize, ToSchema)]
struct Dropped {
    /// The grants as they stood.
    grants: Vec<Grant>,
}

/// The devices
///
/// As CSV and NDJSON it is the whole list.
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/devices", tag = "devices",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        List,
        export::FormatQuery
    ),
    responses(
        (status = 200, content(
            (Listing<Device> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn devices(asked: Asked, Path(instance): Path<String>) -> Answer<Response> {
    asked
        .answer("devices", instance, |to, instance, list| {
            Box::pin(async move { to.devices(instance, list).await })
        })
        .await
}

/// One device, and what it holds
#[utoipa::path(
    get, path = "/api/v1/instances/{instance}/devices/{hostid}", tag = "devices",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("hostid" = String, Path, description = "VALUE/TYPE, its slash as %2F", example = "a1b2/MACHINE_ID")
    ),
    responses((status = 200, body = DeviceDetails), Reads)
)]
async fn device(
    State(state): State<Shared>,
    who: Who,
    Path((instance, hostid)): Path<(String, String)>,
) -> Answer<Json<DeviceDetails>> {
    state.services(&who).device(&instance, &hostid).await.map(Json)
}

/// End everything that a device holds, and forget it
///
/// Needs the role DROP_CLIENT, and the policy `licensing.allow_device_drop`.
#[utoipa::path(
    delete, path = "/api/v1/instances/{instance}/devices/{hostid}", tag = "devices",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("hostid" = String, Path, description = "VALUE/TYPE, its slash as %2F", example = "a1b2/MACHINE_ID"),
        Reason
    ),
    responses((status = 200, body = Dropped), Reads, Changes)
)]
async fn drop_device(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path((instance, hostid)): Path<(String, String)>,
    Query(Reason { reason }): Query<Reason>,
) -> Answer<Json<Dropped>> {
    let grants = state.services(&who).drop_device(&instance, &hostid, &reason).await?;
    Ok(Json(Dropped { grants }))
}

/// Give a device nothing any more
///
/// Needs the role DROP_CLIENT or OPERATOR.
#[utoipa::path(
    put, path = "/api/v1/instances/{instance}/devices/{hostid}/block", tag = "devices",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("hostid" = String, Path, description = "VALUE/TYPE, its slash as %2F", example = "a1b2/MACHINE_ID")
    ),
    responses((status = 200, body = Device), Reads, Changes)
)]
async fn block(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path((instance, hostid)): Path<(String, String)>,
) -> Answer<Json<Device>> {
    state.services(&who).set_device_blocked(&instance, &hostid, true).await.map(Json)
}

/// Give a device things again
///
/// Needs the role DROP_CLIENT or OPERATOR.
#[utoipa::path(
    delete, path = "/api/v1/instances/{instance}/devices/{hostid}/block", tag = "devices",
    params(
        ("instance" = String, Path, description = "Id or name; `~`: the default one", example = "~"),
        ("hostid" = String, Path, description = "VALUE/TYPE, its slash as %2F", example = "a1b2/MACHINE_ID")
    ),
    responses((status = 200, body = Device), Reads, Changes)
)]
async fn unblock(
    State(state): State<Shared>,
    guard::Allowed(who): guard::Allowed,
    Path((instance, hostid)): Path<(String, String)>,
) -> Answer<Json<Device>> {
    state.services(&who).set_device_blocked(&instance, &hostid, false).await.map(Json)
}
