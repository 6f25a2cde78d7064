//! Many clients over few connections, which repeat calls as the client library does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use leasehold_proto::licensing::v1 as pb;
use rand::RngExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tonic::transport::Channel;
use tonic::{ConnectError, Status};
use tonic_types::StatusExt;

use super::TTL;
use crate::calls::{Licensing, request};
use crate::server::channel;

/// Connections to each replica.
const CONNECTIONS: usize = 8;
// As the client library does it.
const ATTEMPT: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LONGEST_DELAY: Duration = Duration::from_secs(5);
/// No client waits longer than this.
const PATIENCE: Duration = Duration::from_mins(3);

/// The connections, and what goes over them.
pub(super) struct Driver {
    channels: Vec<Channel>,
    next: AtomicUsize,
    needed: AtomicU64,
    sent: AtomicU64,
    unsent: AtomicU64,
}

/// Calls since the last report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    /// Calls that clients wanted answered.
    needed: u64,
    /// Sendings that may have reached a server.
    sent: u64,
    /// Those for which there was no connection.
    unsent: u64,
}

/// Clients whose leases go in one heartbeat, until they are stopped.
pub(super) struct Flock {
    /// When the last heartbeat was sent that was answered.
    answered: watch::Receiver<Option<Instant>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Told>,
}

/// What a flock was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) alive: usize,
    /// Those that were heard alive while the lease store was away.
    pub(super) degraded: usize,
    pub(super) lost: Vec<pb::LeaseResult>,
}

impl Report {
    pub(super) fn amplification(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "there are fewer calls than that")]
        let share = self.sent as f64 / self.needed as f64;
        share
    }
}

impl Driver {
    pub(super) fn new(ports: &[u16]) -> Self {
        let channels = (0..CONNECTIONS).flat_map(|_| ports.iter().map(|port| channel(*port))).collect();
        Self {
            channels,
            next: AtomicUsize::new(0),
            needed: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
        }
    }

    /// Says how many calls there were since the last time.
    pub(super) fn report(&self, what: &str, time: Duration) -> Report {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let report =
            Report { needed: take(&self.needed), sent: take(&self.sent), unsent: take(&self.unsent) };
        eprintln!(
            "{what} in {time:?}: {} calls, sent {} times (amplification {:.3}), {} times without a connection",
            report.needed,
            report.sent,
            report.amplification(),
            report.unsent
        );
        report
    }

    /// Asks for one count for the device of this number, until there is an answer; `None` where it is refused.
    pub(super) async fn check_out(&self, number: usize) -> Option<pb::GrantRef> {
        let request = request(&format!("H{number}"), &[("grass", 1)]);
        let send = |mut licensing: Licensing| {
            let request = request.clone();
            async move { licensing.request_capabilities(request).await }
        };
        let (answer, _) = self.call((FIRST_DELAY, LONGEST_DELAY), ATTEMPT, send).await;
        let outcome = answer.into_inner().outcomes.into_iter().next().expect("one outcome");
        outcome.grant.filter(|_| outcome.outcome == pb::Outcome::Granted as i32)
    }

    /// Sends one call until it is answered, and says besides when that sending was. The delays between two are the
    /// first and the longest.
    async fn call<T, F>(
        &self,
        (first, longest): (Duration, Duration),
        attempt: Duration,
        mut send: impl FnMut(Licensing) -> F,
    ) -> (T, Instant)
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.needed.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let mut delay = first;
        loop {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let licensing = Licensing::new(self.channels[next % self.channels.len()].clone());
            let begun = Instant::now();
            let status = match timeout(attempt, send(licensing)).await {
                Ok(Ok(answer)) => {
                    self.sent.fetch_add(1, Ordering::Relaxed);
                    return (answer, begun);
                }
                Ok(Err(status)) => Some(status),
                Err(_) => None,
            };
            let unsent = status.as_ref().is_some_and(was_not_sent);
            if unsent { &self.unsent } else { &self.sent }.fetch_add(1, Ordering::Relaxed);
            assert!(start.elapsed() < PATIENCE, "nobody answers: {status:?}");
            let asked = status.and_then(|status| status.get_error_details().retry_info()?.retry_delay);
            let roll = rand::rng().random_range(0.0..1.0);
            sleep(match asked {
                Some(asked) => delay.max(asked).mul_f64(1.0 + roll / 2.0),
                None => delay.mul_f64(0.5 + roll),
            })
            .await;
            delay = (delay * 2).min(longest);
        }
    }
}

fn was_not_sent(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

impl Flock {
    pub(super) fn new(driver: Arc<Driver>, grants: &[pb::GrantRef]) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (tell, answered) = watch::channel(None);
        let request = pb::HeartbeatRequest { leases: grants.to_vec(), ..Default::default() };
        let task = tokio::spawn(beat(driver, request, tell, stopped));
        Self { answered, stop, task }
    }

    /// Waits for an answer to something sent after this moment.
    pub(super) async fn heard_after(&self, moment: Instant) {
        let mut answered = self.answered.clone();
        let after = answered.wait_for(|sent| sent.is_some_and(|sent| sent > moment));
        timeout(PATIENCE, after).await.expect("heartbeats are answered").expect("the flock goes on");
    }

    /// Lets the clients fall silent, and says what they were told.
    pub(super) async fn stop(self) -> Told {
        self.stop.send_replace(true);
        self.task.await.unwrap()
    }
}

async fn beat(
    driver: Arc<Driver>,
    request: pb::HeartbeatRequest,
    tell: watch::Sender<Option<Instant>>,
    mut stopped: watch::Receiver<bool>,
) -> Told {
    let mut told = Told::default();
    loop {
        let pause = (TTL / 4).mul_f64(rand::rng().random_range(0.9..1.1));
        if timeout(pause, stopped.wait_for(|stopped| *stopped)).await.is_ok() {
            return told;
        }
        let send = |mut licensing: Licensing| {
            let request = request.clone();
            async move { licensing.heartbeat(request).await }
        };
        let (answer, begun) = driver.call((TTL / 32, TTL / 4), TTL / 5, send).await;
        for result in answer.into_inner().results {
            match result.status() {
                pb::LeaseStatus::Ok => told.alive += 1,
                pb::LeaseStatus::OkDegraded => told.degraded += 1,
                _ => told.lost.push(result),
            }
        }
        tell.send_replace(Some(begun));
    }
}
