//! Whether this process is ready to be used, by what it depends on.
//!
//! Responsible for asking each dependency once a second, for remembering since when it answers or does not, and
//! for the gRPC health that follows from it. Not responsible for how a dependency is asked.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::metrics::{Gauge, gauge};
use futures::future::{BoxFuture, join_all};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::metrics::{DEPENDENCY_UP, READY};
use crate::panics;
use crate::server::Health;

/// How long after an answer a dependency is asked again.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What the absence of a dependency means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Nothing can be done without it: not ready.
    Required,
    /// Ready all the same, but something is missing.
    DegradedOk,
}

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The services are not served yet, or something that is required was not asked yet.
    Starting,
    /// Everything is there.
    Ready,
    /// Ready, but something that can be done without is away.
    Degraded,
    /// A required dependency is away.
    NotReady,
    /// The process stops.
    Draining,
}

impl State {
    /// Whether new calls are welcome.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }
}

/// How things stand, in detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether new calls are welcome.
    pub ready: bool,
    /// Why, in a word.
    pub state: State,
    /// Every dependency, in the order in which they were added.
    pub dependencies: Vec<Standing>,
}

/// How one dependency stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: &'static str,
    /// What its absence means.
    pub need: Need,
    /// Whether it answered when it was asked last.
    pub ok: bool,
    /// Why it is not ok.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is ok, or not.
    #[serde(serialize_with = "as_text")]
    pub since: Timestamp,
}

/// Whether this process is ready. Clones share it.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
    dependencies: Mutex<Vec<Dependency>>,
    /// Of every server of the process: all of them follow.
    healths: Mutex<Vec<Health>>,
    opened: watch::Sender<bool>,
    /// What health and the log have said, and only this module may change; held while it is changed.
    shown: tokio::sync::Mutex<Option<State>>,
    ready: watch::Sender<bool>,
    ready_gauge: Gauge,
}

type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

struct Dependency {
    standing: Standing,
    checked: bool,
    deadline: Duration,
    check: Check,
    gauge: Gauge,
}

impl Dependency {
    /// Whether it is known how it stands, where that decides.
    fn is_settled(&self) -> bool {
        self.checked || self.standing.need == Need::DegradedOk
    }
}

impl Readiness {
    /// Without dependencies, not open yet. `draining` is cancelled when the process begins to stop.
    pub fn new(clock: Arc<dyn Clock>, draining: CancellationToken) -> Self {
        let ready_gauge = gauge!(READY);
        ready_gauge.set(0.0);
        Self(Arc::new(Inner {
            clock,
            draining,
            dependencies: Mutex::default(),
            healths: Mutex::default(),
            opened: watch::Sender::new(false),
            shown: tokio::sync::Mutex::default(),
            ready: watch::Sender::new(false),
            ready_gauge,
        }))
    }

    /// Adds a dependency, before [`Readiness::watch`]. `check` says why it is not ok; an answer that takes
    /// longer than `deadline` counts as none.
    pub fn add<C, F>(&self, name: &'static str, need: Need, deadline: Duration, check: C)
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let gauge = gauge!(DEPENDENCY_UP, "dependency" => name);
        gauge.set(0.0);
        let reason = Some("not asked yet".to_owned());
        let standing = Standing { name, need, ok: false, reason, since: self.0.clock.now() };
        let check: Check = Arc::new(move || Box::pin(check()));
        self.lock().push(Dependency { standing, checked: false, deadline, check, gauge });
    }

    /// Lets the health of one more server follow, before [`Readiness::watch`].
    pub fn add_health(&self, health: Health) {
        self.0.healths.lock().unwrap_or_else(PoisonError::into_inner).push(health);
    }

    /// The services are served: ready as soon as the dependencies are.
    pub fn open(&self) {
        self.0.opened.send_replace(true);
    }

