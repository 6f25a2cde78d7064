//! Calls from other processes: somebody has ended grants. Not responsible for which; whoever is called looks at
//! the endings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// The channel; what is said on it is the sender.
const CHANNEL: &str = "leasehold_licensing_endings";

/// How long after a failure the next connection is tried.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Listens to other processes until it is dropped.
pub(crate) struct Calls {
    heard: watch::Receiver<u64>,
    answered: AtomicU64,
    /// Ends the listening task.
    stop: CancellationToken,
    _stop_when_dropped: DropGuard,
}

impl Calls {
    /// Starts to listen to all but `me`, on a connection of its own that is made again whenever it breaks.
    pub(crate) fn listen(options: PgConnectOptions, patience: Duration, me: Uuid) -> Self {
        let (sender, heard) = watch::channel(0);
        let stop = CancellationToken::new();
        let listener = Listener { options, patience, me: me.to_string(), heard: Arc::new(sender) };
        let ended = stop.clone();
        tokio::spawn(async move {
            ended.run_until_cancelled(listener.run()).await;
        });
        Self { heard, answered: AtomicU64::new(0), stop: stop.clone(), _stop_when_dropped: stop.drop_guard() }
    }

    /// Waits for a call that came since the last time.
    pub(crate) async fn woken(&self) {
        let answered = self.answered.load(Ordering::Acquire);
        let mut heard = self.heard.clone();
        let calls = heard.wait_for(|calls| *calls > answered).await.map(|calls| *calls);
        match calls {
            Ok(calls) => {
                self.answered.fetch_max(calls, Ordering::AcqRel);
            }
            // The store is closed: nobody calls any more.
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops to listen.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

struct Listener {
    options: PgConnectOptions,
    patience: Duration,
    me: String,
    heard: Arc<watch::Sender<u64>>,
}

impl Listener {
    async fn run(&self) {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.patience)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.options.clone());
        loop {
            if let Err(error) = self.listen(&pool).await {
                tracing::debug!(%error, "nothing is heard from other processes; trying again");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    async fn listen(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        // What was said before, or while the connection was broken, nobody heard.
        self.call();
        loop {
            match listener.try_recv().await? {
                Some(call) if call.payload() == self.me => {}
                Some(_) | None => self.call(),
            }
        }
    }

    fn call(&self) {
        self.heard.send_modify(|calls| *calls += 1);
    }
}
