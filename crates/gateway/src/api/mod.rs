//! The HTTP API: one function for each method of each path, which asks a service and says its answer in JSON.
//!
//! Its description is made of the same functions, so that it cannot say anything else.

#![allow(unused_qualifications, reason = "the macros of the description write whole paths")]
#![allow(clippy::doc_markdown, reason = "the comments of operations are shown to people as they stand")]

mod activity;
mod asked;
mod audit;
mod devices;
mod docs;
mod events;
mod export;
mod features;
mod grants;
mod instances;
mod problems;
mod reading;
mod refusals;
mod reservations;
mod sessions;
mod sync;
mod tokens;
mod updates;
mod usage;
mod users;

use axum::Router;
use axum::routing::any;
use leasehold_runtime::http::Problem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::model::Summary;
use crate::state::Shared;

/// What a handler answers.
type Answer<T> = Result<T, Problem>;

/// What stands at the beginning of the description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Leasehold",
        description = "Administration of a Leasehold licence server. Errors are problem documents (RFC 9457) whose \
            `reason` is stable. A program sends an API token, `Authorization: Bearer lht_…`; a page of the console sends \
            the cookie of its session and, with every change, the session's form token in the header `x-form-token`. \
            Where a path has an instance, `~` is the default one.",
        license(name = "MIT", identifier = "MIT"),
    ),
    modifiers(&Schemes),
    components(schemas(refusals::ProblemDocument, refusals::FieldError, Summary)),
    security(("token" = []), ("session" = [])),
    tags(
        (name = "instances", description = "Logical licence servers"),
        (name = "features", description = "What is owned, and how much of it is out"),
        (name = "devices", description = "Client machines"),
        (name = "grants", description = "What is out, and who holds it"),
        (name = "reservations", description = "Counts kept for somebody"),
        (name = "usage", description = "Use over time, and refusals"),
        (name = "activity", description = "What happened"),
        (name = "sync", description = "Synchronisation with the vendor"),
        (name = "updates", description = "Releases of the vendor, and the clients that get them"),
        (name = "session", description = "Signing in and out"),
        (name = "administration", description = "Administrators, tokens and the audit"),
    )
)]
struct Description;

/// How a caller shows who it is.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let token =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token")).build();
        let session = ApiKey::Cookie(ApiKeyValue::with_description(
            "__Host-leasehold-session",
            "The cookie of a session; on the loopback address over plain text it is `leasehold-session`",
        ));
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("session", SecurityScheme::ApiKey(session));
    }
}

/// Everything below `/api`, and the pages of problems.
pub(crate) fn router(state: &Shared) -> Router<Shared> {
    let (router, mut description) = OpenApiRouter::with_openapi(Description::openapi())
        .merge(instances::router())
        .merge(features::router())
        .merge(devices::router())
        .merge(grants::router())
        .merge(reservations::router())
        .merge(usage::router())
        .merge(activity::router())
        .merge(sync::router())
        .merge(updates::router())
        .merge(sessions::router())
        .merge(users::router())
        .merge(tokens::router())
        .merge(audit::router())
        .merge(events::router())
        .split_for_parts();
    description.info.version.clone_from(&state.config.version);
    let nothing = Router::new().route("/api", any(nothing_here)).route("/api/{*rest}", any(nothing_here));
    router.merge(docs::router(&description)).merge(problems::router()).merge(nothing)
}

/// What is answered below `/api` where there is nothing; elsewhere the console answers.
async fn nothing_here() -> Problem {
    Problem::of_status(http::StatusCode::NOT_FOUND)
}
