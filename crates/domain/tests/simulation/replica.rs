//! What one replica does, in steps that each touch one of the two stores once. Between any two of them it may die.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::grant::Lost;
use leasehold_domain::lease::server_patience;
use leasehold_domain::release::{self, FoundSilent};
use leasehold_domain::steps::{Follower, Reading};
use leasehold_domain::turn::Turn;
use leasehold_domain::vigil::{LeaseSample, Vigil};
use leasehold_domain::{
    Answer, CapabilityRequest, Changes, Estate, FencingToken, Grant, GrantId, GrantRef, IdSource as _,
    RequestId, decide,
};
use rand::RngExt as _;
use uuid::Uuid;

use crate::bugs::Bug;
use crate::leases::{Heard, Lease};
use crate::world::{Message, World};

/// How long steps of a clock are remembered: as long as the grants here last.
const MEMORY: SignedDuration = SignedDuration::from_hours(24);

/// One process of the service.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) down_until: i64,
    pub(crate) paused_until: i64,
    pub(crate) cut_until: i64,
    pub(crate) clock: SignedDuration,
    booted: i64,
    cares_at: i64,
    pub(crate) vigil: Vigil,
    follower: Follower,
    pub(crate) turn: Turn,
    pub(crate) endings_seen: usize,
    pub(crate) mine: BTreeMap<GrantId, Mine>,
    answers: HashMap<RequestId, Answer>,
    pub(crate) tasks: Vec<Task>,
}

/// A lease that this process heard itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mine {
    pub(crate) token: FencingToken,
    pub(crate) ttl: SignedDuration,
    pub(crate) heard: i64,
    pub(crate) moved: i64,
}

/// Something under way.
#[derive(Debug)]
pub(crate) enum Task {
    Decide { client: usize, request: Box<CapabilityRequest> },
    Write { client: usize, request: Box<CapabilityRequest>, changes: Box<Changes>, answer: Box<Answer> },
    Tell { changes: Box<Changes>, reply: Option<(usize, RequestId, Box<Answer>)> },
    Release { shown: GrantRef },
    Ask(Asked),
    Earn(Asked, Lease),
    Confirm(Asked),
    Register(Asked, Lease),
    Condemn { found: Vec<(FoundSilent, SignedDuration)>, seen: LeaseSample },
    TakeBack { found: Vec<FoundSilent> },
}

/// A heartbeat that only the store can answer. `came` is the lease store's time at which it came, as far as it is
/// known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    client: usize,
    shown: GrantRef,
    sent: i64,
    came: i64,
}

impl Replica {
    /// A process that has just started.
    pub(crate) fn new(name: Uuid) -> Self {
        Self {
            down_until: 0,
            paused_until: 0,
            cut_until: 0,
            clock: SignedDuration::ZERO,
            booted: 0,
            cares_at: 0,
            vigil: Vigil::default(),
            follower: Follower::default(),
            turn: Turn::new(name),
            endings_seen: 0,
            mine: BTreeMap::new(),
            answers: HashMap::new(),
            tasks: Vec::new(),
        }
    }

    /// It dies, and starts anew later.
    pub(crate) fn crash(&mut self, name: Uuid, until: i64) {
        let (cut_until, clock) = (self.cut_until, self.clock);
        *self = Self { down_until: until, cut_until, clock, booted: until, ..Self::new(name) };
    }

    fn runs(&self, now: i64) -> bool {
        now >= self.down_until && now >= self.paused_until
    }
}

impl World {
    pub(crate) fn reaches_leases(&self, index: usize) -> bool {
        self.now >= self.leases_away_until && self.now >= self.replicas[index].cut_until
    }

    pub(crate) fn monotonic(&self, index: usize) -> Duration {
        SignedDuration::from_millis(self.now - self.replicas[index].booted).unsigned_abs()
    }

    /// A message arrives. A process that does not run loses it; one that stands still has it in its queue.
    pub(crate) fn receive(&mut self, index: usize, message: Message) {
        if self.now < self.replicas[index].down_until {
            return;
        }
        let came = self.now;
        let task = match message {
            Message::Request { client, request, .. } => Task::Decide { client, request },
            Message::Beat { client, shown, sent, .. } => Task::Ask(Asked { client, shown, sent, came }),
            Message::Release { shown, .. } => Task::Release { shown },
            Message::Answer { .. } | Message::Heard { .. } => return,
        };
        self.replicas[index].tasks.push(task);
    }

