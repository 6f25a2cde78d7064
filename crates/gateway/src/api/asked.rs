//! A request for a list of a service, as most handlers of lists have it: who asks, for which part, in which form. What the
//! list is of, each handler says; how it is written down, `export` knows.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use futures::future::BoxFuture;
use http::request::Parts;
use leasehold_runtime::http::Problem;
use serde::Serialize;

use super::{Answer, export};
use crate::extract::Format;
use crate::model::{List, Listing};
use crate::services::Services;
use crate::state::Shared;
use crate::who::Who;

/// Who asks, for which part, in which form.
pub(super) struct Asked {
    state: Shared,
    who: Who,
    list: List,
    format: Format,
}

impl FromRequestParts<Shared> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Problem> {
        // First of all: nobody who was not let in hears what is wrong with the rest.
        let who = <Who as FromRequestParts<Shared>>::from_request_parts(parts, state).await?;
        let list = List::from_request_parts(parts, state).await?;
        let format = Format::from_request_parts(parts, state).await?;
        Ok(Self { state: Shared::clone(state), who, list, format })
    }
}

impl Asked {
    /// Answers with the list in the form that is wanted. `name` is that of a file; `part` asks a service for a part of
    /// the list of what `of` says.
    pub(super) async fn answer<Q, T, P>(self, name: &str, of: Q, part: P) -> Answer<Response>
    where
        Q: Send + Sync + 'static,
        T: export::Row + Serialize + Send + 'static,
        P: for<'a> Fn(Services<'a>, &'a Q, &'a List) -> BoxFuture<'a, Result<Listing<T>, Problem>>,
        P: Send + Sync + 'static,
    {
        let Self { state, who, list, format } = self;
        let shared = Arc::new((state, who, of, part));
        let part = move |list: List| {
            let shared = Arc::clone(&shared);
            async move {
                let (state, who, of, part) = &*shared;
                part(state.services(who), of, &list).await
            }
        };
        export::list(name, format, list, part).await
    }
}
