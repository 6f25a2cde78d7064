//! Answers: pages, ways to other pages, and pages for problems.
//!
//! Handlers return a [`Problem`] where something goes wrong, as those of the API do; what stands here makes a page of it,
//! with the menu around it for whoever is signed in.

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use leasehold_runtime::http::{Problem, axum};

use super::assets::Assets;
use super::pages::problem::{Problem as Shown, ProblemAlonePage, ProblemPage};
use super::pages::sign_in::HttpsNeededPage;
use super::parts::{Action, Permit, encode};
use super::shell::Section;
use super::theme;
use super::visit::Visit;
use crate::origin::Visitor;
use crate::state::Shared;
use crate::who::is_safe;

/// A page.
pub(crate) fn page(page: &impl Template) -> Result<Response, Problem> {
    page_of(StatusCode::OK, page)
}

/// A page with another status, where a form is shown again with what is wrong.
pub(crate) fn page_of(status: StatusCode, page: &impl Template) -> Result<Response, Problem> {
    let html = page.render().map_err(|error| leasehold_runtime::ApiError::internal(error.to_string()))?;
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Ok((status, kind, html).into_response())
}

/// The way to another page after something was done.
pub(crate) fn see(address: &str) -> Response {
    Redirect::to(address).into_response()
}

/// A path of ours, or the dashboard's: what came back with a form may be anything.
pub(crate) fn own_path(back: &str) -> String {
    let plain = back.starts_with('/') && !back.starts_with("//") && !back.contains(['\\', '\r', '\n', '\t']);
    if plain { back.to_owned() } else { "/".to_owned() }
}

/// Makes pages of problems. Stands around every page.
pub(crate) async fn problems(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let asked = Asked::of(&parts);
    let mut kept = parts.clone();
    // Whoever is signed in was found once; the page for the problem uses it again.
    let visit = Visit::from_request_parts(&mut kept, &state).await;
    parts.extensions = kept.extensions.clone();
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if let Some(detail) = problem.detail() {
        tracing::warn!(page = asked.path, reason = %problem.reason, detail, "a page could not be shown");
    }
    if problem.status == StatusCode::UNAUTHORIZED && visit.is_err() {
        return see(&asked.sign_in());
    }
    let retry = response.headers_mut().remove(header::RETRY_AFTER);
    let shown = match (visit, problem.reason.as_ref()) {
        (_, "HTTPS_REQUIRED") => https_needed(&mut kept, &state).await,
        (Ok(visit), _) => {
            let shell = visit.shell(title(&problem), Section::Elsewhere).await;
            page_of(problem.status, &ProblemPage { shell, problem: shown(&problem, &asked) })
        }
        (Err(_), _) => {
            let (theme, assets) = (theme::chosen(&kept.headers), Assets::here());
            page_of(problem.status, &ProblemAlonePage { theme, assets, problem: shown(&problem, &asked) })
        }
    };
    let mut shown = shown.unwrap_or_else(IntoResponse::into_response);
    shown.headers_mut().extend(retry.map(|retry| (header::RETRY_AFTER, retry)));
    shown
}

/// What of a request its problem's page needs.
struct Asked {
    path: String,
    query: Option<String>,
    safe: bool,
}

impl Asked {
    fn of(parts: &Parts) -> Self {
        Self {
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            safe: is_safe(&parts.method),
        }
    }

    /// The page itself; for a form that was sent, the dashboard.
    fn address(&self) -> String {
        match &self.query {
            _ if !self.safe => "/".to_owned(),
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }

    fn sign_in(&self) -> String {
        match self.address().as_str() {
            "/" => "/sign-in".to_owned(),
            address => format!("/sign-in?back={}", encode(address)),
        }
    }
}

fn title(problem: &Problem) -> String {
    match problem.status {
        StatusCode::NOT_FOUND => "Not found".to_owned(),
        StatusCode::FORBIDDEN => "Not for you".to_owned(),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => "A service is away".to_owned(),
        StatusCode::INTERNAL_SERVER_ERROR => "Something is broken here".to_owned(),
        _ => problem.title(),
    }
}

fn shown(problem: &Problem, asked: &Asked) -> Shown {
    let advice = match problem.status {
        StatusCode::NOT_FOUND => missing(&asked.path),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            "Programs keep the licences that they hold meanwhile. See under About which service is away and why; this \
             page works again as soon as it is back."
        }
        StatusCode::INTERNAL_SERVER_ERROR => {
            "Try again. If it stays, the server's log has the detail under this request."
        }
        _ => "",
    };
    let again = matches!(problem.status, status if status.is_server_error());
    let mut acts = Vec::new();
    if again {
        acts.push(Action::new("Try again", asked.address(), Permit::Granted).main());
        acts.push(Action::new("Services", "/about", Permit::Granted));
    }
    acts.push(Action::new("Dashboard", "/", Permit::Granted));
    let mut facts = vec![("Reason", problem.reason.to_string()), ("Page", asked.path.clone())];
    facts.extend(problem.fields.iter().map(|(field, wrong)| ("Field", format!("{field}: {wrong}"))));
    Shown { title: title(problem), text: sentence(&problem.message), advice: advice.to_owned(), facts, acts }
}

/// Why there may be nothing at a path.
fn missing(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "features" => {
            "Nothing of this name is owned now: the vendor has never granted it, or has taken it back. Capital letters \
             count. What is owned is under Features."
        }
        "devices" => "It may have been dropped, or it has never asked this server for anything.",
        "grants" => "It may have been returned, or was dropped or over since the page before was made.",
        "users" | "tokens" => "Somebody may have removed it since the page before was made.",
        _ => "The address may have been mistyped; the menu has every page.",
    }
}

/// The message as a sentence: the API's begin small and end open.
pub(crate) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let mut text: String = letters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    text.push_str(letters.as_str());
    if !text.is_empty() && !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

async fn https_needed(parts: &mut Parts, state: &Shared) -> Result<Response, Problem> {
    let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
    let address = format!("https://{}/", visitor.host.unwrap_or_else(|| "THIS-HOST".to_owned()));
    let page = HttpsNeededPage { theme: theme::chosen(&parts.headers), assets: Assets::here(), address };
    page_of(StatusCode::FORBIDDEN, &page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_back_to() {
        assert_eq!(own_path("/features?page=2"), "/features?page=2");
        for foreign in
            ["//example.com", "https://example.com", "", "/\\example.com", "/a\r\nb", "javascript:alert(1)"]
        {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("the service is away; try again"), "The service is away; try again.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn what_is_missing_is_explained_by_its_kind() {
        assert!(missing("/features/Simulation").contains("owned"));
        assert!(missing("/devices/a").contains("dropped"));
        assert!(missing("/grants/1/drop").contains("returned"));
        assert!(missing("/nothing").contains("mistyped") && missing("/").contains("mistyped"));
    }

    #[test]
    fn signing_in_leads_back_to_a_page_and_never_to_a_form_that_was_sent() {
        let asked = |safe, query: Option<&str>| Asked {
            path: "/devices/a".into(),
            query: query.map(str::to_owned),
            safe,
        };
        assert_eq!(asked(true, Some("page=2")).sign_in(), "/sign-in?back=%2Fdevices%2Fa%3Fpage%3D2");
        assert_eq!(asked(false, None).sign_in(), "/sign-in");
    }
}
