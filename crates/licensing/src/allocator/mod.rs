//! The allocator: gathers what waits for one instance and decides it in batches.
//!
//! One task per instance takes everything that has gathered, opens one transaction, lets `domain`
//! decide each piece in order of arrival, and commits once. Another one then tells the leases and everybody who
//! waits, while the next batch is decided.
//! Reference: `docs/reference/licensing.md`, "Batches".

mod batch;
mod tell;
mod work;

use std::sync::Arc;
use std::sync::Mutex;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::metrics::Shed;
use crate::state::Shared;
use crate::{Error, error};
use batch::Decided;
pub(crate) use tell::{Settled, channel, run as tell};
pub(crate) use work::{Done, Work};

/// Where work for one instance waits.
pub(crate) struct Allocator {
    sender: mpsc::Sender<Job>,
    receiver: Mutex<Option<mpsc::Receiver<Job>>>,
}

/// A piece of work and who waits for it.
pub(crate) struct Job {
    work: Arc<Work>,
    deadline: Option<Instant>,
    reply: tell::Reply,
}

impl Allocator {
    pub(crate) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// Hands work to a client's call: a full queue sheds it at once.
    pub(crate) async fn submit(&self, work: Work, deadline: Option<Instant>) -> Result<Done, Error> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Arc::new(work), deadline, reply };
        self.sender.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::ShuttingDown,
        })?;
        answer.await.unwrap_or(Err(Error::ShuttingDown))
    }

    /// Pieces of work that wait for their batch.
    fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Hands work of a background loop in: it waits for a place.
    pub(crate) async fn submit_patiently(&self, work: Work) -> Result<Done, Error> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Arc::new(work), deadline: None, reply };
        self.sender.send(job).await.map_err(|_| Error::ShuttingDown)?;
        answer.await.unwrap_or(Err(Error::ShuttingDown))
    }

    pub(crate) fn take_receiver(&self) -> Option<mpsc::Receiver<Job>> {
        self.receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// Decides batches until the service stops; what waits then is still decided.
pub(crate) async fn run(
    licensing: Shared,
    instance: leasehold_domain::InstanceId,
    mut receiver: mpsc::Receiver<Job>,
    settled: mpsc::Sender<Settled>,
) {
    let stopping = licensing.stopping.clone();
    let mut jobs = Vec::new();
    loop {
        let limit = licensing.config.max_batch.max(1);
        tokio::select! {
            biased;
            taken = receiver.recv_many(&mut jobs, limit) => if taken == 0 { return },
            () = stopping.cancelled(), if !receiver.is_closed() => { receiver.close(); continue }
        }
        let now = Instant::now();
        let (late, live): (Vec<Job>, Vec<Job>) =
            jobs.drain(..).partition(|job| job.deadline.is_some_and(|deadline| deadline <= now));
        licensing.metrics.queue_depth(licensing.allocator(instance).waiting());
        for job in late {
            licensing.metrics.shed(Shed::Late);
            job.answer(Err(Error::DeadlineExceeded));
        }
        decide_or_halve(&licensing, instance, live, &settled).await;
    }
}

/// Decides a batch; one that fails for a reason that will not pass is halved and tried again, so that a
/// poisoned piece of work fails alone.
async fn decide_or_halve(
    licensing: &Shared,
    instance: leasehold_domain::InstanceId,
    jobs: Vec<Job>,
    settled: &mpsc::Sender<Settled>,
) {
    let mut stack = vec![jobs];
    while let Some(mut jobs) = stack.pop() {
        jobs.retain(|job| !job.reply.is_closed());
        if jobs.is_empty() {
            continue;
        }
        let work: Vec<Arc<Work>> = jobs.iter().map(|job| job.work.clone()).collect();
        match batch::decide(licensing, instance, &work).await {
            Ok(Decided { answers, news }) => {
                let replies = jobs.into_iter().map(|job| job.reply);
                let answers = replies.zip(answers).collect();
                // Its receiver lives as long as this task; where it has failed, the process stops.
                let _ = settled.send(Settled { news, answers }).await;
            }
            Err(failure) if jobs.len() == 1 || failure.is_passing() => {
                error::log(&failure, jobs.len());
                for job in jobs {
                    job.answer(Err(failure.clone()));
                }
            }
            Err(_) => {
                let second = jobs.split_off(jobs.len() / 2);
                stack.push(second);
                stack.push(jobs);
            }
        }
    }
}

impl Job {
    fn answer(self, answer: Result<Done, Error>) {
        // A caller that stopped waiting finds the answer again under its request id.
        let _ = self.reply.send(answer);
    }
}
