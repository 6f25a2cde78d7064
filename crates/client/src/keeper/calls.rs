//! The keeper's calls, each in a task of its own, and their results.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use leasehold_proto::licensing::v1::{self as pb, LeaseStatus};
use tokio::time::Instant;

use super::{Keeper, Reply};
use crate::answer::Reading;
use crate::answers::{Held, Key};
use crate::error::{CallError, ReleaseError};
use crate::failure::Failure;
use crate::holding::{Holding, Sent, Shown};
use crate::retry::{self, GaveUp, attempt};

/// Most features that a heartbeat names.
const MAX_FEATURES: usize = 1_000;

/// A call that has ended.
#[derive(Debug)]
pub(super) enum Done {
    /// Heartbeats.
    Heartbeat {
        /// When they were sent.
        sent: Instant,
        /// What they said of the notices that the client has.
        tag: u64,
        /// What was shown for which holding.
        leases: Vec<(u64, pb::GrantRef)>,
        /// What came of it.
        answer: Result<pb::HeartbeatResponse, Failure>,
    },
    /// One attempt of a holding's request.
    Request {
        /// The holding.
        id: u64,
        /// What came of it.
        answer: Result<Reading, Failure>,
    },
    /// Something was put on disk.
    OnDisk,
    /// A release with all its repeats.
    Release {
        /// What was returned, and who waits.
        batch: Vec<(Holding, Reply)>,
        /// What came of it.
        answer: Result<pb::ReleaseResponse, GaveUp>,
    },
}

impl Keeper {
    pub(super) fn send_heartbeat(&mut self, leases: Vec<(u64, pb::GrantRef)>, time: Duration) {
        let message = pb::HeartbeatRequest {
            instance: self.options.instance.clone(),
            leases: leases.iter().map(|(_, grant)| grant.clone()).collect(),
            features: self.features(),
            notices_tag: self.board.tag(),
        };
        let (mut rpc, tag) = (self.rpc.clone(), message.notices_tag);
        // Taken before the call begins: the server hears it later, so we always stop first.
        let sent = Instant::now();
        self.calls.spawn(async move {
            let answer = attempt(time, message, |request| async move { rpc.heartbeat(request).await }).await;
            Done::Heartbeat { sent, tag, leases, answer: answer.map_err(|status| Failure::read(&status)) }
        });
    }

    /// The features that are held; none are named where they are too many: then nothing is left out.
    fn features(&self) -> Vec<String> {
        let names: BTreeSet<_> = self.holdings.values().map(|holding| holding.feature().to_owned()).collect();
        if names.len() > MAX_FEATURES { Vec::new() } else { names.into_iter().collect() }
    }

    pub(super) fn send_request(&mut self, id: u64, shown: Arc<Shown>, key: Option<Key>, sent: Sent) {
        let time = self.options.retry.attempt_timeout;
        let (reader, server) = (self.reader.clone(), self.options.server.clone());
        let mut rpc = self.rpc.clone();
        self.calls.spawn(async move {
            let call = |request| async move { rpc.request_capabilities(request).await };
            let answer = match attempt(time, sent.request.clone(), call).await {
                Ok(response) => {
                    reader.read(&sent, shown.feature(), key.as_ref(), response).await.map_err(|problem| {
                        tracing::warn!(
                            client.server = %server,
                            grant.feature = shown.feature(),
                            error.reason = problem.reason(),
                            error = %problem,
                            "an answer does not count"
                        );
                        Failure::unverified(&problem)
                    })
                }
                Err(status) => Err(Failure::read(&status)),
            };
            Done::Request { id, answer }
        });
    }

    /// Nothing is held of these any more.
    pub(super) fn forget(&mut self, grants: Vec<Held>) {
        if grants.is_empty() {
            return;
        }
        let reader = self.reader.clone();
        self.calls.spawn(async move {
            reader.forget(grants).await;
            Done::OnDisk
        });
    }

    /// Answers are kept, and will be judged by the time of day.
    pub(super) fn time_passes(&mut self) {
        let reader = self.reader.clone();
        self.calls.spawn(async move {
            reader.time_passes().await;
            Done::OnDisk
        });
    }

    pub(super) fn send_release(&mut self, batch: Vec<(Holding, Reply)>) {
        let message = pb::ReleaseRequest {
            instance: self.options.instance.clone(),
            grants: batch.iter().map(|(holding, _)| holding.grant().clone()).collect(),
        };
        let (retry, time) = (self.options.retry, self.options.call_timeout);
        let (rpc, reader) = (self.rpc.clone(), self.reader.clone());
        let kept: Vec<Held> = batch.iter().filter_map(|(holding, _)| holding.held()).collect();
        self.releases += 1;
        self.calls.spawn(async move {
            // Before it is returned: nobody may take up again what the server may have given to somebody else.
            reader.forget(kept).await;
            let answer = retry::call(&retry, time, |time| {
                let mut rpc = rpc.clone();
                attempt(time, message.clone(), |request| async move { rpc.release(request).await })
            });
            let answer = answer.await.map(|answered| answered.message);
            Done::Release { batch, answer }
        });
    }
}

/// What a release found for one grant.
pub(super) fn read_release(result: Option<&pb::LeaseResult>) -> Result<(), ReleaseError> {
    let Some(result) = result else {
        return Err(CallError::not_understood("a grant is missing from it").into());
    };
    match result.status() {
        LeaseStatus::Released => Ok(()),
        LeaseStatus::Lost => {
            Err(ReleaseError::NotHeld { reason: result.reason(), message: result.message.clone() })
        }
        _ => Err(CallError::not_understood("it does not say whether the grant was returned").into()),
    }
}
