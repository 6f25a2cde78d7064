//! A client that does whatever a client may do, from a seed, and notes what it sent and heard.
//!
//! It sends again until it is answered, so that its history has no open ends once it has stopped.

mod wishes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use leasehold_proto::licensing::v1 as pb;
use prost::Message;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::{sleep, timeout};
use tonic::Status;
use tonic::transport::Channel;

use crate::calls::{Licensing, told, unsigned};
use crate::checker::history::{Call, Heard, History};
use crate::checker::holdings::Holdings;
use crate::raw;
use crate::server::channel;
use wishes::SHARED;
pub(crate) use wishes::{SETTINGS, estate};

const REQUEST: &str = "/leasehold.licensing.v1.LicensingService/RequestCapabilities";
const PATIENCE: Duration = Duration::from_mins(1);
/// How long one sending is waited for, where a replica may stand still.
const ATTEMPT: Duration = Duration::from_secs(3);
/// Old tokens that are kept for use.
const OLD_TOKENS: usize = 100;

/// One holder.
pub(crate) struct Player {
    rng: StdRng,
    /// A way to each replica.
    channels: Vec<Channel>,
    device: String,
    slot: String,
    client_instance: String,
    /// Whether it borrows rather than stays online.
    borrower: bool,
    holdings: Holdings,
    old: Vec<pb::GrantRef>,
    /// Where in the history the answered requests are.
    answered: Vec<usize>,
    history: History,
}

impl Player {
    /// The player of this number, of the replicas at these ports. One in ten has a slot on a device that they share, two in ten are client
    /// instances on one device.
    pub(crate) fn new(seed: u64, number: u64, ports: &[u16]) -> Self {
        let (device, slot, client_instance) = match number % 10 {
            0 => (SHARED.to_owned(), format!("slot {number}"), String::new()),
            1 | 2 => (format!("D{}", number / 10 * 10), String::new(), format!("client {number}")),
            _ => (format!("D{number}"), String::new(), String::new()),
        };
        let place = match (slot.as_str(), client_instance.as_str()) {
            ("", "") => String::new(),
            ("", client) => format!("client:{client}"),
            (slot, _) => format!("slot:{slot}"),
        };
        Self {
            rng: StdRng::seed_from_u64(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            channels: ports.iter().map(|port| channel(*port)).collect(),
            history: History::new(format!("{device}/STRING"), place),
            device,
            slot,
            client_instance,
            borrower: number % 7 == 3,
            holdings: Holdings::default(),
            old: Vec::new(),
            answered: Vec::new(),
        }
    }

    /// Plays until told to stop, and gives the history.
    pub(crate) async fn play(mut self, stop: &AtomicBool) -> History {
        while !stop.load(Ordering::Relaxed) {
            self.step().await;
            let pause = self.rng.random_range(0..20);
            sleep(Duration::from_millis(pause)).await;
        }
        self.history
    }

    /// Plays so many moves, and gives the history.
    pub(crate) async fn play_moves(mut self, moves: usize) -> History {
        for _ in 0..moves {
            self.step().await;
        }
        self.history
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..45 => {
                let message = self.any_request();
                self.request(message).await;
            }
            45..65 => {
                let shown = self.holdings.shown();
                self.heartbeat(shown).await;
            }
            65..77 => {
                if let Some(shown) = self.holdings.shown().choose(&mut self.rng).cloned() {
                    self.release(shown).await;
                }
            }
            77..85 => self.repeat().await,
            85..88 => self.reuse().await,
            _ => self.use_an_old_token().await,
        }
    }

    async fn request(&mut self, message: pb::RequestCapabilitiesRequest) {
        let index = self.history.calls.len();
        let bytes = message.encode_to_vec();
        let preview = message.operation() == pb::Operation::Preview;
        self.history.calls.push(Call::Request { message: Box::new(message.clone()), heard: Vec::new() });
        let Heard::Answer(answer) = self.send(index, &bytes).await else { return };
        if preview {
            return;
        }
        let answer = pb::RequestCapabilitiesResponse::decode(answer.as_slice()).unwrap();
        let before = self.holdings.shown();
        // Contradictions are found when the history is judged.
        let _ = self.holdings.apply(&message, &answer);
        self.retire(before);
        self.answered.push(index);
    }

