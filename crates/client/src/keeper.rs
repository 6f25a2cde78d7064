//! The background task of a client: keeps up every grant that its guards hold.
//!
//! Responsible for sending what is due, for all grants together where one call can carry them, and for
//! handing answers on. Not responsible for what is due or what an answer means: each holding knows. Calls
//! run beside the task, so that a call that hangs delays no change of state.

mod calls;
mod leaving;

use std::collections::BTreeMap;
use std::sync::Arc;

use leasehold_proto::convert::grant_ref::MAX_GRANTS;
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::licensing_service_client::LicensingServiceClient;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::transport::Channel;

use self::calls::Done;
use self::leaving::Leaving;
use crate::error::{CallError, ReleaseError};
use crate::failure::Failure;
use crate::holding::{Holding, heartbeat_timeout};
use crate::identity::Identity;
use crate::notices::Board;
use crate::options::Options;
use crate::reader::Reader;
use crate::retry::GaveUp;
use crate::state::later;

/// Most commands that are obeyed before anything is sent.
const GATHER: usize = 1_024;

/// Who waits to hear that a grant was returned; `None` where nobody does.
pub(crate) type Reply = Option<oneshot::Sender<Result<(), ReleaseError>>>;

/// What guards want.
#[derive(Debug)]
pub(crate) enum Command {
    /// Keep this grant up.
    Hold(u64, Box<Holding>),
    /// Return it.
    Release(u64, Reply),
    /// Keep it up no more, and leave it as it is.
    Forget(u64),
    /// Say what can be shown of all that is held.
    #[cfg(feature = "updates")]
    Show(oneshot::Sender<Vec<pb::GrantRef>>),
}

/// The background task.
#[derive(Debug)]
pub(crate) struct Keeper {
    rpc: LicensingServiceClient<Channel>,
    options: Arc<Options>,
    /// The client instance id is locked for as long as anything is held under it.
    _identity: Arc<Identity>,
    reader: Arc<Reader>,
    commands: mpsc::UnboundedReceiver<Command>,
    holdings: BTreeMap<u64, Holding>,
    leaving: BTreeMap<u64, Leaving>,
    calls: JoinSet<Done>,
    releases: usize,
    board: Board,
}

impl Keeper {
    /// A keeper without anything to keep.
    pub(crate) fn new(
        channel: Channel,
        options: Arc<Options>,
        identity: Arc<Identity>,
        reader: Arc<Reader>,
        commands: mpsc::UnboundedReceiver<Command>,
        board: Board,
    ) -> Self {
        Self {
            rpc: LicensingServiceClient::new(channel),
            options,
            _identity: identity,
            reader,
            commands,
            holdings: BTreeMap::new(),
            leaving: BTreeMap::new(),
            calls: JoinSet::new(),
            releases: 0,
            board,
        }
    }

    /// Runs until the client and every guard are gone and everything is returned.
    pub(crate) async fn run(mut self) {
        let mut gathered = Vec::new();
        let mut open = true;
        while open || self.is_returning() {
            let now = Instant::now();
            let wake = self.wakes_at(now);
            tokio::select! {
                count = self.commands.recv_many(&mut gathered, GATHER), if open => {
                    open = count > 0;
                    self.obey(gathered.drain(..));
                }
                Some(done) = self.calls.join_next() => {
                    if let Ok(done) = done {
                        self.take_in(done);
                    }
                }
                () = tokio::time::sleep_until(wake.unwrap_or(now)), if wake.is_some() => {}
                else => break,
            }
            self.send_what_is_due();
        }
    }

    fn wakes_at(&self, now: Instant) -> Option<Instant> {
        let held = self.holdings.values().filter_map(|holding| holding.wakes_at(now));
        let leaving = self.leaving.values().filter_map(Leaving::wakes_at);
        held.chain(leaving).min()
    }

    fn is_returning(&self) -> bool {
        self.releases > 0 || !self.leaving.is_empty()
    }

    fn obey(&mut self, commands: impl Iterator<Item = Command>) {
        let now = Instant::now();
        let mut returned = Vec::new();
        for command in commands {
            match command {
                Command::Hold(id, holding) => drop(self.holdings.insert(id, *holding)),
                Command::Forget(id) => drop(self.holdings.remove(&id)),
                #[cfg(feature = "updates")]
                Command::Show(reply) => {
                    let held = self.holdings.values().filter(|holding| holding.is_returnable());
                    // Whoever asked may have stopped waiting.
                    let _ = reply.send(held.map(|holding| holding.grant().clone()).collect());
                }
                Command::Release(id, reply) => {
                    let Some(mut holding) = self.holdings.remove(&id) else { continue };
                    if holding.must_learn(now) {
                        let until = later(now, self.options.call_timeout);
                        self.leaving.insert(id, Leaving { holding, reply, until });
                    } else {
                        returned.push((holding, reply));
                    }
                }
            }
        }
        self.give_back(returned);
    }