    /// What a replica does in a step: some of what is under way, in any order, and the look of every second.
    pub(crate) fn run_replica(&mut self, index: usize) {
        if !self.replicas[index].runs(self.now) {
            return;
        }
        if self.now >= self.replicas[index].cares_at {
            self.replicas[index].cares_at = self.now + 1_000;
            self.care(index);
        }
        for _ in 0..self.replicas[index].tasks.len() * 2 {
            let waiting = self.replicas[index].tasks.len();
            if waiting == 0 || (!self.healed && self.chance(0.2)) {
                return;
            }
            let picked = self.rng.random_range(0..waiting);
            let task = self.replicas[index].tasks.swap_remove(picked);
            // A transaction may have to wait for its turn.
            if matches!(task, Task::TakeBack { .. }) && !self.healed && self.chance(0.7) {
                self.replicas[index].tasks.push(task);
                continue;
            }
            if let Some(next) = self.go_on(index, task) {
                self.replicas[index].tasks.push(next);
            }
        }
    }

    fn go_on(&mut self, index: usize, task: Task) -> Option<Task> {
        match task {
            Task::Decide { client, request } => self.decide(index, client, request),
            Task::Write { client, request, changes, answer } => {
                Some(self.write(index, client, &request, changes, answer))
            }
            Task::Tell { changes, reply } => {
                self.tell(index, &changes, reply);
                None
            }
            Task::Release { shown } => {
                let cause = leasehold_domain::estate::Cause::by("client");
                Some(self.transaction(index, |estate, now, ids| {
                    let _ = release::release(estate, &shown, &cause, now, ids);
                }))
            }
            Task::Ask(asked) => self.ask(index, asked),
            Task::Earn(asked, lease) => {
                let floor = self.store_time() + server_patience(lease.ttl);
                self.store.earn(asked.shown.id, lease.token, floor);
                Some(Task::Confirm(asked))
            }
            Task::Confirm(asked) => match self.stands(&asked) {
                Ok(lease) => Some(Task::Register(asked, lease)),
                Err(lost) => self.reply(&asked, Heard::Lost(lost)),
            },
            Task::Register(asked, lease) => {
                let ttl = lease.ttl;
                self.register(index, asked.shown.id, lease, self.now - asked.came);
                self.reply(&asked, Heard::Ok(ttl))
            }
            Task::Condemn { found, seen } => self.condemn(index, found, seen),
            Task::TakeBack { found } => Some(self.take_back(index, &found)),
        }
    }

    /// Runs a transaction, whole. Its end has to be told to the lease store.
    pub(crate) fn transaction(
        &mut self,
        index: usize,
        work: impl FnOnce(&mut Estate, Timestamp, &mut dyn leasehold_domain::IdSource),
    ) -> Task {
        let now = self.store_time();
        let mut estate = self.estate(index);
        work(&mut estate, now, &mut self.ids);
        let changes = Box::new(estate.into_changes());
        self.commit(&changes);
        Task::Tell { changes, reply: None }
    }

    /// What a transaction reads. It records a step of the store's clock that nobody has recorded.
    pub(crate) fn estate(&mut self, index: usize) -> Estate {
        let (wall, monotonic) = (self.store_time(), self.monotonic(index));
        let reading = Reading { wall, sent: monotonic, came: monotonic };
        let follower = &mut self.replicas[index].follower;
        let steps = &mut self.store.steps;
        let step = follower.step(&reading, steps);
        if let Some(step) = step {
            steps.note(step, MEMORY);
        }
        follower.take(&reading, steps.clone(), step);
        let mut estate = self.store.estate();
        estate.clock_ahead = self.store.steps.ahead(self.store.steps.steady(wall), MEMORY);
        estate
    }

    fn commit(&mut self, changes: &Changes) {
        self.check_ended(&changes.ended);
        for (id, lost) in &changes.ended {
            self.note(|| format!("{id} ends: {lost:?}"));
        }
        for grant in &changes.grants {
            self.note(|| format!("{} stands with {:?}", grant.id, grant.fencing_token));
        }
        self.store.commit(changes);
    }

