//! The console: pages for people.
//!
//! Pages are made here from what services answer, with templates that are compiled into the program. Every page works
//! without its script, which only keeps numbers fresh and puts questions into a dialog. Responsible for what is shown and
//! how; not for what is true, who may do what, or what a button does: those are the services' and [`crate::access`]'s.
//! Reference: `docs/reference/gateway.md`, "The console".

mod answer;
pub(crate) mod assets;
mod figures;
mod gather;
mod pages;
mod parts;
mod routes;
mod said;
mod shell;
mod theme;
mod use_over_time;
mod visit;
mod words;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use http::StatusCode;
use leasehold_runtime::http::{Problem, axum};

use crate::state::Shared;
use routes::{
    about, activity, audit, back_office, dashboard, device, devices, feature, features, offline, sign_in,
    suspension, tokens, users,
};

/// Largest file that a form may bring along.
const LARGEST_UPLOAD: usize = 16 << 20;

/// Every page, and the one for addresses that there are not.
pub(crate) fn router(state: &Shared) -> Router<Shared> {
    licences()
        .merge(vendor())
        .merge(administration())
        .fallback(nothing)
        .layer(from_fn_with_state(Shared::clone(state), answer::problems))
        .route("/assets/{digest}/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::icon))
}

fn licences() -> Router<Shared> {
    Router::new()
        .route("/", get(dashboard::show))
        .route("/suspend", get(suspension::ask_suspend).post(suspension::suspend))
        .route("/resume", get(suspension::ask_resume).post(suspension::resume))
        .route("/features", get(features::list))
        .route("/features/{name}", get(feature::show))
        .route("/devices", get(devices::list))
        .route("/devices/{hostid}", get(device::show))
        .route("/devices/{hostid}/block", get(device::ask_block).post(device::block))
        .route("/devices/{hostid}/unblock", get(device::ask_unblock).post(device::unblock))
        .route("/devices/{hostid}/drop", get(device::ask_drop).post(device::drop_device))
        .route("/grants/{id}/drop", get(device::ask_drop_grant).post(device::drop_grant))
        .route("/activity", get(activity::list))
}

fn vendor() -> Router<Shared> {
    let uploads = Router::new()
        .route("/back-office/enrol/file", post(back_office::enrol_file))
        .route("/back-office/offline/response", post(offline::response))
        .layer(DefaultBodyLimit::max(LARGEST_UPLOAD));
    Router::new()
        .route("/back-office", get(back_office::show))
        .route("/back-office/enrol", post(back_office::enrol))
        .route("/back-office/synchronise", post(back_office::synchronise))
        .route(
            "/back-office/connection",
            get(back_office::show_connection).post(back_office::test_connection),
        )
        .route("/back-office/offline", get(offline::show))
        .route("/back-office/offline/request", post(offline::request))
        .merge(uploads)
}

fn administration() -> Router<Shared> {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/first-sign-in", get(sign_in::show_first).post(sign_in::make_first))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/theme", post(theme::choose))
        .route("/password", get(users::show_password).post(users::change_password))
        .route("/users", get(users::list))
        .route("/users/add", get(users::show_add).post(users::add))
        .route("/users/{name}/roles", get(users::show_roles).post(users::change_roles))
        .route("/users/{name}/disable", get(users::ask_disable).post(users::disable))
        .route("/users/{name}/enable", get(users::ask_enable).post(users::enable))
        .route("/tokens", get(tokens::list))
        .route("/tokens/add", get(tokens::show_add).post(tokens::add))
        .route("/tokens/{id}/revoke", get(tokens::ask_revoke).post(tokens::revoke))
        .route("/audit", get(audit::list))
        .route("/about", get(about::show))
}

async fn nothing(request: Request) -> Problem {
    let message = format!("there is nothing at {}", request.uri().path());
    Problem::new(StatusCode::NOT_FOUND, "NO_SUCH_PAGE", message)
}
