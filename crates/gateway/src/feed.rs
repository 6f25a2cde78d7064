//! What live pages show: one look at an instance for all who watch it, for as long as somebody does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use leasehold_runtime::Background;
use leasehold_runtime::actor::{Actor, Instances, Role};
use leasehold_runtime::http::Problem;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::model::{DenialQuery, List, Summary};
use crate::services::Services;
use crate::state::{Shared, State};

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(2);
/// In whose name: nobody's who could change anything.
const LOOKING: &str = "live view";

/// The newest summary as JSON; `None` before the first.
pub(crate) type Told = Option<Arc<str>>;

/// The feeds that somebody watches, by the instance's id.
pub(crate) struct Feeds {
    background: Background,
    open: Mutex<HashMap<String, watch::Sender<Told>>>,
}

impl Feeds {
    pub(crate) fn new(background: &Background) -> Self {
        Self { background: background.clone(), open: Mutex::default() }
    }

    /// Watches an instance.
    pub(crate) fn watch(&self, state: &Shared, instance: &str) -> watch::Receiver<Told> {
        // A map of channels has no state that a panic could leave half changed.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = open.get(instance) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        open.insert(instance.to_owned(), sender.clone());
        let (state, instance, stopping) =
            (Shared::clone(state), instance.to_owned(), self.background.stopping());
        self.background.spawn("gateway.feed", async move {
            // What is not told by then nobody waits for.
            let _ = stopping.run_until_cancelled(Box::pin(follow(&state, &instance, &sender))).await;
        });
        receiver
    }

    /// Forgets a feed that nobody watches; says whether it did.
    fn close(&self, instance: &str) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let unwatched = open.get(instance).is_none_or(|sender| sender.receiver_count() == 0);
        if unwatched {
            open.remove(instance);
        }
        unwatched
    }
}

async fn follow(state: &State, instance: &str, sender: &watch::Sender<Told>) {
    let mut last = None;
    while !state.feeds.close(instance) {
        let summary = match look(state, instance).await {
            Ok(summary) => summary,
            Err(problem) => Summary { problem: Some(problem.message), ..last.clone().unwrap_or_default() },
        };
        if last.as_ref() != Some(&summary) {
            let data = serde_json::to_string(&summary).expect("a summary has nothing that JSON has not");
            sender.send_replace(Some(data.into()));
            last = Some(summary);
        }
        sleep(PERIOD).await;
    }
}

async fn look(state: &State, instance: &str) -> Result<Summary, Problem> {
    let only = Instances::Only(vec![instance.to_owned()]);
    let services = Services::new(&state.channels, Actor::new(LOOKING, [Role::Viewer], only), None);
    let all = List::default().largest();
    let (denied, few) = (DenialQuery::default(), List { page_size: 1, ..List::default() });
    let (standing, features, denials, sync, upstream) = tokio::join!(
        services.instance(instance),
        services.features(instance, &all),
        services.denials(instance, &denied, &few),
        services.sync_status(instance),
        services.upstream_status(instance),
    );
    let (standing, upstream) = (standing?, upstream.ok());
    Ok(Summary {
        instance_id: standing.instance_id,
        instance_status: standing.status,
        features: features?.items,
        denials_today: denials.map(|denials| denials.denials).ok(),
        // Synchronisation and updates may be away without hurting the rest.
        sync_status: sync.as_ref().ok().map(|sync| sync.status.clone()),
        synchronized_at: sync.as_ref().ok().and_then(|sync| sync.synchronized_at),
        synchronize_before: sync.ok().and_then(|sync| sync.synchronize_before),
        mirrored_at: upstream.as_ref().and_then(|upstream| upstream.succeeded_at),
        mirror_failure: upstream.and_then(|upstream| upstream.last_run?.failure_reason),
        problem: None,
    })
}