    /// Waits until the process is ready and health says so.
    pub async fn until_ready(&self) {
        let mut ready = self.0.ready.subscribe();
        // It fails only without a sender, and this is one.
        let _ = ready.wait_for(|ready| *ready).await;
    }

    /// How things stand.
    pub fn report(&self) -> Report {
        let (settled, dependencies): (Vec<bool>, Vec<Standing>) =
            self.lock().iter().map(|it| (it.is_settled(), it.standing.clone())).unzip();
        let away = |need| dependencies.iter().any(|standing| standing.need == need && !standing.ok);
        let state = if self.0.draining.is_cancelled() {
            State::Draining
        } else if !*self.0.opened.borrow() || settled.contains(&false) {
            State::Starting
        } else if away(Need::Required) {
            State::NotReady
        } else if away(Need::DegradedOk) {
            State::Degraded
        } else {
            State::Ready
        };
        Report { ready: state.is_ready(), state, dependencies }
    }

    /// Asks every dependency again and again and lets health follow, until told to stop: a background task, of which
    /// a process has one.
    pub async fn watch(self, stopping: CancellationToken) {
        let dependencies = self.lock().len();
        let healths = self.0.healths.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let loops = (0..dependencies).map(|index| self.watch_one(index, &healths));
        let changes = async {
            let mut opened = self.0.opened.subscribe();
            let _ = opened.wait_for(|opened| *opened).await;
            self.show(&healths).await;
            self.0.draining.cancelled().await;
            self.show(&healths).await;
        };
        stopping.run_until_cancelled(futures::future::join(join_all(loops), changes)).await;
    }

    async fn watch_one(&self, index: usize, healths: &[Health]) {
        let (check, deadline) = {
            let dependencies = self.lock();
            (Arc::clone(&dependencies[index].check), dependencies[index].deadline)
        };
        loop {
            let asked = panics::guarded(async { check().await });
            let answer = match timeout(deadline, asked).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(panic)) => Err(format!("asking it panicked: {panic}")),
                Err(_) => Err(format!("no answer within {}s", deadline.as_secs_f32())),
            };
            self.note(index, answer);
            self.show(healths).await;
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Remembers an answer and logs it if it is another than before.
    fn note(&self, index: usize, answer: Result<(), String>) {
        let now = self.0.clock.now();
        let mut dependencies = self.lock();
        let Dependency { standing, checked, gauge, .. } = &mut dependencies[index];
        let (ok, first) = (answer.is_ok(), !std::mem::replace(checked, true));
        let changed = standing.ok != ok || first;
        standing.reason = answer.err();
        if !changed {
            return;
        }
        (standing.ok, standing.since) = (ok, now);
        gauge.set(if ok { 1.0 } else { 0.0 });
        match &standing.reason {
            Some(reason) => tracing::warn!(dependency = standing.name, reason, "a dependency is away"),
            None if first => tracing::debug!(dependency = standing.name, "a dependency answers"),
            None => tracing::info!(dependency = standing.name, "a dependency is back"),
        }
    }

    /// Lets health say what is so.
    async fn show(&self, healths: &[Health]) {
        let mut shown = self.0.shown.lock().await;
        let report = self.report();
        // What is missing while all the same it is ready, the dependency's own line says.
        let state = if report.ready { State::Ready } else { report.state };
        if *shown == Some(state) {
            return;
        }
        if report.ready {
            for health in healths {
                health.serving().await;
            }
            tracing::info!("ready");
        } else {
            for health in healths {
                health.not_serving().await;
            }
            // Why, the dependency's own line says.
            match report.state {
                State::Starting | State::Draining => tracing::debug!(state = ?report.state, "not ready"),
                _ => tracing::warn!("not ready: a required dependency is away"),
            }
        }
        *shown = Some(state);
        self.0.ready_gauge.set(if report.ready { 1.0 } else { 0.0 });
        self.0.ready.send_replace(report.ready);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Dependency>> {
        self.0.dependencies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[cfg(test)]
mod tests;
