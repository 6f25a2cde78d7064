//! A service for updates that does as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use leasehold_client::WallClock;
use leasehold_proto::convert::time::{duration, timestamp};
use leasehold_proto::sync::v1::Signed;
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_client_service_server::UpdateClientService;
use leasehold_signing::{Envelope, PayloadType};
use prost::Message;
use tonic::{Request, Response, Status};

use crate::vendor::Vendor;

/// Bytes of a piece.
pub(crate) const PIECE: usize = 256 << 10;
/// How a process ends that was told to end.
pub(crate) const ENDED: i32 = 99;

/// Changes what is signed.
pub(crate) type Forge = Box<dyn Fn(&mut pb::UpdateAssignment) + Send>;

/// What the service knows and was told.
pub(crate) struct State {
    /// Signs.
    pub(crate) vendor: Vendor,
    pub(crate) clock: Clock,
    /// What everybody is to have.
    pub(crate) plan: Vec<pb::Assignment>,
    pub(crate) forge: Option<Forge>,
    /// Nothing is signed.
    pub(crate) unsigned: bool,
    /// This is answered to every check-in.
    pub(crate) replay: Option<pb::CheckInResponse>,
    /// Where metadata is read from.
    pub(crate) metadata: PathBuf,
    /// By SHA-256.
    pub(crate) content: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The next downloads break off after so many bytes.
    pub(crate) cuts: VecDeque<usize>,
    /// Every download ends so.
    pub(crate) refusal: Option<Status>,
    /// The process ends after so many bytes of a download.
    pub(crate) ends_after: Option<usize>,
    /// Reports are kept, and so are not answered.
    pub(crate) silent: bool,
    /// Reports are refused.
    pub(crate) away: bool,
    /// Where events are written to, too.
    pub(crate) log: Option<PathBuf>,
    pub(crate) check_ins: Vec<pb::CheckInRequest>,
    pub(crate) answers: Vec<pb::CheckInResponse>,
    /// Where each download began.
    pub(crate) fetches: Vec<u64>,
    /// As they came.
    pub(crate) reported: Vec<pb::UpdateEvent>,
    /// Each once.
    pub(crate) events: Vec<pb::UpdateEvent>,
}

/// The service. Clones are one.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Mutex<State>>);

/// A time of day that a test sets. Clones are one.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<Timestamp>>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new("2026-05-04T12:00:00Z".parse().unwrap())))
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    pub(crate) fn step(&self, length: SignedDuration) {
        *self.0.lock().unwrap() += length;
    }

    pub(crate) fn wall(&self) -> WallClock {
        let clock = self.clone();
        WallClock::new(move || clock.now())
    }
}