    fn send_what_is_due(&mut self) {
        let now = Instant::now();
        let mut gone = Vec::new();
        for holding in self.holdings.values_mut() {
            holding.settle(now);
            gone.extend(holding.lost_from_kept());
        }
        self.forget(gone);
        self.send_heartbeats(now);
        let settled = self.leaving.extract_if(.., |_, leaving| !leaving.waits(now));
        let settled = settled.map(|(_, leaving)| (leaving.holding, leaving.reply)).collect();
        self.give_back(settled);
        let leaving = self.leaving.iter_mut().map(|(id, leaving)| (id, &mut leaving.holding));
        let due: Vec<_> = self
            .holdings
            .iter_mut()
            .chain(leaving)
            .filter_map(|(id, holding)| {
                let sent = holding.request_due(now, || self.reader.seen())?;
                Some((*id, holding.shown(), holding.key().cloned(), sent))
            })
            .collect();
        for (id, shown, key, sent) in due {
            self.send_request(id, shown, key, sent);
        }
    }

    /// One heartbeat that is due takes along all that will be due soon, and they stay together.
    fn send_heartbeats(&mut self, now: Instant) {
        if !self.holdings.values().any(|holding| holding.needs_heartbeat(now)) {
            return;
        }
        let mut leases = Vec::new();
        let mut shortest = None;
        for (id, holding) in &mut self.holdings {
            if let Some(ttl) = holding.joins_heartbeat(now) {
                holding.heartbeat_sent();
                shortest = Some(shortest.map_or(ttl, |shortest| ttl.min(shortest)));
                leases.push((*id, holding.grant().clone()));
            }
        }
        let time = heartbeat_timeout(shortest.unwrap_or_default()).min(self.options.retry.attempt_timeout);
        for leases in leases.chunks(MAX_GRANTS) {
            self.send_heartbeat(leases.to_vec(), time);
        }
    }

    fn take_in(&mut self, done: Done) {
        let now = Instant::now();
        match done {
            Done::Heartbeat { sent, tag, leases, answer } => match answer {
                Ok(response) => {
                    self.heard((sent, now), &leases, &response);
                    self.board.heard(tag, response);
                }
                Err(failure) => self.not_heard(now, &leases, &failure),
            },
            Done::Request { id, answer } => {
                let leaving = self.leaving.get_mut(&id).map(|leaving| &mut leaving.holding);
                let Some(holding) = leaving.or_else(|| self.holdings.get_mut(&id)) else { return };
                apply(holding, now, answer);
                if holding.key().is_some() {
                    self.reader.now().into_iter().for_each(|time| holding.time_is(time, now));
                    self.time_passes();
                }
            }
            Done::OnDisk => {}
            Done::Release { batch, answer } => {
                self.releases -= 1;
                self.returned(batch, answer);
            }
        }
    }

    fn heard(
        &mut self,
        (sent, now): (Instant, Instant),
        leases: &[(u64, pb::GrantRef)],
        response: &pb::HeartbeatResponse,
    ) {
        let (roll, wished) = (rand::random(), crate::answer::length(response.next_heartbeat_after));
        for (index, (id, shown)) in leases.iter().enumerate() {
            let Some(holding) = self.holdings.get_mut(id) else { continue };
            match response.results.get(index).filter(|result| result.grant_id == shown.grant_id) {
                Some(result) => holding.heartbeat_answered((sent, now), shown, result, wished, roll),
                None => holding.heartbeat_failed(now, None, roll),
            }
        }
    }

    fn not_heard(&mut self, now: Instant, leases: &[(u64, pb::GrantRef)], failure: &Failure) {
        tracing::debug!(
            client.server = %self.options.server,
            client.leases = leases.len(),
            error = %failure.message,
            "a heartbeat failed"
        );
        let roll = rand::random();
        for (id, _) in leases {
            if let Some(holding) = self.holdings.get_mut(id) {
                holding.heartbeat_failed(now, failure.retry_after, roll);
            }
        }
    }

    fn give_back(&mut self, batch: Vec<(Holding, Reply)>) {
        let (held, gone): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|(holding, _)| holding.is_returnable());
        for (holding, reply) in gone {
            let message = holding.lost().map(|reason| reason.to_string()).unwrap_or_default();
            answer(reply, Err(ReleaseError::NotHeld { reason: pb::LostReason::Unspecified, message }));
        }
        let mut held = held.into_iter().peekable();
        while held.peek().is_some() {
            self.send_release(held.by_ref().take(MAX_GRANTS).collect());
        }
    }

    fn returned(&self, batch: Vec<(Holding, Reply)>, response: Result<pb::ReleaseResponse, GaveUp>) {
        match response {
            Ok(response) => {
                for (index, (_, reply)) in batch.into_iter().enumerate() {
                    answer(reply, calls::read_release(response.results.get(index)));
                }
            }
            Err(gave_up) => {
                let error = CallError::new(&self.options.server, gave_up.failure);
                tracing::debug!(client.grants = batch.len(), %error, "grants could not be returned");
                for (_, reply) in batch {
                    answer(reply, Err(error.clone().into()));
                }
            }
        }
    }
}

fn apply(holding: &mut Holding, now: Instant, answer: Result<crate::answer::Reading, Failure>) {
    match answer {
        Ok(reading) => holding.request_answered(now, reading, rand::random()),
        Err(failure) => holding.request_failed(now, &failure, rand::random()),
    }
}

fn answer(reply: Reply, result: Result<(), ReleaseError>) {
    if let Some(reply) = reply {
        // Whoever asked may have stopped waiting.
        let _ = reply.send(result);
    }
}
