//! Looks after every instance: mirrors when it is time, and keeps a key at hand that assignments are signed with.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use leasehold_domain::InstanceId;
use leasehold_runtime::error::reason_name;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::error::log;
use crate::site::Site;
use crate::state::Shared;
use crate::{Error, answer_keys, mirror, schedule};

/// How often it looks.
const LOOK: Duration = Duration::from_secs(1);
/// How long something is left alone that failed.
const REPEAT: Duration = Duration::from_secs(30);
/// How long a repository is left alone that did not have what another replica has.
const CAUGHT_UP: Duration = Duration::from_mins(10);

/// Looks after everything until the service stops.
pub(super) async fn run(state: Shared) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut care = Care { state: state.clone(), default_named: false, not_before: HashMap::new() };
    loop {
        let looked = async {
            ticks.tick().await;
            care.look().await;
        };
        if state.stopping.run_until_cancelled(looked).await.is_none() {
            return;
        }
    }
}

/// What may have failed lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Task {
    Mirror,
    Key,
}

struct Care {
    state: Shared,
    /// Whether the default instance is known.
    default_named: bool,
    /// When it is tried again.
    not_before: HashMap<(InstanceId, Task), Instant>,
}

impl Care {
    async fn look(&mut self) {
        if !self.default_named {
            // Licensing may start after us.
            self.default_named = self.state.site("").await.is_ok();
        }
        let mut nearest = None;
        for site in self.state.sites() {
            if let Err(error) = self.mirror(&site).await {
                self.tell(&site, Task::Mirror, &error, "whether it is time to mirror cannot be told");
            }
            self.key(&site).await;
            nearest =
                [nearest, mirror::in_force(&site).map(|(_, expires)| expires)].into_iter().flatten().min();
        }
        if let Some(nearest) = nearest {
            self.state.metrics.expires(nearest.duration_since(self.state.now()).as_secs());
        }
    }

    async fn mirror(&mut self, site: &Arc<Site>) -> Result<(), Error> {
        if self.waits(site, Task::Mirror) {
            return Ok(());
        }
        let wanted = timeout(Duration::ZERO, site.wanted.notified()).await.is_ok();
        let upstream = self.state.store.upstream(site.instance.id).await?;
        let upstream = upstream.unwrap_or_default();
        let planned = self.state.config.interval;
        let due = schedule::is_due(planned, self.state.now(), upstream.next_at);
        // A run that a stop has cut short is done over, and what another replica has is brought here too.
        let cut_short = upstream.last.as_ref().is_some_and(|run| run.ended_at.is_none());
        let behind = mirror::is_behind(site, &upstream);
        if !(due || wanted || behind || cut_short) {
            return Ok(());
        }
        if behind {
            self.not_before.insert((site.instance.id, Task::Mirror), Instant::now() + CAUGHT_UP);
        }
        match mirror::run(&self.state, site, mirror::SCHEDULE).await {
            Ok(_) | Err(Error::InProgress | Error::ShuttingDown) => Ok(()),
            // The run has said so, and when it is tried again stands in the store; what has no plan waits here.
            Err(_) => {
                let wait = if behind { CAUGHT_UP } else { REPEAT };
                self.not_before.insert((site.instance.id, Task::Mirror), Instant::now() + wait);
                Ok(())
            }
        }
    }

    async fn key(&mut self, site: &Site) {
        let now = self.state.now();
        if !site.keyring.is_due(now) || self.waits(site, Task::Key) {
            return;
        }
        if let Err(error) = answer_keys::renew(&self.state, site, now).await {
            self.tell(site, Task::Key, &error, "there is no new key for assignments; trying again");
        }
    }

    fn waits(&self, site: &Site, task: Task) -> bool {
        self.not_before.get(&(site.instance.id, task)).is_some_and(|not_before| Instant::now() < *not_before)
    }

    fn tell(&mut self, site: &Site, task: Task, error: &Error, what: &'static str) {
        self.not_before.insert((site.instance.id, task), Instant::now() + REPEAT);
        match error {
            // There is no vendor yet, or no bundle: that is no failure.
            Error::NoKey(_) | Error::Failed(_) => {
                let reason = reason_name(error.reason());
                tracing::debug!(instance.name = site.instance.name, reason, error = %error, "{what}");
            }
            _ => log(&site.instance.name, error, what),
        }
    }
}
