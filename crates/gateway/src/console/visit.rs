//! Somebody who is signed in and looks at a page: what the page needs to know of them, and what stands around it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use jiff::Timestamp;
use leasehold_runtime::actor::Role;
use leasehold_runtime::http::{Problem, axum};

use super::assets::Assets;
use super::parts::{Last, Permit, Tone, When, one_or_many};
use super::said::said;
use super::shell::{FormToken, Health, Section, Shell, Theme, User, Waiting};
use crate::model::SyncStatus;
use crate::services::Services;
use crate::state::Shared;
use crate::who::Who;

/// The instance that the console shows: the default one.
pub(crate) const INSTANCE: &str = "~";

/// Where pages hear of changes.
pub(crate) const EVENTS: &str = "/api/v1/events";
/// The event that tells of them.
pub(crate) const SUMMARY: &str = "summary";

/// Somebody who is signed in and looks at a page.
pub(crate) struct Visit {
    /// What every handler works on.
    pub(crate) state: Shared,
    /// Who it is.
    pub(crate) who: Who,
    /// The moment of the visit.
    pub(crate) now: Timestamp,
    /// The page's path.
    path: String,
    /// What follows the question mark.
    query: String,
    theme: Theme,
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        let who = <Who as FromRequestParts<Shared>>::from_request_parts(parts, state).await?;
        Ok(Self {
            state: Shared::clone(state),
            who,
            now: state.now(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            theme: super::theme::chosen(&parts.headers),
        })
    }
}

impl Visit {
    /// The services, on behalf of whoever looks.
    pub(crate) fn services(&self) -> Services<'_> {
        self.state.services(&self.who)
    }

    /// A moment as told from this visit.
    pub(crate) fn when(&self, at: Timestamp) -> When {
        When::new(at, self.now)
    }

    /// When it was last synchronised; `None` is a service that does not say.
    pub(crate) fn last_synchronised(&self, sync: Option<&SyncStatus>) -> Last {
        let Some(sync) = sync else { return Last::Unknown };
        sync.synchronized_at.map_or(Last::Never, |at| Last::At(self.when(at)))
    }

    /// Whether they may do what is for these roles, the first of which is named where they may not.
    pub(crate) fn permit(&self, roles: &[Role]) -> Permit {
        let named = roles.first().copied().unwrap_or(Role::Admin);
        if self.who.may(roles) { Permit::Granted } else { Permit::Needs(named.name()) }
    }

    /// What stands around a page. A service that is away is told there, and takes nothing else away.
    pub(crate) async fn shell(&self, title: impl Into<String>, section: Section) -> Shell {
        let services = self.services();
        let (instance, sync, health) = tokio::join!(
            services.instance(INSTANCE),
            services.sync_status(INSTANCE),
            self.state.health.services()
        );
        let away: Vec<&str> =
            health.iter().filter(|service| !service.ok).map(|service| service.name).collect();
        let all = i64::try_from(health.len()).unwrap_or(i64::MAX);
        let health = match away.as_slice() {
            [] => Health {
                tone: Tone::Good,
                text: format!("{} healthy", one_or_many(all, "service", "services")),
            },
            some => Health { tone: Tone::Bad, text: format!("{} away", some.join(" and ")) },
        };
        let roles: Vec<&str> = self.who.actor.roles.iter().map(|role| role.name()).collect();
        let sync = sync.ok();
        Shell {
            title: title.into(),
            section,
            here: if self.query.is_empty() {
                self.path.clone()
            } else {
                format!("{}?{}", self.path, self.query)
            },
            assets: Assets::here(),
            theme: self.theme,
            instance: instance.map_or_else(|_| "This instance".to_owned(), |instance| instance.name),
            health,
            synchronised: self.last_synchronised(sync.as_ref()),
            user: User { name: self.who.user.clone(), roles: roles.join(", ") },
            token: FormToken { value: self.who.form_token().to_owned() },
            waiting: Waiting {
                back_office: sync.map_or(0, |sync| u32::try_from(sync.outstanding).unwrap_or(0)),
            },
            said: said(&self.query),
        }
    }
}
