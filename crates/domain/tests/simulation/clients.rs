//! Clients: they ask, hold, beat, release, die and come back, and believe what the rule of the protocol lets them.

use jiff::SignedDuration;
use leasehold_domain::capability::Outcome;
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::{CLIENT_MARGIN, heartbeat_interval};
use leasehold_domain::{
    Answer, CapabilityRequest, DesiredFeature, GrantRef, HostId, IdSource as _, RequestId,
};
use rand::RngExt as _;

use crate::bugs::Bug;
use crate::leases::Heard;
use crate::world::{Message, World};

/// A client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) hostid: HostId,
    /// Does not run before then.
    pub(crate) dead_until: i64,
    /// Has no network before then.
    pub(crate) cut_until: i64,
    pub(crate) asks: Option<Asking>,
    pub(crate) holds: Option<Holding>,
    next: i64,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Asking {
    id: RequestId,
    first_sent: i64,
    again_at: i64,
    count: u64,
}

/// What a client holds, as far as it knows.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    pub(crate) shown: GrantRef,
    pub(crate) count: u64,
    pub(crate) until: i64,
    ttl: SignedDuration,
    beat_at: i64,
    end_at: i64,
}

impl Client {
    /// A client that has not asked yet.
    pub(crate) fn new(number: usize) -> Self {
        let hostid = crate::fixture::hostid(&format!("client-{number}"));
        Self { hostid, dead_until: 0, cut_until: 0, asks: None, holds: None, next: 0 }
    }

    /// What it believes that it holds.
    pub(crate) fn believes(&self, now: i64) -> Option<&Holding> {
        self.holds.as_ref().filter(|holding| now < holding.until && now >= self.dead_until)
    }

    fn is_there(&self, now: i64) -> bool {
        now >= self.dead_until && now >= self.cut_until
    }
}

impl World {
    /// What a client does in a step.
    pub(crate) fn run_client(&mut self, index: usize) {
        let now = self.now;
        if now < self.clients[index].dead_until {
            return;
        }
        if self.clients[index].holds.is_some() {
            self.keep(index);
        } else if self.clients[index].asks.is_none() && now >= self.clients[index].next {
            let id = RequestId(self.ids.uuid());
            let count = self.rng.random_range(1..=2);
            self.clients[index].asks = Some(Asking { id, first_sent: now, again_at: now, count });
        }
        let there = self.clients[index].is_there(now);
        let client = &mut self.clients[index];
        if let Some(asks) = client.asks.as_mut().filter(|asks| there && asks.again_at <= now) {
            asks.again_at = now + 2_000;
            let (feature, version) = (crate::fixture::name("f"), crate::fixture::version("1.0"));
            let features = vec![DesiredFeature { name: feature, version, count: asks.count }];
            let request = Box::new(CapabilityRequest::new(asks.id, client.hostid.clone(), features));
            let replica = self.rng.random_range(0..2);
            self.send(Message::Request { client: index, replica, request });
        }
    }

    fn keep(&mut self, index: usize) {
        let now = self.now;
        let client = &self.clients[index];
        let (there, hostless) = (client.is_there(now), client.asks.is_none());
        let Some(holding) = client.holds.clone() else { return };
        if there && now >= holding.end_at && hostless {
            self.note(|| format!("client {index} releases {}", holding.shown.id));
            let replica = self.rng.random_range(0..2);
            self.send(Message::Release { replica, shown: holding.shown });
            let next = now + self.rng.random_range(0..20_000);
            let client = &mut self.clients[index];
            (client.holds, client.next) = (None, next);
        } else if there && now >= holding.beat_at {
            let jitter = 0.9 + 0.2 * self.rng.random::<f64>();
            // It mostly stays with one replica.
            let replica = (index + usize::from(self.chance(0.1))) % 2;
            let interval = heartbeat_interval(holding.ttl).mul_f64(jitter);
            if let Some(holds) = &mut self.clients[index].holds {
                holds.beat_at = now + millis(interval);
            }
            self.send(Message::Beat { client: index, replica, shown: holding.shown, sent: now });
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self, index: usize, id: RequestId, answer: &Answer) {
        let now = self.now;
        let client = &self.clients[index];
        let waits = client.is_there(now) && client.asks.as_ref().is_some_and(|asks| asks.id == id);
        let Some(asks) = self.clients[index].asks.take_if(|_| waits) else { return };
        // What is kept is what was released and has not come back yet, or what was forgotten: not this request's.
        let granted = answer.outcomes.first().filter(|outcome| outcome.outcome == Outcome::Granted);
        let grant = granted.and_then(|outcome| outcome.grant.clone());
        let Some(grant) = grant else {
            self.clients[index].next = now + self.rng.random_range(1_000..10_000);
            return;
        };
        if !self.store.committed.contains(&(grant.id, grant.fencing_token)) {
            self.forbid(format!("S2: client {index} was granted {} that was never committed", grant.id));
        }
        let ttl = grant.lease_ttl.expect("every grant here is online");
        let from = if self.bug == Some(Bug::CountFromAnswer) { now } else { asks.first_sent };
        let (shown, count) = (grant.reference(), grant.count());
        let end_at = now + self.rng.random_range(5_000..90_000);
        self.note(|| format!("client {index} holds {count} by {} {:?}", grant.id, grant.fencing_token));
        let until = from + millis(ttl - CLIENT_MARGIN);
        self.clients[index].holds = Some(Holding { shown, count, until, ttl, beat_at: now, end_at });
    }

    /// A heartbeat was answered.
    pub(crate) fn heard(&mut self, index: usize, shown: &GrantRef, sent: i64, heard: Heard) {
        let (now, bug) = (self.now, self.bug);
        let client = &mut self.clients[index];
        if !client.is_there(now) {
            return;
        }
        let Some(holding) = client.holds.as_mut().filter(|holding| holding.shown == *shown) else { return };
        match heard {
            Heard::Ok(ttl) => {
                let from = if bug == Some(Bug::CountFromAnswer) { now } else { sent };
                holding.until = holding.until.max(from + millis(ttl - CLIENT_MARGIN));
            }
            Heard::Lost(lost) => {
                // A stale token is the holder's own doing: a request of its forerunner came late.
                let believed = now < holding.until && lost != Lost::StaleToken;
                (client.holds, client.next) = (None, now + 1_000);
                self.note(|| format!("client {index} hears that {} is lost: {lost:?}", shown.id));
                if believed {
                    self.forbid(format!("S5: client {index} was told {lost:?} while it held {}", shown.id));
                }
            }
            Heard::Unknown => {}
        }
    }

    /// The process dies, and forgets what it held.
    pub(crate) fn kill_client(&mut self, index: usize, until: i64) {
        self.note(|| format!("client {index} dies"));
        let client = &mut self.clients[index];
        (client.dead_until, client.holds, client.asks, client.next) = (until, None, None, until);
    }
}

/// Whole milliseconds.
pub(crate) fn millis(length: SignedDuration) -> i64 {
    i64::try_from(length.as_millis()).expect("the simulation's times are short")
}
