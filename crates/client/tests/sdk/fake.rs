//! A licence server of one feature that remembers grants and answers, and does as it is told.

mod state;
mod vendor;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_proto::convert::time::duration;
use leasehold_proto::licensing::v1::licensing_service_server::{LicensingService, LicensingServiceServer};
use leasehold_proto::licensing::v1::{self as pb, LostReason};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_stream::{Empty, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::clock::Clock;

use self::state::State;
pub(crate) use self::vendor::{Vendor, said};

/// What the server does with one request.
pub(crate) enum Act {
    /// Grants it.
    Grant,
    /// Grants it, and never answers.
    GrantAndHang,
    /// Answers with this outcome and reason; a refusal holds nothing, a kept grant stays.
    Say(pb::Outcome, pb::Refusal),
    /// Refuses the whole request.
    RefuseAll(pb::RequestRefusal),
    /// Grants it, and something changes the answer on its way.
    Forge(Box<dyn FnOnce(&mut pb::RequestCapabilitiesResponse) + Send>),
    /// Fails.
    Fail(Status),
    /// Does nothing and never answers.
    Hang,
}

/// What the server does with heartbeats.
#[derive(Clone)]
pub(crate) enum Beats {
    /// Answers by what it remembers.
    Answer,
    /// Says that every lease is lost.
    Lose(LostReason),
    /// Fails.
    Fail(Status),
    /// Answers by what it remembers, and late.
    Slow(Duration),
    /// Never answers.
    Hang,
}

/// What has been called, with the time of each call.
#[derive(Clone, Default)]
pub(crate) struct Calls {
    pub(crate) requests: Vec<(Instant, pb::RequestCapabilitiesRequest)>,
    pub(crate) heartbeats: Vec<(Instant, Vec<pb::GrantRef>)>,
    /// The features that each heartbeat named, and its `notices_tag`.
    pub(crate) said: Vec<(Vec<String>, u64)>,
    pub(crate) releases: Vec<(Instant, Vec<pb::GrantRef>)>,
}

/// The server. Clones are one.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    calls: Arc<watch::Sender<Calls>>,
}

impl Act {
    /// Grants it, and something changes the answer on its way.
    pub(crate) fn forge(change: impl FnOnce(&mut pb::RequestCapabilitiesResponse) + Send + 'static) -> Self {
        Self::Forge(Box::new(change))
    }
}

impl Fake {
    /// A server that grants everything for a day, with leases of 10 minutes.
    pub(crate) fn new() -> Self {
        Self { state: Arc::new(Mutex::new(State::new())), calls: Arc::new(watch::Sender::default()) }
    }

    /// The same, with a vendor behind its answers, and a clock.
    pub(crate) fn signing(vendor: Vendor, clock: Clock) -> Self {
        let fake = Self::new();
        {
            let mut state = fake.state();
            state.vendor = Some(vendor);
            state.clock = Some(clock);
        }
        fake
    }

    /// As a service.
    pub(crate) fn service(&self) -> LicensingServiceServer<Self> {
        LicensingServiceServer::new(self.clone())
    }

    /// What it knows and was told.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Tells it what to do with the next requests; afterwards it grants.
    pub(crate) fn next(&self, acts: impl IntoIterator<Item = Act>) {
        self.state().acts.extend(acts);
    }

    /// Tells it what to do with heartbeats.
    pub(crate) fn beats(&self, beats: Beats) {
        self.state().beats = beats;
    }

    /// Forgets grants and answers, as a server that starts anew without its store.
    pub(crate) fn forget(&self) {
        let mut state = self.state();
        state.grants.clear();
        state.answers.clear();
    }

    /// What has been called so far.
    pub(crate) fn calls(&self) -> Calls {
        self.calls.borrow().clone()
    }

    /// Waits until the calls are as wanted; look for what lasts, a moment can be missed.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Calls) -> bool) -> Calls {
        let mut calls = self.calls.subscribe();
        // On a paused clock, a wait that is in vain ends soon.
        let seen = tokio::time::timeout(Duration::from_hours(200), calls.wait_for(wanted)).await;
        seen.expect("the calls never came").unwrap().clone()
    }

    /// What to do with a request; its own answer again for one that came before.
    fn act(&self, message: &pb::RequestCapabilitiesRequest) -> Act {
        let mut state = self.state();
        let repeat = state.answers.contains_key(&message.request_id);
        state.acts.pop_front().filter(|act| !(repeat && matches!(act, Act::Say(..)))).unwrap_or(Act::Grant)
    }
}

