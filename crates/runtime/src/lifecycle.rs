//! Starting and stopping in order: what signals mean, and background tasks that end when told to.

use std::future::Future;
use std::io;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ::metrics::{Gauge, gauge};
use tokio::runtime::{self, Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics::TASKS_RUNNING;
use crate::{panics, telemetry};

/// Listens for the signals that end a process. The first cancels the token, so that the process stops in
/// order; the second ends the process at once. Call it once, within the async runtime.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut signals = Signals::listen()?;
    let token = CancellationToken::new();
    let shutdown = token.clone();
    tokio::spawn(async move {
        let (name, _) = signals.next().await;
        tracing::info!(signal = name, "stopping in order; a second signal ends the process at once");
        shutdown.cancel();
        let (name, exit_code) = signals.next().await;
        tracing::warn!(signal = name, "ending at once");
        telemetry::flush();
        process::exit(exit_code);
    });
    Ok(token)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The name of the next signal and the exit code that goes with it.
    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.terminate.recv() => ("SIGTERM", 143),
            _ = self.interrupt.recv() => ("SIGINT", 130),
            // A closed terminal must not cost more than a stop does.
            _ = self.hangup.recv() => ("SIGHUP", 129),
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_shutdown};
        Ok(Self { interrupt: ctrl_c()?, close: ctrl_shutdown()? })
    }

    async fn next(&mut self) -> (&'static str, i32) {
        tokio::select! {
            _ = self.interrupt.recv() => ("CTRL_C", 130),
            _ = self.close.recv() => ("CTRL_SHUTDOWN", 143),
        }
    }
}

/// The background tasks of a process. Clones share them.
///
/// They outlive the server: stop them when it has drained, not by the token that starts the drain.
#[derive(Clone, Debug)]
pub struct Background {
    shutdown: CancellationToken,
    stopping: CancellationToken,
    tracker: TaskTracker,
    running: Arc<Mutex<Vec<&'static str>>>,
}

/// Background tasks that did not end in time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("background tasks did not end within {}s: {}", .deadline.as_secs_f32(), .names.join(", "))]
pub struct StillRunning {
    /// How long they had.
    pub deadline: Duration,
    /// Their names, sorted.
    pub names: Vec<&'static str>,
}

impl Background {
    /// No tasks yet. One that panics will cancel `shutdown`, so that the process does not go on without it.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self {
            shutdown,
            stopping: CancellationToken::new(),
            tracker: TaskTracker::new(),
            running: Arc::default(),
        }
    }

    /// Cancelled when the process begins to stop: streams watch it to end themselves before they are cut off.
    pub fn draining(&self) -> CancellationToken {
        self.shutdown.child_token()
    }

    /// What a task watches to know when to end: cancelled when no call is in flight any more.
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// Starts a task. The name appears where it fails or does not end.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tracker.spawn(self.watched(name, task));
    }

    /// Starts a task on a thread of its own, with a runtime of its own. It never waits behind other tasks, which counts
    /// where everybody waits for it. A runtime of one thread, as tests have, keeps it on that one.
    pub fn spawn_apart<F>(&self, name: &'static str, task: F) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if Handle::current().runtime_flavor() == RuntimeFlavor::CurrentThread {
            self.spawn(name, task);
            return Ok(());
        }
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let task = self.tracker.track_future(self.watched(name, task));
        thread::Builder::new().name(thread_name(name)).spawn(move || runtime.block_on(task))?;
        Ok(())
    }

    fn watched<F>(&self, name: &'static str, task: F) -> impl Future<Output = ()> + Send + use<F>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let running = Running::enter(name, &self.running);
        let shutdown = self.shutdown.clone();
        async move {
            let _running = running;
            if let Err(panic) = panics::guarded(task).await {
                tracing::error!(task = name, panic, "a background task panicked; the process stops");
                shutdown.cancel();
            }
        }
    }

    /// Tells every task to end and waits for them, at most `deadline`.
    pub async fn stop(self, deadline: Duration) -> Result<(), StillRunning> {
        self.stopping.cancel();
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok() {
            return Ok(());
        }
        let mut names = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        names.sort_unstable();
        Err(StillRunning { deadline, names })
    }
}

/// The last word of a task's name: systems show few characters.
fn thread_name(task: &str) -> String {
    task.rsplit('.').next().unwrap_or(task).to_owned()
}

/// Keeps a task's name in the list, and counts it, while it runs, however it ends.
struct Running {
    name: &'static str,
    list: Arc<Mutex<Vec<&'static str>>>,
    gauge: Gauge,
}

impl Running {
    fn enter(name: &'static str, list: &Arc<Mutex<Vec<&'static str>>>) -> Self {
        list.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        let gauge = gauge!(TASKS_RUNNING, "task" => name);
        gauge.increment(1.0);
        Self { name, list: Arc::clone(list), gauge }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.gauge.decrement(1.0);
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = list.iter().position(|name| *name == self.name) {
            list.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tasks_end_when_told_to() {
        let background = Background::new(CancellationToken::new());
        let stopping = background.stopping();
        background.spawn("reaper", async move { stopping.cancelled().await });
        background.spawn("short", async {});
        assert_eq!(background.stop(Duration::from_secs(5)).await, Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_apart_runs_on_a_thread_of_its_own_and_ends_when_told_to() {
        let background = Background::new(CancellationToken::new());
        let stopping = background.stopping();
        let (sender, name) = tokio::sync::oneshot::channel();
        let task = async move {
            sender.send(thread::current().name().map(str::to_owned)).unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            stopping.cancelled().await;
        };
        background.spawn_apart("licensing.allocator", task).unwrap();
        assert_eq!(name.await.unwrap().as_deref(), Some("allocator"));
        assert_eq!(background.stop(Duration::from_secs(5)).await, Ok(()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_task_apart_that_panics_stops_the_process_in_order() {
        let background = Background::new(CancellationToken::new());
        background.spawn_apart("broken", async { panic!("a broken task") }).unwrap();
        tokio::time::timeout(Duration::from_secs(5), background.draining().cancelled()).await.unwrap();
        assert_eq!(background.stop(Duration::from_secs(5)).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named() {
        let background = Background::new(CancellationToken::new());
        let stopping = background.stopping();
        background.spawn("good", async move { stopping.cancelled().await });
        background.spawn("stubborn", std::future::pending());
        background.spawn("deaf", std::future::pending());
        let error = background.stop(Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(error.names, ["deaf", "stubborn"]);
        assert_eq!(error.to_string(), "background tasks did not end within 2s: deaf, stubborn");
    }

    #[tokio::test]
    async fn a_task_that_panics_stops_the_process_in_order() {
        let shutdown = CancellationToken::new();
        let background = Background::new(shutdown.clone());
        background.spawn("broken", async { panic!("a broken task") });
        tokio::time::timeout(Duration::from_secs(5), background.draining().cancelled()).await.unwrap();
        assert!(shutdown.is_cancelled() && !background.stopping().is_cancelled());
        assert_eq!(background.stop(Duration::from_secs(5)).await, Ok(()));
    }
}
