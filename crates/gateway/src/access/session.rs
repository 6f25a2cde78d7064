//! Signing in and out.

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use leasehold_runtime::http::Problem;
use leasehold_store::gateway::{Administrator, SecretDigest, Session};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{audit, password};
use crate::error::store_problem;
use crate::origin::Visitor;
use crate::state::State;
use crate::throttle::neighbourhood;
use crate::who::{Way, Who, unauthenticated};
use crate::{cookies, metrics, secret};

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SignIn {
    /// The administrator's name.
    #[schema(example = "kim")]
    pub(crate) name: String,
    /// The password.
    #[schema(value_type = String, format = Password, example = "correct horse battery")]
    pub(crate) password: SecretString,
}

/// A session that was opened.
pub(crate) struct Opened {
    /// Whose it is.
    pub(crate) user: String,
    /// Its administrator's roles.
    pub(crate) roles: Vec<String>,
    /// What its forms have to bring along.
    pub(crate) form_token: String,
    /// When it ends, whatever happens.
    pub(crate) ends_at: Timestamp,
    /// What makes the browser show it.
    pub(crate) cookie: HeaderValue,
}

/// Too many tries.
pub(crate) fn throttled(after: Duration) -> Problem {
    metrics::signed_in("throttled");
    let message = "too many tries; wait, and try again after the time that the header Retry-After names";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "LIMIT_EXCEEDED", message).with_retry_after(after)
}

/// Opens a session for whoever knows a name and its password. `old` is the session that the browser had.
pub(crate) async fn sign_in(
    state: &State,
    visitor: &Visitor,
    given: SignIn,
    old: Option<SecretDigest>,
) -> Result<Opened, Problem> {
    visitor.may_sign_in()?;
    let (address, name) = (neighbourhood(visitor.address), given.name.to_lowercase());
    state.by_address.take(&address).map_err(throttled)?;
    // Long names are nobody's, and would fill the memory.
    if name.len() <= super::users::LONGEST_NAME {
        state.by_name.take(&name).map_err(throttled)?;
    }
    let found = state.store.administrator(&given.name).await.map_err(|error| store_problem(&error))?;
    let hash = found.as_ref().map(|found| found.password.as_str());
    let right = password::matches(state, hash, given.password).await?;
    match found {
        Some(administrator) if right && !administrator.disabled => {
            state.by_name.reset(&name);
            state.by_address.reset(&address);
            open(state, visitor, &administrator, old).await
        }
        found => {
            metrics::signed_in("refused");
            let why = match found {
                None => "unknown name",
                Some(_) if right => "disabled",
                Some(_) => "wrong password",
            };
            let record =
                audit::refused(state, &given.name, visitor.address, ("session.open", &given.name, why));
            state.store.record(&record).await.map_err(|error| store_problem(&error))?;
            // Which of them it was is for the audit: others would learn who there is.
            Err(unauthenticated("name or password is wrong, or the account is disabled"))
        }
    }
}

/// Opens a session for somebody who may come in.
pub(crate) async fn open(
    state: &State,
    visitor: &Visitor,
    administrator: &Administrator,
    old: Option<SecretDigest>,
) -> Result<Opened, Problem> {
    let cookie = secret::fresh(&mut *state.random());
    let now = state.now();
    let ends_at = now.checked_add(state.config.session_lifetime).unwrap_or(Timestamp::MAX);
    let session = Session {
        id: secret::digest(&cookie),
        user: administrator.name.clone(),
        created_at: now,
        seen_at: now,
        ends_at,
        address: visitor.address.to_string(),
    };
    let what = ("session.open", administrator.name.as_str(), "");
    let record = audit::done(state, &administrator.name, visitor.address, what);
    let opened = state.store.open_session(&session, old.as_ref(), &record).await;
    opened.map_err(|error| store_problem(&error))?;
    metrics::signed_in("done");
    Ok(Opened {
        user: administrator.name.clone(),
        roles: administrator.roles.clone(),
        form_token: secret::form_token(&cookie),
        ends_at,
        cookie: cookies::set(visitor, &cookie),
    })
}

/// Ends the session that somebody came with.
pub(crate) async fn sign_out(state: &State, who: &Who) -> Result<(), Problem> {
    let Way::Session { id, .. } = &who.way else {
        let message = "a token has no session to end; revoke it instead";
        return Err(Problem::new(StatusCode::CONFLICT, "NO_SESSION", message));
    };
    let record = audit::done(state, &who.user, who.visitor.address, ("session.end", &who.user, ""));
    state.store.end_session(id, &record).await.map(drop).map_err(|error| store_problem(&error))
}

/// What makes the browser forget a session that has ended.
pub(crate) fn end_cookie(visitor: &Visitor) -> HeaderValue {
    cookies::end(visitor)
}
