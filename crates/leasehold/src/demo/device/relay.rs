//! Stands between the programs of one device and the server: passes each call on over the network, notes it, and now and
//! then does what networks do: a request comes twice, an answer gets lost, a device falls silent.
//!
//! Programs reach it through memory and call the real service. Not responsible for what they want.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use leasehold_promises::history::History;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use leasehold_proto::licensing::v1::licensing_service_server::LicensingServiceServer;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Response, Status};

use super::recorder::{Held, Recorder};
use super::service::Service;
use crate::demo::counts::{Counts, Event};

/// How long the server has for one sending.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a request that nobody has an answer to is sent again in the end.
const SETTLE: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(200);
/// Bytes that either end may be ahead of the other.
const BUFFER: usize = 64 << 10;
/// How many requests in a hundred come twice, and how many answers get lost.
const TWICE: u32 = 12;
const LOST: u32 = 4;

/// The way of one device to the server. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Relay(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    server: LicensingServiceClient<Channel>,
    /// Held from a call to the note of its answer: one call of a device at a time, in an order that is known.
    notes: Mutex<Notes>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Notes {
    recorder: Recorder,
    rng: StdRng,
    /// Nothing is passed on any more.
    closed: bool,
}

/// A program's connection. Cut, it is as if the program had died.
#[derive(Clone, Debug)]
pub(super) struct Line {
    relay: Relay,
    cut: Arc<AtomicBool>,
}

impl Relay {
    /// For the device of this hostid, `VALUE/TYPE`, over a connection of its own.
    pub(super) fn new(server: Channel, device: String, seed: u64, counts: Arc<Counts>) -> Self {
        let notes =
            Notes { recorder: Recorder::new(device), rng: StdRng::seed_from_u64(seed), closed: false };
        let server = LicensingServiceClient::new(server);
        Self(Arc::new(Inner { server, notes: Mutex::new(notes), counts }))
    }

    /// A connection for a program that starts.
    pub(super) fn connect(&self) -> (Line, Channel) {
        let line = Line { relay: self.clone(), cut: Arc::default() };
        let (sender, arriving) = mpsc::unbounded_channel::<DuplexStream>();
        let connect = tower::service_fn(move |_| {
            let (near, far) = duplex(BUFFER);
            let sent = sender.send(far).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused));
            async move { sent.map(|()| TokioIo::new(near)) }
        });
        let channel = Endpoint::from_static("http://relay").connect_with_connector_lazy(connect);
        let service = LicensingServiceServer::new(Service(line.clone()));
        let arriving = UnboundedReceiverStream::new(arriving).map(Ok::<_, io::Error>);
        // It ends with the channel, and nobody waits for how.
        tokio::spawn(Server::builder().add_service(service).serve_with_incoming(arriving));
        (line, channel)
    }

    /// Shows an old token once, in one of the three ways in which a token is shown.
    pub(super) async fn show_an_old_token(&self) {
        let mut notes = self.0.notes.lock().await;
        let Notes { recorder, rng, closed } = &mut *notes;
        let old = recorder.old_token(|count| rng.random_range(0..count));
        let Some(Held { shown, request }) = old.filter(|_| !*closed) else { return };
        self.0.counts.add(Event::OldToken);
        let mut server = self.0.server.clone();
        match rng.random_range(0..3) {
            0 => {
                let message = pb::HeartbeatRequest { leases: vec![shown.clone()], ..Default::default() };
                if let Ok(answer) = attempt(server.heartbeat(message)).await {
                    recorder.beat(&[shown], &answer.results);
                }
            }
            1 => {
                let message = pb::ReleaseRequest { grants: vec![shown.clone()], ..Default::default() };
                if let Ok(answer) = attempt(server.release(message)).await {
                    recorder.released(&[shown], Some(&answer.results));
                }
            }
            _ => {
                let request_id = uuid::Builder::from_random_bytes(rng.random()).into_uuid().to_string();
                let message = pb::RequestCapabilitiesRequest { request_id, renews: vec![shown], ..request };
                let at = recorder.asks(&message);
                let answer = attempt(server.request_capabilities(message)).await;
                recorder.heard(&at, answer.as_ref());
            }
        }
    }

    /// Passes nothing on any more, and gives every note. What nobody has an answer to is sent again until there is one.
    pub(super) async fn close(&self) -> Vec<History> {
        let mut notes = self.0.notes.lock().await;
        notes.closed = true;
        let until = Instant::now() + SETTLE;
        while !notes.settle(&self.0.server).await && Instant::now() < until {
            sleep(AGAIN).await;
        }
        notes.recorder.histories()
    }
}

