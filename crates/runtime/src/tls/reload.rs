//! New certificates without a restart.

use std::hash::RandomState;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::error::TlsError;
use super::files::{Contents, Files};
use super::identity;

/// Looks at the files again and again, and puts what is new in them in force for new connections.
pub(super) struct Reloader {
    files: Files,
    period: Duration,
    config: watch::Sender<Arc<ServerConfig>>,
    hasher: RandomState,
    /// What was looked at last, good or not.
    seen: Mutex<Seen>,
}

#[derive(Clone, PartialEq, Eq)]
enum Seen {
    Content(u64),
    Unreadable(String),
}

impl Reloader {
    /// Reads the files for the first time. Blocking.
    pub(super) fn start(
        files: Files,
        period: Duration,
    ) -> Result<(Self, watch::Receiver<Arc<ServerConfig>>), TlsError> {
        let contents = files.read()?;
        let (config, receiver) = watch::channel(Arc::new(files.config(&contents)?));
        let hasher = RandomState::new();
        let seen = Mutex::new(Seen::Content(contents.fingerprint(&hasher)));
        tracing::info!(tls.until = until(&contents), "the TLS certificate is loaded");
        Ok((Self { files, period, config, hasher, seen }, receiver))
    }

    /// Runs until the token is cancelled.
    pub(super) async fn run(self: Arc<Self>, stopping: CancellationToken) {
        let mut ticks = interval(self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looking = Arc::clone(&self);
            // Only a runtime that is ending does not run it.
            let _ = tokio::task::spawn_blocking(move || looking.look()).await;
        }
    }

    /// Looks at the files once. What is broken is told once and changes nothing.
    pub(super) fn look(&self) {
        let contents = self.files.read();
        let found = match &contents {
            Ok(contents) => Seen::Content(contents.fingerprint(&self.hasher)),
            Err(error) => Seen::Unreadable(error.to_string()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found {
            return;
        }
        *seen = found;
        let loaded = contents.and_then(|contents| Ok((self.files.config(&contents)?, until(&contents))));
        match loaded {
            Ok((config, until)) => {
                self.config.send_replace(Arc::new(config));
                tracing::info!(tls.until = until, "new TLS certificates are in force");
            }
            Err(error) => {
                tracing::warn!(%error, "the TLS files have changed and cannot be used; the old ones stay in force");
            }
        }
    }
}

/// When the server's own certificate ends, as text.
fn until(contents: &Contents) -> Option<String> {
    let end = identity::end(&contents.own()?)?;
    jiff::Timestamp::from_second(end).ok().map(|end| end.to_string())
}