    fn decide(&mut self, index: usize, client: usize, request: Box<CapabilityRequest>) -> Option<Task> {
        let id = request.id.expect("every request here has an id");
        let known = if self.bug == Some(Bug::RequestIdsInMemory) {
            self.replicas[index].answers.get(&id)
        } else {
            self.store.answers.get(&id)
        };
        if let Some(answer) = known.cloned() {
            self.send(Message::Answer { client, id, answer: Box::new(answer) });
            return None;
        }
        let now = self.store_time();
        let mut estate = self.estate(index);
        let answer = decide(&mut estate, &request, now, &mut self.ids).expect("it is well formed");
        let (changes, answer) = (Box::new(estate.into_changes()), Box::new(answer));
        let dies = self.bug == Some(Bug::ReplyBeforeCommit) && self.chance(0.1);
        match self.bug {
            Some(Bug::CountWithoutLock) => Some(Task::Write { client, request, changes, answer }),
            Some(Bug::ReplyBeforeCommit) if dies => {
                // It dies between the two.
                self.send(Message::Answer { client, id, answer });
                let name = self.ids.uuid();
                self.replicas[index].crash(name, self.now);
                None
            }
            _ => Some(self.write(index, client, &request, changes, answer)),
        }
    }

    fn write(
        &mut self,
        index: usize,
        client: usize,
        request: &CapabilityRequest,
        changes: Box<Changes>,
        answer: Box<Answer>,
    ) -> Task {
        let id = request.id.expect("every request here has an id");
        self.commit(&changes);
        if self.bug == Some(Bug::RequestIdsInMemory) {
            self.replicas[index].answers.insert(id, (*answer).clone());
        } else {
            self.store.answers.insert(id, (*answer).clone());
        }
        Task::Tell { changes, reply: Some((client, id, answer)) }
    }

    fn tell(&mut self, index: usize, changes: &Changes, reply: Option<(usize, RequestId, Box<Answer>)>) {
        if self.reaches_leases(index) {
            for (id, lost) in &changes.ended {
                self.leases.forget(*id, *lost);
            }
        }
        for grant in &changes.grants {
            if let Some(lease) = self.lease_of(grant) {
                self.register(index, grant.id, lease, 0);
            }
        }
        if let Some((client, id, answer)) = reply {
            self.send(Message::Answer { client, id, answer });
        }
    }

    fn lease_of(&self, grant: &Grant) -> Option<Lease> {
        let heard = self.leases_time();
        Some(Lease { token: grant.fencing_token, secret: grant.lease_token, ttl: grant.lease_ttl?, heard })
    }

    /// Registers a lease that was heard so many milliseconds ago, and whose floor has just been moved.
    fn register(&mut self, index: usize, id: GrantId, lease: Lease, ago: i64) {
        let now = self.now;
        let mine = Mine { token: lease.token, ttl: lease.ttl, heard: now - ago, moved: now };
        self.replicas[index].mine.insert(id, mine);
        if self.reaches_leases(index) {
            let time = self.leases_time();
            let lease = Lease { heard: time - SignedDuration::from_millis(ago), ..lease };
            self.leases.register(id, lease, time);
        }
    }

    fn ask(&mut self, index: usize, asked: Asked) -> Option<Task> {
        let mut heard = Heard::Unknown;
        if self.reaches_leases(index) {
            let time = self.leases_time();
            heard = self.leases.hear(&asked.shown, time);
        }
        if let Heard::Ok(ttl) = heard {
            let (now, token) = (self.now, asked.shown.fencing_token);
            let fresh = Mine { token, ttl, heard: now, moved: i64::MIN / 2 };
            let mine = self.replicas[index].mine.entry(asked.shown.id).or_insert(fresh);
            *mine = Mine { heard: now, ..if mine.token == token { *mine } else { fresh } };
        }
        if heard == Heard::Unknown && self.bug == Some(Bug::HeartbeatResurrects) {
            heard = Heard::Ok(self.ttl);
        }
        if heard != Heard::Unknown {
            return self.reply(&asked, heard);
        }
        match self.stands(&asked) {
            Ok(lease) => Some(Task::Earn(asked, lease)),
            Err(lost) => self.reply(&asked, Heard::Lost(lost)),
        }
    }

    /// What the store says of a heartbeat.
    fn stands(&self, asked: &Asked) -> Result<Lease, Lost> {
        let row = self.store.rows.get(&asked.shown.id).ok_or(Lost::UnknownGrant)?;
        row.grant.check(&asked.shown)?;
        Ok(self.lease_of(&row.grant).expect("every grant here is online"))
    }

    fn reply(&mut self, asked: &Asked, heard: Heard) -> Option<Task> {
        self.send(Message::Heard { client: asked.client, shown: asked.shown, sent: asked.sent, heard });
        None
    }
}
