//! The colours that somebody chose: kept in a cookie, because they belong to the screen and not to the account.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use leasehold_runtime::http::{Problem, axum};
use serde::Deserialize;

use super::answer::{own_path, see};
use super::shell::Theme;
use crate::guard::Form;
use crate::state::Shared;

const COOKIE: &str = "leasehold-theme";
/// A year.
const KEPT: &str = "Max-Age=31536000; Path=/; SameSite=Lax; HttpOnly";

/// What the cookie says.
pub(crate) fn chosen(headers: &HeaderMap) -> Theme {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map_or(Theme::System, |(_, value)| Theme::from_value(value))
}

/// A choice of colours, and the page that it was made on.
#[derive(Deserialize)]
pub(crate) struct Choice {
    theme: String,
    #[serde(default)]
    back: String,
}

/// Keeps the choice and goes back.
pub(crate) async fn choose(State(_): State<Shared>, Form(choice): Form<Choice>) -> Result<Response, Problem> {
    let cookie = format!("{COOKIE}={}; {KEPT}", Theme::from_value(&choice.theme).value());
    let mut response = see(&own_path(&choice.back));
    let cookie = HeaderValue::try_from(cookie).expect("it is made of our own words");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others_and_nonsense_is_the_systems_wish() {
        let with = |cookies: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, HeaderValue::from_static(cookies));
            chosen(&headers)
        };
        assert_eq!(with("a=b; leasehold-theme=dark"), Theme::Dark);
        assert_eq!(with("leasehold-theme=light; a=b"), Theme::Light);
        assert_eq!(with("leasehold-theme=pink"), Theme::System);
        assert_eq!(chosen(&HeaderMap::new()), Theme::System);
    }
}
