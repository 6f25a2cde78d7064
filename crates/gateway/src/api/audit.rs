//! The audit.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::refusals::Reads;
use super::{Answer, export};
use crate::access;
use crate::extract::Format;
use crate::model::{AuditEntry, List, Listing};
use crate::state::Shared;
use crate::who::Who;

pub(super) fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new().routes(routes!(audit))
}

/// Who signed in and changed what, newest first
///
/// As CSV and NDJSON it is the whole list. Needs the role ADMIN.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "administration",
    params(List, export::FormatQuery),
    responses(
        (status = 200, content(
            (Listing<AuditEntry> = "application/json"),
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        Reads
    )
)]
async fn audit(State(state): State<Shared>, who: Who, list: List, format: Format) -> Answer<Response> {
    let part = move |list: List| {
        let (state, who) = (Shared::clone(&state), who.clone());
        async move { access::audit::list(&state, &who, &list).await }
    };
    export::list("audit", format, list, part).await
}
