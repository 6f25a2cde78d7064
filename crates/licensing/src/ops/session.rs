//! `Session`: heartbeats up, their answers, revocations and updates down, for as long as the client stays.

use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;

use leasehold_domain::{GrantId, GrantRef, InstanceId, Rejection};
use leasehold_proto::convert::grant_ref::read_any_grant_refs;
use leasehold_proto::convert::lease as convert;
use leasehold_proto::convert::time::duration;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1::ErrorReason;
use leasehold_runtime::ApiError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::Error;
use crate::notices::{Shown, check_features};
use crate::ops::heartbeat::hear;
use crate::revocations::Revoked;
use crate::state::Shared;

/// Leases that one session may keep alive.
const MAX_LEASES: usize = 10_000;
/// Answers that a client may be behind before it is waited for.
const BACKLOG: usize = 16;
/// What a client that is told to come back should wait.
const RETRY_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);

pub(crate) type Responses = ReceiverStream<Result<pb::SessionResponse, Status>>;

/// Opens a session; it ends when the client goes, sends nonsense, or the service stops.
pub(crate) fn session(licensing: Shared, requests: Streaming<pb::SessionRequest>) -> Responses {
    let (sender, receiver) = mpsc::channel(BACKLOG);
    let revoked = licensing.revocations.listen();
    let (leases, features, updates) = (HashSet::new(), Vec::new(), HashSet::new());
    let session = Session { licensing, sender, instance: None, leases, features, updates };
    tokio::spawn(session.run(requests, revoked));
    ReceiverStream::new(receiver)
}

struct Session {
    licensing: Shared,
    sender: mpsc::Sender<Result<pb::SessionResponse, Status>>,
    instance: Option<InstanceId>,
    leases: HashSet<GrantId>,
    /// What the client has said it holds.
    features: Vec<String>,
    /// The numbers of the updates that it was told of.
    updates: HashSet<u64>,
}

/// The next change of the notices; none comes before the session has an instance.
async fn changed(notices: &mut Option<watch::Receiver<Arc<Shown>>>) {
    let is_over = match notices {
        Some(notices) => notices.changed().await.is_err(),
        None => true,
    };
    if is_over {
        pending::<()>().await;
    }
}

impl Session {
    async fn run(
        mut self,
        mut requests: Streaming<pb::SessionRequest>,
        mut revoked: broadcast::Receiver<Revoked>,
    ) {
        let draining = self.licensing.draining.clone();
        let mut notices = None;
        loop {
            let answered = tokio::select! {
                message = requests.message() => match message {
                    Ok(Some(message)) => self.answer(message).await,
                    Ok(None) => return,
                    Err(status) => Err(status),
                },
                ended = revoked.recv() => match ended {
                    Ok(revoked) => self.revoke(revoked).await,
                    // Missed endings show on the next heartbeat.
                    Err(_) => Ok(()),
                },
                () = changed(&mut notices) => self.tell_updates().await,
                () = draining.cancelled() => self.drain().await,
            };
            if let Err(status) = answered {
                let _ = self.sender.send(Err(status)).await;
                return;
            }
            if let (None, Some(instance)) = (&notices, self.instance) {
                notices = Some(self.licensing.board(instance).watch());
            }
        }
    }

    async fn answer(&mut self, message: pb::SessionRequest) -> Result<(), Status> {
        let response = self.hear(&message).await.map_err(|error| Status::from(ApiError::from(error)))?;
        self.send(pb::session_response::Event::Heartbeat(response)).await?;
        self.tell_updates().await
    }

    /// Tells of updates that the client has not been told of.
    async fn tell_updates(&mut self) -> Result<(), Status> {
        let Some(instance) = self.instance else { return Ok(()) };
        let shown = self.licensing.board(instance).shown();
        let now = self.licensing.clock(instance).now();
        for notice in shown.concerning(&self.features, now) {
            if let Some(update) = notice.update.clone()
                && self.updates.insert(notice.number)
            {
                self.send(pb::session_response::Event::UpdateAvailable(update)).await?;
            }
        }
        Ok(())
    }

    async fn hear(&mut self, message: &pb::SessionRequest) -> Result<pb::HeartbeatResponse, Error> {
        let instance = match self.instance {
            Some(instance) => instance,
            None => self.licensing.instance(&message.instance)?.id,
        };
        self.instance = Some(instance);
        let shown: Vec<GrantRef> = read_any_grant_refs("leases", &message.leases).map_err(Rejection::from)?;
        if self.leases.len() + shown.len() > MAX_LEASES {
            return Err(Error::field("leases", "a session keeps at most 10,000 leases alive; open another"));
        }
        check_features(&message.features)?;
        let mut response = hear(&self.licensing, instance, &shown).await?;
        self.features.clone_from(&message.features);
        let now = self.licensing.clock(instance).now();
        let notices = self.licensing.board(instance).shown();
        notices.tell(&mut response, &self.features, message.notices_tag, now);
        for (shown, result) in shown.iter().zip(&response.results) {
            if result.status == i32::from(pb::LeaseStatus::Ok) {
                self.leases.insert(shown.id);
            } else {
                self.leases.remove(&shown.id);
            }
        }
        Ok(response)
    }

    async fn revoke(&mut self, revoked: Revoked) -> Result<(), Status> {
        if self.instance != Some(revoked.instance) || !self.leases.remove(&revoked.grant) {
            return Ok(());
        }
        let revocation = convert::revocation(revoked.grant, revoked.lost);
        self.send(pb::session_response::Event::Revoked(revocation)).await
    }

    async fn drain(&mut self) -> Result<(), Status> {
        let notice = pb::DrainNotice { retry_after: Some(duration(RETRY_AFTER)) };
        self.send(pb::session_response::Event::Draining(notice)).await?;
        Err(ApiError::new(ErrorReason::ShuttingDown, "the service is stopping; connect again shortly")
            .with_retry_after(RETRY_AFTER.unsigned_abs())
            .into())
    }

    async fn send(&self, event: pb::session_response::Event) -> Result<(), Status> {
        let response = pb::SessionResponse { event: Some(event) };
        self.sender.send(Ok(response)).await.map_err(|_| Status::cancelled("the client is gone"))
    }
}
