//! The allocator: gathers what waits for one instance and decides it in batches.
//!
//! One task per instance takes everything that has gathered, opens one transaction, lets `domain`
//! decide each piece in order of arrival, and commits once. While the next batch is decided another task waits until
//! nothing can undo the commit, and a third one then tells the leases and everybody who waits.
//! Reference: `docs/reference/licensing.md`, "Batches".

mod batch;
mod gather;
mod settle;
mod tell;
mod traced;
mod work;

use std::sync::Arc;
use std::sync::Mutex;

use leasehold_domain::InstanceId;
use leasehold_runtime::Background;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::metrics::Shed;
use crate::state::Shared;
use crate::{Error, error};
use batch::Decided;
use gather::{Unsettled, gather};
use settle::Committed;
use tell::Settled;
pub(crate) use work::{Answered, Done, Work};

/// Starts the tasks of an instance: one decides, on a thread of its own, one settles, one tells.
pub(crate) fn spawn(licensing: &Shared, instance: InstanceId, background: &Background) -> Result<(), Error> {
    let Some(receiver) = licensing.allocator(instance).take_receiver() else { return Ok(()) };
    let ((committed, to_settle), (settled, to_tell)) = (settle::channel(), tell::channel());
    let unsettled = Unsettled::new();
    let decides = run(licensing.clone(), instance, receiver, committed, unsettled.clone());
    background
        .spawn_apart("licensing.allocator", decides)
        .map_err(|error| Error::NoThread(Arc::new(error)))?;
    background.spawn("licensing.settling", settle::run(licensing.clone(), to_settle, settled, unsettled));
    background.spawn("licensing.telling", tell::run(licensing.clone(), instance, to_tell));
    Ok(())
}

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
    caller: Option<Box<traced::Caller>>,
}

impl Allocator {
    pub(crate) fn new(capacity: usize) -> Self {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        Self { sender, receiver: Mutex::new(Some(receiver)) }
    }

    /// Hands work to a client's call: a full queue sheds it at once.
    pub(crate) async fn submit(&self, work: Work, deadline: Option<Instant>) -> Result<Done, Error> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Arc::new(work), deadline, reply, caller: traced::Caller::current() };
        self.sender.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::ShuttingDown,
        })?;
        answer.await.unwrap_or(Err(Error::ShuttingDown))
    }

    /// Pieces of work that wait for their batch.
    pub(super) fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Hands work of a background loop in: it waits for a place.
    pub(crate) async fn submit_patiently(&self, work: Work) -> Result<Done, Error> {
        let (reply, answer) = oneshot::channel();
        let job = Job { work: Arc::new(work), deadline: None, reply, caller: traced::Caller::current() };
        self.sender.send(job).await.map_err(|_| Error::ShuttingDown)?;
        answer.await.unwrap_or(Err(Error::ShuttingDown))
    }

    fn take_receiver(&self) -> Option<mpsc::Receiver<Job>> {
        self.receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

/// Decides batches until the service stops; what waits then is still decided.
async fn run(
    licensing: Shared,
    instance: InstanceId,
    mut receiver: mpsc::Receiver<Job>,
    committed: mpsc::Sender<Committed>,
    unsettled: Unsettled,
) {
    let stopping = licensing.stopping.clone();
    let mut jobs = Vec::new();
    let mut last = 0;
    loop {
        let limit = licensing.config.max_batch.max(1);
        tokio::select! {
            biased;
            taken = receiver.recv_many(&mut jobs, limit) => if taken == 0 { return },
            () = stopping.cancelled(), if !receiver.is_closed() => { receiver.close(); continue }
        }
        gather(&mut jobs, &mut receiver, &unsettled, last, limit).await;
        last = jobs.len();
        let now = Instant::now();
        let (late, live): (Vec<Job>, Vec<Job>) =
            jobs.drain(..).partition(|job| job.deadline.is_some_and(|deadline| deadline <= now));
        licensing.metrics.queue_depth(licensing.allocator(instance).waiting());
        for job in late {
            licensing.metrics.shed(Shed::Late);
            job.answer(Err(Error::DeadlineExceeded));
        }
        decide_or_halve(&licensing, instance, live, &committed, &unsettled).await;
    }
}

/// Decides a batch; one that fails for a reason that will not pass is halved and tried again, so that a
/// poisoned piece of work fails alone.
async fn decide_or_halve(
    licensing: &Shared,
    instance: InstanceId,
    jobs: Vec<Job>,
    committed: &mpsc::Sender<Committed>,
    unsettled: &Unsettled,
) {
    let mut stack = vec![jobs];
    while let Some(mut jobs) = stack.pop() {
        jobs.retain(|job| !job.reply.is_closed());
        if jobs.is_empty() {
            continue;
        }
        let work: Vec<Arc<Work>> = jobs.iter().map(|job| job.work.clone()).collect();
        let trace = traced::Trace::begin(jobs.len(), jobs.iter().filter_map(|job| job.caller.as_deref()));
        match batch::decide(licensing, instance, &work, &trace).await {
            Ok(Decided { answers, news, pending }) => {
                let replies = jobs.into_iter().map(|job| job.reply);
                let answers = replies.zip(answers).collect();
                // Its receiver lives as long as this task; where it has failed, the process stops.
                unsettled.add();
                let _ = committed.send(Committed { batch: Settled { news, answers, trace }, pending }).await;
            }
            Err(failure) if jobs.len() == 1 || failure.is_passing() => {
                error::log(&failure, jobs.len());
                trace.failed();
                drop(trace);
                for job in jobs {
                    job.answer(Err(failure.clone()));
                }
            }
            Err(_) => {
                trace.split();
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
