//! Signing in and out.

use axum::extract::{FromRequestParts, OptionalFromRequestParts, State};
use axum::response::Response;
use http::request::Parts;
use http::{StatusCode, header};
use leasehold_runtime::http::{Problem, axum};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::fields::Fields;
use crate::access::{self, Opened, SignIn, first};
use crate::console::answer::{own_path, page, page_of, see, sentence};
use crate::console::pages::sign_in::{FirstSignInPage, SignInPage, Wrongs};
use crate::console::said;
use crate::console::shell::Theme;
use crate::console::theme;
use crate::error::store_problem;
use crate::extract::Query;
use crate::guard::{Form, OpenForm};
use crate::origin::Visitor;
use crate::state::Shared;
use crate::who::{Way, Who};
use crate::{cookies, secret};

/// Somebody who may not be signed in.
pub(crate) struct Stranger {
    visitor: Visitor,
    who: Option<Who>,
    theme: Theme,
    /// The session that the browser shows, good or not.
    old: Option<[u8; 32]>,
    query: String,
}

impl FromRequestParts<Shared> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
        let who = <Who as OptionalFromRequestParts<Shared>>::from_request_parts(parts, state).await?;
        let old = cookies::read(&parts.headers, &visitor).map(|cookie| secret::digest(&cookie));
        let query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self { visitor, who, theme: theme::chosen(&parts.headers), old, query })
    }
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    back: String,
}

/// The page with name and password.
pub(crate) async fn show(
    State(state): State<Shared>,
    stranger: Stranger,
    Query(Back { back }): Query<Back>,
) -> Result<Response, Problem> {
    let back = own_path(&back);
    if stranger.who.is_some() {
        return Ok(see(&back));
    }
    stranger.visitor.may_sign_in()?;
    if first::is_wanted(&state).await? {
        return Ok(see("/first-sign-in"));
    }
    let mut shown = SignInPage::new(stranger.theme, back);
    shown.said = said::said(&stranger.query).map(|said| said.text);
    page(&shown)
}

/// Signs in.
pub(crate) async fn sign_in(
    State(state): State<Shared>,
    stranger: Stranger,
    OpenForm(fields): OpenForm<Fields>,
) -> Result<Response, Problem> {
    let back = own_path(fields.text("back"));
    let name = fields.text("name").to_owned();
    let given = SignIn { name: name.clone(), password: fields.secret("password") };
    match access::sign_in(&state, &stranger.visitor, given, stranger.old).await {
        Ok(opened) => Ok(opened_at(&back, &opened)),
        Err(problem) if may_try_again(&problem) => {
            let mut shown = SignInPage::new(stranger.theme, back);
            shown.wrong = Some(wrong(&problem));
            shown.name_field = shown.name_field.holds(name);
            page_of(problem.status, &shown)
        }
        Err(problem) => Err(problem),
    }
}

/// The page for the first administrator.
pub(crate) async fn show_first(
    State(state): State<Shared>,
    stranger: Stranger,
    Query(FirstCode { code }): Query<FirstCode>,
) -> Result<Response, Problem> {
    if !first::is_wanted(&state).await? {
        return Ok(see("/sign-in"));
    }
    stranger.visitor.may_sign_in()?;
    // The one that was told may be over by now.
    first::announce(&state).await.map_err(|error| store_problem(&error))?;
    page(&FirstSignInPage::new(stranger.theme, &code, "", &Wrongs::default()))
}

/// The code, if it came with the address.
#[derive(Deserialize)]
pub(crate) struct FirstCode {
    #[serde(default)]
    code: String,
}

/// Makes the first administrator and signs it in.
pub(crate) async fn make_first(
    State(state): State<Shared>,
    stranger: Stranger,
    OpenForm(fields): OpenForm<Fields>,
) -> Result<Response, Problem> {
    let (code, name) = (fields.text("code"), fields.text("name"));
    let (password, again) = (fields.secret("password"), fields.secret("again"));
    let refused = |status, wrongs: &Wrongs, wrong| {
        let mut shown = FirstSignInPage::new(stranger.theme, code, name, wrongs);
        shown.wrong = wrong;
        page_of(status, &shown)
    };
    let mut wrongs = Wrongs::default();
    if password.expose_secret() != again.expose_secret() {
        wrongs.add("again", "It is not the same as above.");
        return refused(StatusCode::BAD_REQUEST, &wrongs, None);
    }
    let administrator = first::FirstAdministrator { code: code.to_owned(), name: name.to_owned(), password };
    match first::create(&state, &stranger.visitor, administrator).await {
        Ok(opened) => Ok(opened_at("/", &opened)),
        Err(problem) if may_try_again(&problem) => {
            wrongs = Wrongs::of_problem(&problem);
            if problem.status == StatusCode::UNAUTHORIZED {
                wrongs.add("code", sentence(&problem.message));
            }
            let other = wrongs.is_empty().then(|| wrong(&problem));
            refused(problem.status, &wrongs, other)
        }
        Err(problem) => Err(problem),
    }
}

/// Ends the session.
pub(crate) async fn sign_out(
    State(state): State<Shared>,
    who: Who,
    Form(_): Form<Fields>,
) -> Result<Response, Problem> {
    if matches!(who.way, Way::Session { .. }) {
        access::sign_out(&state, &who).await?;
    }
    let mut response = see("/sign-in");
    response.headers_mut().insert(header::SET_COOKIE, access::end_cookie(&who.visitor));
    Ok(response)
}

fn opened_at(back: &str, opened: &Opened) -> Response {
    let mut response = see(back);
    response.headers_mut().insert(header::SET_COOKIE, opened.cookie.clone());
    response
}

fn may_try_again(problem: &Problem) -> bool {
    matches!(
        problem.status,
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST | StatusCode::TOO_MANY_REQUESTS
    )
}

fn wrong(problem: &Problem) -> String {
    match problem.retry_after {
        Some(after) => format!("Too many tries. Wait {} s, then try again.", after.as_secs().max(1)),
        None => sentence(&problem.message),
    }
}
