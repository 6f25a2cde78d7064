//! Tells what a batch has come to: the leases first, then whoever waits for it, in the order of the commits. Its answers are
//! signed together on the way.
//!
//! The next batch is decided meanwhile. Not responsible for what is told: a batch that is told has happened.

use std::time::Duration;

use leasehold_domain::grant::Lost;
use leasehold_domain::{Activity, Changes, GrantId, InstanceId, Mode};
use leasehold_leases::Lease;
use tokio::sync::{mpsc, oneshot};

use super::traced::Trace;
use super::{Answered, Done};
use crate::Error;
use crate::answer_keys::sign;
use crate::state::{Shared, State, lease_of};

/// Batches that may wait to be told. With so many the allocator waits, so that a slow lease store slows it down.
const BEHIND: usize = 2;

/// A batch that has happened.
pub(super) struct Settled {
    pub(super) news: News,
    pub(super) answers: Vec<(Reply, Result<Done, Error>)>,
    pub(super) trace: Trace,
}

impl Settled {
    /// Nobody knows whether it has happened: whoever waits hears why, and the store decides about its grants.
    pub(super) fn doubt(&mut self, failure: &Error) {
        self.trace.failed();
        for (_, answer) in &mut self.answers {
            *answer = Err(failure.clone());
        }
        let News { leases, borrowed, ended, activity, in_doubt, .. } = &mut self.news;
        activity.clear();
        in_doubt.extend(leases.drain(..).map(|lease| lease.grant));
        in_doubt.append(borrowed);
        in_doubt.extend(ended.drain(..).map(|(grant, _)| grant));
    }
}

/// Where somebody waits for what came of a piece of work.
pub(super) type Reply = oneshot::Sender<Result<Done, Error>>;

/// What the leases have to hear of a batch.
pub(super) struct News {
    /// When those who asked were heard, by the monotonic clock.
    pub(super) heard: Duration,
    leases: Vec<Lease>,
    borrowed: Vec<GrantId>,
    ended: Vec<(GrantId, Lost)>,
    /// What happened, to be counted.
    activity: Vec<Activity>,
    /// Grants of which the leases may not know what happened to them.
    in_doubt: Vec<GrantId>,
}

impl News {
    /// What these changes are to the leases.
    pub(super) fn of(changes: Changes, heard: Duration, in_doubt: Vec<GrantId>) -> Self {
        let leases = changes.grants.iter().filter_map(lease_of).collect();
        let borrowed = changes.grants.iter().filter(|grant| grant.mode == Mode::Borrow);
        let borrowed = borrowed.map(|grant| grant.id).collect();
        Self { heard, leases, borrowed, ended: changes.ended, activity: changes.activity, in_doubt }
    }
}

#[cfg(test)]
impl News {
    pub(super) fn leases(&self) -> &[Lease] {
        &self.leases
    }

    pub(super) fn ended(&self) -> &[(GrantId, Lost)] {
        &self.ended
    }

    pub(super) fn in_doubt(&self) -> &[GrantId] {
        &self.in_doubt
    }
}

/// Where settled batches are handed over, and where they come out.
pub(super) fn channel() -> (mpsc::Sender<Settled>, mpsc::Receiver<Settled>) {
    mpsc::channel(BEHIND)
}

/// Tells until there are no batches any more.
pub(super) async fn run(licensing: Shared, instance: InstanceId, mut settled: mpsc::Receiver<Settled>) {
    while let Some(Settled { news, mut answers, trace }) = settled.recv().await {
        tell_leases(&licensing, instance, &news).await;
        licensing.revocations.announce(instance, &news.ended);
        licensing.tallying(instance).note(&news.activity);
        forget_doubtful(&licensing, instance, &news.in_doubt).await;
        drop(trace);
        sign(&licensing, instance, answers.iter_mut().filter_map(|(_, answer)| answered(answer)));
        for (reply, answer) in answers {
            // A caller that stopped waiting finds the answer again under its request id.
            let _ = reply.send(answer);
        }
    }
}

/// The answer to a request, where it is one.
fn answered(answer: &mut Result<Done, Error>) -> Option<&mut Answered> {
    match answer {
        Ok(Done::Answered(answered)) => Some(answered),
        _ => None,
    }
}

/// Grants first become known to the leases, then to their holders, so that no heartbeat comes too early.
async fn tell_leases(licensing: &State, instance: InstanceId, news: &News) {
    let now = licensing.own_clock.monotonic();
    let told = async {
        licensing.leases.forget(instance, &news.ended, now).await?;
        licensing.leases.withdraw(instance, &news.borrowed).await?;
        licensing.leases.register(instance, &news.leases, news.heard, now).await
    };
    if let Err(error) = told.await {
        // The store has the truth; a heartbeat that finds no lease asks it.
        tracing::warn!(error.detail = %error, "the leases were not told of a batch");
    }
}

/// Whoever decided a repeated request, or ended a grant that is returned once more, may not have come to tell the
/// leases; the next heartbeat asks the store then.
async fn forget_doubtful(licensing: &State, instance: InstanceId, in_doubt: &[GrantId]) {
    if in_doubt.is_empty() {
        return;
    }
    if let Err(error) = licensing.leases.withdraw(instance, in_doubt).await {
        tracing::warn!(error.detail = %error, "the leases were not told of a repeated request");
    }
}
