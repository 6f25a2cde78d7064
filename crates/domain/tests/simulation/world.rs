//! The world: two replicas, their stores, clients, a network, and time. One seed decides everything.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::{Answer, CapabilityRequest, GrantRef, IdSource, LeaseToken, LineItem, RequestId};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use crate::bugs::Bug;
use crate::clients::Client;
use crate::leases::{Heard, Leases};
use crate::replica::Replica;
use crate::store::Store;

/// Time goes in steps of so many milliseconds.
pub(crate) const STEP: i64 = 200;
const COUNT: u64 = 3;
const CLIENTS: usize = 6;
/// Events that a failing run shows.
const TAIL: usize = 120;

/// A message under way.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub(crate) at: i64,
    pub(crate) message: Message,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Request { client: usize, replica: usize, request: Box<CapabilityRequest> },
    Beat { client: usize, replica: usize, shown: GrantRef, sent: i64 },
    Release { replica: usize, shown: GrantRef },
    Answer { client: usize, id: RequestId, answer: Box<Answer> },
    Heard { client: usize, shown: GrantRef, sent: i64, heard: Heard },
}

/// Ids that count up, so that a run is the same every time.
#[derive(Debug)]
pub(crate) struct Ids(u128);

impl IdSource for Ids {
    fn uuid(&mut self) -> Uuid {
        self.0 += 1;
        // The low bits spread promotions, as those of real ids do.
        Uuid::from_u128((self.0 << 16) | (self.0.wrapping_mul(0x9E37) & 0xFFFF))
    }

    fn lease_token(&mut self) -> LeaseToken {
        self.0 += 1;
        LeaseToken(self.0.to_be_bytes())
    }
}

/// Everything.
pub(crate) struct World {
    pub(crate) bug: Option<Bug>,
    pub(crate) rng: StdRng,
    pub(crate) ids: Ids,
    /// Milliseconds since the beginning.
    pub(crate) now: i64,
    pub(crate) ttl: SignedDuration,
    pub(crate) store: Store,
    pub(crate) store_clock: SignedDuration,
    pub(crate) leases: Leases,
    pub(crate) leases_clock: SignedDuration,
    pub(crate) leases_away_until: i64,
    pub(crate) snapshot: Option<Leases>,
    pub(crate) replicas: [Replica; 2],
    pub(crate) clients: Vec<Client>,
    pub(crate) network: Vec<Envelope>,
    /// Nothing goes wrong any more.
    pub(crate) healed: bool,
    events: VecDeque<String>,
    pub(crate) broken: Option<String>,
}

impl World {
    /// A quiet world.
    pub(crate) fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let ttl = SignedDuration::from_secs([10, 20, 60][rng.random_range(0..3)]);
        let parse = |text: &str| text.parse().expect("a version");
        let id = crate::fixture::line_item_id("L");
        let mut item = LineItem::concurrent(id.clone(), crate::fixture::name("f"), parse("1.0"), Some(COUNT));
        item.lease_ttl = Some(ttl);
        let mut store = Store::default();
        // What steps of the clock do to the ends of periods is not looked at here.
        store.policies.response_lifetime = SignedDuration::from_hours(24 * 365);
        store.items.insert(id, LineItemState::new(item));
        let mut ids = Ids(0);
        let replicas = [Replica::new(ids.uuid()), Replica::new(ids.uuid())];
        let clients = (0..CLIENTS).map(Client::new).collect();
        Self {
            bug,
            rng,
            ids,
            now: 0,
            ttl,
            store,
            store_clock: SignedDuration::ZERO,
            leases: Leases::new(1),
            leases_clock: SignedDuration::ZERO,
            leases_away_until: 0,
            snapshot: None,
            replicas,
            clients,
            network: Vec::new(),
            healed: false,
            events: VecDeque::new(),
            broken: None,
        }
    }

    /// One step of time and everything that happens in it, in an order by chance.
    pub(crate) fn step(&mut self) {
        self.now += STEP;
        if !self.healed {
            self.go_wrong();
        }
        let mut turns: Vec<usize> = (0..self.clients.len() + 4).collect();
        for last in (1..turns.len()).rev() {
            turns.swap(last, self.rng.random_range(0..=last));
        }
        for turn in turns {
            match turn {
                0 | 1 => self.run_replica(turn),
                2 | 3 => self.deliver(),
                client => self.run_client(client - 4),
            }
        }
        self.check();
    }

    /// The store's time.
    pub(crate) fn store_time(&self) -> Timestamp {
        self.wall(self.store_clock)
    }

    /// The lease store's time.
    pub(crate) fn leases_time(&self) -> Timestamp {
        self.wall(self.leases_clock)
    }

    /// A clock that is so far off.
    pub(crate) fn wall(&self, off: SignedDuration) -> Timestamp {
        let origin = Timestamp::from_second(1_800_000_000).expect("it is a time");
        origin + SignedDuration::from_millis(self.now) + off
    }

    /// Whether chance has it.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    /// Sends a message: it takes a while, may be lost, may come twice, and may come late.
    #[expect(clippy::needless_pass_by_value, reason = "it is given away")]
    pub(crate) fn send(&mut self, message: Message) {
        let copies =
            if self.healed { 1 } else { [0, 1, 1, 1, 1, 1, 1, 1, 1, 2][self.rng.random_range(0..10)] };
        for _ in 0..copies {
            let late = !self.healed && self.chance(0.03);
            let delay = if late { self.rng.random_range(0..30_000) } else { self.rng.random_range(0..400) };
            self.network.push(Envelope { at: self.now + delay, message: message.clone() });
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (due, later) = std::mem::take(&mut self.network).into_iter().partition(|one| one.at <= now);
        self.network = later;
        let due: Vec<Envelope> = due;
        for Envelope { message, .. } in due {
            match message {
                Message::Request { replica, .. }
                | Message::Beat { replica, .. }
                | Message::Release { replica, .. } => self.receive(replica, message),
                Message::Answer { client, id, answer } => self.answered(client, id, &answer),
                Message::Heard { client, shown, sent, heard } => self.heard(client, &shown, sent, heard),
            }
        }
    }

    /// Notes what happened.
    pub(crate) fn note(&mut self, event: impl FnOnce() -> String) {
        if self.events.len() == TAIL {
            self.events.pop_front();
        }
        let now = self.now;
        self.events.push_back(format!(
            "{:>8.1} s  {}",
            SignedDuration::from_millis(now).as_secs_f64(),
            event()
        ));
    }

    /// Something forbidden has happened.
    pub(crate) fn forbid(&mut self, what: String) {
        self.note(|| format!("FORBIDDEN: {what}"));
        self.broken.get_or_insert(what);
    }

    /// The last events.
    pub(crate) fn tail(&self) -> String {
        self.events.iter().fold(String::new(), |text, event| text + event + "\n")
    }
}