    /// Sends the bytes of a request until something definite is heard, and notes everything in the call.
    async fn send(&mut self, index: usize, bytes: &[u8]) -> Heard<Vec<u8>> {
        let start = Instant::now();
        loop {
            let (one, other) = (self.replica(), self.replica());
            let attempt = async |channel, patience| {
                let sent = async {
                    Ok(raw::call(&channel, REQUEST, bytes.to_vec()).await?.as_deref().map(unsigned))
                };
                timeout(patience, sent).await.map_or(Heard::Nothing, heard)
            };
            let new = match self.rng.random_range(0..100) {
                0..4 => {
                    let patience = Duration::from_micros(self.rng.random_range(0..4_000));
                    vec![attempt(one, patience).await]
                }
                4..8 => {
                    let (one, other) = tokio::join!(attempt(one, ATTEMPT), attempt(other, ATTEMPT));
                    vec![one, other]
                }
                _ => vec![attempt(one, ATTEMPT).await],
            };
            let definite = new.iter().find(|heard| **heard != Heard::Nothing).cloned();
            match &mut self.history.calls[index] {
                Call::Request { heard, .. } | Call::Reuse { heard, .. } => heard.extend(new),
                _ => unreachable!("these calls are requests"),
            }
            if let Some(definite) = definite {
                return definite;
            }
            assert!(start.elapsed() < PATIENCE, "nobody answers");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The way to one of the replicas, any of them.
    fn replica(&mut self) -> Channel {
        self.channels.choose(&mut self.rng).expect("there is a replica").clone()
    }

    async fn repeat(&mut self) {
        let Some(index) = self.answered.choose(&mut self.rng).copied() else { return };
        let Call::Request { message, .. } = &self.history.calls[index] else { return };
        let bytes = message.encode_to_vec();
        self.send(index, &bytes).await;
    }

    async fn reuse(&mut self) {
        let Some(index) = self.answered.choose(&mut self.rng).copied() else { return };
        let Call::Request { message, .. } = &self.history.calls[index] else { return };
        let mut message = message.clone();
        message.alias.push('x');
        let (id, index) = (message.request_id.clone(), self.history.calls.len());
        self.history.calls.push(Call::Reuse { id, heard: Vec::new() });
        self.send(index, &message.encode_to_vec()).await;
    }

    async fn use_an_old_token(&mut self) {
        let old = match self.rng.random_range(0..5) {
            0 => self.forged(),
            _ => self.old.choose(&mut self.rng).cloned(),
        };
        let Some(old) = old else { return };
        match self.rng.random_range(0..3) {
            0 => {
                let mut shown = self.holdings.shown();
                shown.push(old);
                self.heartbeat(shown).await;
            }
            1 => self.release(old).await,
            _ => {
                let mut message = self.any_request();
                message.renews.push(old);
                self.request(message).await;
            }
        }
    }

    /// A reference to a current grant with a token that nobody gave out.
    fn forged(&mut self) -> Option<pb::GrantRef> {
        let mut forged = self.holdings.shown().choose(&mut self.rng)?.clone();
        match forged.lease_token.first_mut() {
            Some(byte) if self.rng.random_bool(0.5) => *byte ^= 1,
            _ => forged.fencing_token += 1,
        }
        Some(forged)
    }

    async fn heartbeat(&mut self, shown: Vec<pb::GrantRef>) {
        if shown.is_empty() {
            return;
        }
        let request = pb::HeartbeatRequest { leases: shown.clone(), ..Default::default() };
        let start = Instant::now();
        loop {
            let mut licensing = Licensing::new(self.replica());
            let sent = timeout(ATTEMPT, licensing.heartbeat(request.clone())).await;
            match sent.map_or(Heard::Nothing, |answer| heard(answer.map(|answer| Some(answer.into_inner()))))
            {
                Heard::Answer(answer) => {
                    return self.history.calls.push(Call::Heartbeat { shown, results: answer.results });
                }
                Heard::Nothing => sleep(Duration::from_millis(20)).await,
                Heard::Error(reason) => panic!("a heartbeat failed: {reason}"),
            }
            assert!(start.elapsed() < PATIENCE, "nobody answers");
        }
    }

    async fn release(&mut self, shown: pb::GrantRef) {
        let index = self.history.calls.len();
        self.history.calls.push(Call::Release { shown: shown.clone(), heard: Vec::new() });
        let request = pb::ReleaseRequest { grants: vec![shown.clone()], ..Default::default() };
        let start = Instant::now();
        loop {
            let short = Duration::from_micros(self.rng.random_range(0..4_000));
            let patience = if self.rng.random_bool(0.05) { short } else { ATTEMPT };
            let mut licensing = Licensing::new(self.replica());
            let new = match timeout(patience, licensing.release(request.clone())).await {
                Ok(answer) => heard(answer.map(|answer| answer.into_inner().results.pop())),
                Err(_) => Heard::Nothing,
            };
            let definite = new != Heard::Nothing;
            let Call::Release { heard, .. } = &mut self.history.calls[index] else { unreachable!() };
            heard.push(new);
            if definite {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "nobody answers");
            sleep(Duration::from_millis(20)).await;
        }
        let before = self.holdings.shown();
        self.holdings.release(&shown);
        self.retire(before);
    }

    /// Keeps the tokens that are not the newest any more.
    fn retire(&mut self, before: Vec<pb::GrantRef>) {
        let holdings = &self.holdings;
        self.old.extend(before.into_iter().filter(|shown| !holdings.is_current(shown)));
        while self.old.len() > OLD_TOKENS {
            let index = self.rng.random_range(0..self.old.len());
            self.old.swap_remove(index);
        }
    }
}

/// What a result says for good.
fn heard<T>(result: Result<Option<T>, Status>) -> Heard<T> {
    match result {
        Ok(Some(answer)) => Heard::Answer(answer),
        Ok(None) => Heard::Error("an answer without a message".to_owned()),
        Err(status) => match told(&status) {
            Some(told) if !is_passing(&told.reason) => Heard::Error(told.reason),
            _ => Heard::Nothing,
        },
    }
}

/// Whether an error calls for another try.
pub(crate) fn is_passing(reason: &str) -> bool {
    matches!(reason, "SHUTTING_DOWN" | "OVERLOADED" | "STORE_UNAVAILABLE" | "DEADLINE_EXCEEDED" | "CANCELLED")
}