/// The error of a renewal whose token is not current.
pub(crate) fn stale(lost: LostReason) -> Status {
    use tonic_types::StatusExt;
    let name = lost.as_str_name().trim_start_matches("LOST_REASON_").to_owned();
    let mut details = tonic_types::ErrorDetails::new();
    details.set_error_info("STALE_TOKEN", "leasehold", [("lost".to_owned(), name)]);
    Status::with_error_details(tonic::Code::FailedPrecondition, "not current", details)
}

#[tonic::async_trait]
impl LicensingService for Fake {
    type SessionStream = Empty<Result<pb::SessionResponse, Status>>;
    type WaitForCapabilityStream = Empty<Result<pb::WaitForCapabilityResponse, Status>>;

    async fn request_capabilities(
        &self,
        request: Request<pb::RequestCapabilitiesRequest>,
    ) -> Result<Response<pb::RequestCapabilitiesResponse>, Status> {
        let message = request.into_inner();
        let act = self.act(&message);
        self.calls.send_modify(|calls| calls.requests.push((Instant::now(), message.clone())));
        match act {
            Act::Grant => self.state().answer(&message, |state| state.grant(&message)).map(Response::new),
            Act::Forge(change) => {
                let mut answer = self.state().answer(&message, |state| state.grant(&message))?;
                change(&mut answer);
                Ok(Response::new(answer))
            }
            Act::GrantAndHang => {
                self.state().answer(&message, |state| state.grant(&message))?;
                std::future::pending().await
            }
            Act::Say(outcome, refusal) => {
                let say = |state: &mut State| Ok(state.say(&message, outcome, refusal));
                self.state().answer(&message, say).map(Response::new)
            }
            Act::RefuseAll(refusal) => Ok(Response::new(self.state().refuse(&message, refusal))),
            Act::Fail(status) => Err(status),
            Act::Hang => std::future::pending().await,
        }
    }

    async fn heartbeat(
        &self,
        request: Request<pb::HeartbeatRequest>,
    ) -> Result<Response<pb::HeartbeatResponse>, Status> {
        let message = request.into_inner();
        self.calls.send_modify(|calls| {
            calls.heartbeats.push((Instant::now(), message.leases.clone()));
            calls.said.push((message.features.clone(), message.notices_tag));
        });
        let beats = self.state().beats.clone();
        match beats {
            Beats::Hang => std::future::pending().await,
            Beats::Fail(status) => Err(status),
            Beats::Answer | Beats::Lose(_) | Beats::Slow(_) => {
                if let Beats::Slow(delay) = beats {
                    tokio::time::sleep(delay).await;
                }
                let state = self.state();
                let after = state.next_heartbeat_after.map(|after| SignedDuration::try_from(after).unwrap());
                Ok(Response::new(pb::HeartbeatResponse {
                    results: message.leases.iter().map(|shown| state.beat(shown)).collect(),
                    next_heartbeat_after: after.map(duration),
                    notices: if state.notices.0 == message.notices_tag {
                        Vec::new()
                    } else {
                        state.notices.1.clone()
                    },
                    notices_tag: state.notices.0,
                    ..pb::HeartbeatResponse::default()
                }))
            }
        }
    }

    async fn release(
        &self,
        request: Request<pb::ReleaseRequest>,
    ) -> Result<Response<pb::ReleaseResponse>, Status> {
        let message = request.into_inner();
        let results = {
            let mut state = self.state();
            message.grants.iter().map(|shown| state.release(shown)).collect()
        };
        self.calls.send_modify(|calls| calls.releases.push((Instant::now(), message.grants.clone())));
        Ok(Response::new(pb::ReleaseResponse { server_time: None, results }))
    }

    async fn session(
        &self,
        request: Request<Streaming<pb::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        request.into_inner().next().await;
        Err(Status::unimplemented("session"))
    }

    async fn wait_for_capability(
        &self,
        _: Request<pb::WaitForCapabilityRequest>,
    ) -> Result<Response<Self::WaitForCapabilityStream>, Status> {
        Err(Status::unimplemented("wait_for_capability"))
    }

    async fn verify_seat(
        &self,
        _: Request<pb::VerifySeatRequest>,
    ) -> Result<Response<pb::VerifySeatResponse>, Status> {
        Err(Status::unimplemented("verify_seat"))
    }
}