impl Fake {
    pub(crate) fn new(metadata: PathBuf, clock: Clock) -> Self {
        let vendor = Vendor::serving("updates", 1, 7, clock.now());
        Self(Arc::new(Mutex::new(State {
            vendor,
            clock,
            plan: Vec::new(),
            forge: None,
            unsigned: false,
            replay: None,
            metadata,
            content: BTreeMap::new(),
            cuts: VecDeque::new(),
            refusal: None,
            ends_after: None,
            silent: false,
            away: false,
            log: None,
            check_ins: Vec::new(),
            answers: Vec::new(),
            fetches: Vec::new(),
            reported: Vec::new(),
            events: Vec::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Changes what is signed from now on.
    pub(crate) fn forge(&self, forge: impl Fn(&mut pb::UpdateAssignment) + Send + 'static) {
        self.state().forge = Some(Box::new(forge));
    }
}

impl State {
    fn answer(&mut self, asked: &pb::CheckInRequest) -> pb::CheckInResponse {
        if let Some(replay) = &self.replay {
            return replay.clone();
        }
        let mut said = pb::UpdateAssignment {
            client_id: asked.client_id.clone(),
            hostid: asked.hostid.clone(),
            nonce: asked.nonce.clone(),
            made_at: Some(timestamp(self.clock.now())),
            assignments: self.plan.clone(),
            next_check_in_after: Some(duration(SignedDuration::from_hours(1))),
            ..pb::UpdateAssignment::default()
        };
        if let Some(forge) = &self.forge {
            forge(&mut said);
        }
        let payload = said.encode_to_vec();
        let envelope = Envelope::sign(PayloadType::UpdateAssignment, payload, &self.vendor.answer).unwrap();
        let (envelope, certificates) = (envelope.to_protobuf(), self.vendor.certificates.clone());
        let signed = (!self.unsigned).then_some(Signed { envelope, certificates });
        let answer = pb::CheckInResponse { assignment: signed, ticket: b"ticket".to_vec() };
        self.answers.push(answer.clone());
        answer
    }

    fn keep(&mut self, event: pb::UpdateEvent) {
        if self.events.last().is_some_and(|last| last.sequence >= event.sequence) {
            return;
        }
        if let Some(log) = &self.log {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
            writeln!(file, "{} {} {}", event.sequence, event.version, event.state().as_str_name()).unwrap();
        }
        self.events.push(event);
    }
}

type Pieces =
    std::pin::Pin<Box<dyn tokio_stream::Stream<Item = Result<pb::FetchBlobResponse, Status>> + Send>>;

#[tonic::async_trait]
impl UpdateClientService for Fake {
    type FetchBlobStream = Pieces;

    async fn check_in(
        &self,
        request: Request<pb::CheckInRequest>,
    ) -> Result<Response<pb::CheckInResponse>, Status> {
        let (mut state, asked) = (self.state(), request.into_inner());
        let answer = state.answer(&asked);
        state.check_ins.push(asked);
        Ok(Response::new(answer))
    }

    async fn report_events(
        &self,
        request: Request<pb::ReportEventsRequest>,
    ) -> Result<Response<pb::ReportEventsResponse>, Status> {
        let (mut state, message) = (self.state(), request.into_inner());
        if state.away {
            return Err(Status::unavailable("away"));
        }
        for event in message.events {
            state.reported.push(event.clone());
            state.keep(event);
        }
        if state.silent {
            return Err(Status::unavailable("the answer is lost"));
        }
        let acknowledged = state.events.last().map_or(0, |event| event.sequence);
        Ok(Response::new(pb::ReportEventsResponse { acknowledged }))
    }

    async fn get_tuf_file(
        &self,
        request: Request<pb::GetTufFileRequest>,
    ) -> Result<Response<pb::GetTufFileResponse>, Status> {
        let message = request.into_inner();
        assert_eq!(message.ticket, b"ticket");
        let content = std::fs::read(self.state().metadata.join(message.name)).ok();
        Ok(Response::new(pb::GetTufFileResponse {
            found: content.is_some(),
            content: content.unwrap_or_default(),
        }))
    }

    async fn fetch_blob(
        &self,
        request: Request<pb::FetchBlobRequest>,
    ) -> Result<Response<Self::FetchBlobStream>, Status> {
        let (mut state, message) = (self.state(), request.into_inner());
        state.fetches.push(message.offset);
        if let Some(refusal) = state.refusal.clone() {
            return Err(refusal);
        }
        let content =
            state.content.get(&message.sha256).cloned().ok_or_else(|| Status::not_found("no blob"))?;
        let (cut, ends_after) = (state.cuts.pop_front(), state.ends_after);
        let begin = usize::try_from(message.offset).unwrap();
        let length = content.len() as u64;
        let starts = (begin..content.len()).step_by(PIECE);
        let mut pieces: Vec<_> = starts
            .map(|start| {
                let data = content[start..content.len().min(start + PIECE)].to_vec();
                let length = if start == begin { length } else { 0 };
                Ok(pb::FetchBlobResponse { offset: start as u64, data, length })
            })
            .collect();
        if let Some(cut) = cut {
            pieces.truncate(cut / PIECE);
            pieces.push(Err(Status::unavailable("the way broke")));
        }
        let sent = pieces.into_iter().enumerate().map(move |(number, piece)| {
            if ends_after.is_some_and(|bytes| number * PIECE >= bytes) {
                std::process::exit(ENDED);
            }
            piece
        });
        Ok(Response::new(Box::pin(tokio_stream::iter(sent))))
    }
}
