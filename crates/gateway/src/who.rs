//! Who asks: an administrator with a session, or a script with a token in an administrator's name.
//!
//! Whoever has been let in is known on every request anew, so that a session that ended, an account that was disabled or a
//! role that was taken away counts at once.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use leasehold_runtime::CallId;
use leasehold_runtime::actor::{Actor, Instances, Role};
use leasehold_runtime::http::Problem;
use leasehold_store::gateway::{Administrator, SecretDigest};
use uuid::Uuid;

use crate::cookies;
use crate::error::store_problem;
use crate::origin::{Visitor, is_own_page};
use crate::secret;
use crate::state::{Shared, State};

/// How exactly it is kept when a session or a token was last used.
const TOUCH: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// What the console's script says of itself when it keeps numbers fresh.
const LIVE: HeaderName = HeaderName::from_static("x-leasehold-live");

/// Whoever asks, known and let in.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The administrator's name.
    pub(crate) user: String,
    /// As services hear of it.
    pub(crate) actor: Actor,
    /// How it showed who it is.
    pub(crate) way: Way,
    /// From where.
    pub(crate) visitor: Visitor,
    /// Names the request in logs.
    pub(crate) request_id: Option<CallId>,
}

/// How somebody shows who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By the cookie of a session.
    Session {
        /// Names it in the store.
        id: SecretDigest,
        /// What its pages show of themselves.
        form_token: String,
        /// When it ends, whatever happens.
        ends_at: Timestamp,
    },
    /// By an API token.
    Token {
        /// Names it.
        id: Uuid,
    },
}

impl Who {
    /// Whether it has one of these roles, or may do everything.
    pub(crate) fn may(&self, roles: &[Role]) -> bool {
        self.actor.may(roles)
    }

    /// What every form of a page has to bring along; empty where there is no page.
    pub(crate) fn form_token(&self) -> &str {
        match &self.way {
            Way::Session { form_token, .. } => form_token,
            Way::Token { .. } => "",
        }
    }

    /// Refuses whoever has none of these roles.
    pub(crate) fn must(&self, roles: &[Role]) -> Result<(), Problem> {
        if self.may(roles) {
            return Ok(());
        }
        let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
        let message = format!(
            "access denied: {} may not do this, which is for {}; ask somebody with the role ADMIN for it",
            self.user,
            names.join(", ")
        );
        Err(Problem::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message))
    }
}

/// What is told to whoever has not shown who it is.
pub(crate) fn unauthenticated(message: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}

impl FromRequestParts<Shared> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let who = <Self as OptionalFromRequestParts<Shared>>::from_request_parts(parts, state).await?;
        who.ok_or_else(|| {
            unauthenticated("sign in first, or send an API token: `Authorization: Bearer lht_…`")
        })
    }
}

impl OptionalFromRequestParts<Shared> for Who {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Option<Self>, Problem> {
        if let Some(who) = parts.extensions.get::<Self>() {
            return Ok(Some(who.clone()));
        }
        let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
        let request_id = parts.extensions.get::<CallId>().cloned();
        let found = if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(bearer);
            let token = token.ok_or_else(|| {
                unauthenticated("the header Authorization is not understood; give `Bearer` and an API token")
            })?;
            Some(by_token(state, token).await?)
        } else {
            by_session(state, parts, &visitor).await?
        };
        let Some((owner, roles, way)) = found else { return Ok(None) };
        let instances = match owner.instances.as_slice() {
            [] => Instances::All,
            some => Instances::Only(some.to_vec()),
        };
        let actor = Actor::new(owner.name.clone(), roles, instances);
        let who = Self { user: owner.name, actor, way, visitor, request_id };
        parts.extensions.insert(who.clone());
        Ok(Some(who))
    }
}

type Found = (Administrator, Vec<Role>, Way);

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn by_token(state: &State, token: &str) -> Result<Found, Problem> {
    let refused = || {
        unauthenticated("the token is unknown, over or revoked, or its owner is disabled; make another one")
    };
    let found = state.store.token(&secret::digest(token)).await.map_err(|error| store_problem(&error))?;
    let (token, owner) = found.ok_or_else(refused)?;
    let now = state.now();
    if owner.disabled || token.expires_at <= now {
        return Err(refused());
    }
    if token.used_at.is_none_or(|at| now.duration_since(at) >= TOUCH) {
        state.store.touch_token(token.id, now).await.map_err(|error| store_problem(&error))?;
    }
    // A token may never do more than its owner may by now.
    let may = roles(&owner.roles);
    let all = may.contains(&Role::Admin);
    let roles = roles(&token.roles).into_iter().filter(|role| all || may.contains(role)).collect();
    Ok((owner, roles, Way::Token { id: token.id }))
}

async fn by_session(state: &State, parts: &Parts, visitor: &Visitor) -> Result<Option<Found>, Problem> {
    let Some(cookie) = cookies::read(&parts.headers, visitor) else { return Ok(None) };
    // A browser sends the cookie whoever asks it to: a page of somebody else must not change anything by it.
    if !is_safe(&parts.method) && !is_own_page(&parts.headers, visitor) {
        return Err(foreign_page());
    }
    let id = secret::digest(&cookie);
    let found = state.store.session(&id).await.map_err(|error| store_problem(&error))?;
    let Some((session, owner)) = found else { return Ok(None) };
    let (now, idle) = (state.now(), state.config.session_idle);
    let over = session.ends_at <= now || now.duration_since(session.seen_at) >= idle;
    if over || owner.disabled {
        return Ok(None);
    }
    if !is_by_itself(parts) && now.duration_since(session.seen_at) >= TOUCH.min(idle / 2) {
        state.store.touch_session(&id, now).await.map_err(|error| store_problem(&error))?;
    }
    let way = Way::Session { id, form_token: secret::form_token(&cookie), ends_at: session.ends_at };
    let roles = roles(&owner.roles);
    Ok(Some((owner, roles, way)))
}

/// Whether a page that is left open asks, and nobody who sits before it: that must not keep a session open.
fn is_by_itself(parts: &Parts) -> bool {
    let stream = |accept: &HeaderValue| accept.as_bytes() == b"text/event-stream";
    parts.headers.contains_key(LIVE) || parts.headers.get(header::ACCEPT).is_some_and(stream)
}

/// Whether a method changes nothing.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// What is told when a page of somebody else asks for a change.
pub(crate) fn foreign_page() -> Problem {
    let message = "this request does not come from a page of this server; open the page here and try again. A proxy that \
                   changes the header Host has to be named in `gateway.trusted_proxies`";
    Problem::new(StatusCode::FORBIDDEN, "FOREIGN_PAGE", message)
}

/// Roles by their names. One that this release does not know gives no right.
pub(crate) fn roles(names: &[String]) -> Vec<Role> {
    names.iter().filter_map(|name| Role::from_name(name)).collect()
}