impl Notes {
    /// Sends once more what nobody has an answer to; whether everything has one now.
    async fn settle(&mut self, server: &LicensingServiceClient<Channel>) -> bool {
        let Self { recorder, .. } = self;
        for message in recorder.unanswered() {
            let at = recorder.asks(&message);
            let answer = attempt(server.clone().request_capabilities(message)).await;
            recorder.heard(&at, answer.as_ref());
        }
        for shown in recorder.unreturned() {
            let message = pb::ReleaseRequest { grants: vec![shown.clone()], ..Default::default() };
            let answer = attempt(server.clone().release(message)).await;
            recorder.released(&[shown], answer.as_ref().ok().map(|answer| &answer.results[..]));
        }
        recorder.unanswered().is_empty() && recorder.unreturned().is_empty()
    }
}

impl Line {
    /// From now on nothing comes through.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Passes a request on, maybe twice; maybe its answer gets lost.
    pub(super) async fn request(
        self,
        message: pb::RequestCapabilitiesRequest,
    ) -> Result<pb::RequestCapabilitiesResponse, Status> {
        let Inner { server, notes, counts } = &*self.relay.0;
        let mut notes = notes.lock().await;
        self.is_open(&notes)?;
        let at = notes.recorder.asks(&message);
        let luck = notes.rng.random_range(0..100);
        let (mut one, mut other) = (server.clone(), server.clone());
        counts.add(Event::Requested);
        if luck < TWICE {
            counts.add(Event::Duplicated);
            let second = attempt(other.request_capabilities(message.clone()));
            let (first, second) = tokio::join!(attempt(one.request_capabilities(message)), second);
            notes.recorder.heard(&at, first.as_ref());
            notes.recorder.heard(&at, second.as_ref());
            return first.or(second);
        }
        let answer = attempt(one.request_capabilities(message)).await;
        if luck < TWICE + LOST && answer.is_ok() {
            counts.add(Event::AnswerLost);
            notes.recorder.lost(&at);
            return Err(Status::unavailable("the answer got lost on its way"));
        }
        notes.recorder.heard(&at, answer.as_ref());
        answer
    }

    /// Passes heartbeats on.
    pub(super) async fn heartbeat(
        self,
        message: pb::HeartbeatRequest,
    ) -> Result<pb::HeartbeatResponse, Status> {
        let Inner { server, notes, counts } = &*self.relay.0;
        let mut notes = notes.lock().await;
        self.is_open(&notes)?;
        counts.add(Event::Heartbeats(message.leases.len()));
        let answer = attempt(server.clone().heartbeat(message.clone())).await?;
        notes.recorder.beat(&message.leases, &answer.results);
        Ok(answer)
    }

    /// Passes a return on.
    pub(super) async fn release(self, message: pb::ReleaseRequest) -> Result<pb::ReleaseResponse, Status> {
        let Inner { server, notes, .. } = &*self.relay.0;
        let mut notes = notes.lock().await;
        self.is_open(&notes)?;
        let answer = attempt(server.clone().release(message.clone())).await;
        notes.recorder.released(&message.grants, answer.as_ref().ok().map(|answer| &answer.results[..]));
        answer
    }

    /// Whether the program is alive and the server may still be called.
    fn is_open(&self, notes: &Notes) -> Result<(), Status> {
        if self.cut.load(Ordering::Relaxed) || notes.closed {
            return Err(Status::unavailable("the connection is cut"));
        }
        Ok(())
    }
}

/// One sending.
async fn attempt<T>(call: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Status> {
    match timeout(ATTEMPT, call).await {
        Ok(answer) => answer.map(Response::into_inner),
        Err(_) => Err(Status::deadline_exceeded("the server did not answer in time")),
    }
}
