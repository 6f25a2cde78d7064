//! A cluster under faults: clients of every kind work on it, something befalls it again and again, and in the end all
//! that they heard is judged against what it has kept.
//!
//! `LEASEHOLD_SEED` runs one again with the same choices, `LEASEHOLD_FAULT_ROUNDS` makes it longer.

mod clocks;
mod commit;
mod database;
mod lease_store;
mod race;
mod replicas;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::checker::history::History;
use crate::checker::leases::{self, Moment};
use crate::checker::tenure::Tenure;
use crate::checker::{self, Rule, Violations, postgres, replay, state};
use crate::cluster::{Cluster, Plan};
use crate::crash::{seed, setting};
use crate::holder::{self, Holder, PLENTY, Stop, TTL};
use crate::player::{self, Player};

const ROUNDS: &str = "LEASEHOLD_FAULT_ROUNDS";
const REPLICAS: usize = 2;
/// 50 clients in all.
const PLAYERS: u64 = 20;
const STAYERS: u64 = 13;
const MORTALS: u64 = 5;
const FIGHTERS: u64 = 12;
const PRIZES: u64 = 4;
/// What players hold never falls silent; what holders hold has a time to live of its own, the shortest.
const SETTINGS: &[(&str, &str)] =
    &[("licensing.lease_ttl", "24h"), ("licensing.request_id_retention", "30d"), ("logging.level", "info")];
/// How long after the last fault everything that nobody keeps alive is free: what was promoted at the last moment waits
/// for time to live and skew and up to a quarter more, another replica may have to take the turn over, and the machine
/// may be busy.
const FREE_WITHIN: Duration = Duration::from_millis(14_500 + 1_000 + 5_000 + 5_000);
/// In a long run so many are dead at once that the server takes it for a fault of its own, and waits once more.
const MASS_SILENCE: Duration = Duration::from_secs(12);
const SETTLE: Duration = Duration::from_secs(1);

/// A cluster with its clients.
struct Campaign {
    name: &'static str,
    seed: u64,
    rng: StdRng,
    cluster: Cluster,
    /// A moment by the clock of the database; `None` once that was stepped.
    clock: Option<Moment>,
    rest: Arc<AtomicBool>,
    /// For holders that come and go.
    leave: Stop,
    /// For those that stay.
    end: Stop,
    players: Vec<JoinHandle<History>>,
    passing: Vec<JoinHandle<Vec<Tenure>>>,
    staying: Vec<JoinHandle<Vec<Tenure>>>,
}

/// How many times each fault is injected where a run asks for so many in CI.
fn rounds(in_ci: u64) -> u64 {
    setting(ROUNDS).unwrap_or(in_ci)
}

fn estate() -> Value {
    let mut estate = player::estate();
    let items = estate["line_items"].as_array_mut().expect("there are line items");
    items.extend(holder::line_items(PRIZES));
    estate
}

impl Campaign {
    async fn start(name: &'static str, proxies: bool) -> Self {
        Self::start_with(name, proxies, false, &[]).await
    }

    async fn start_with(name: &'static str, proxies: bool, clocks: bool, settings: &[(&str, &str)]) -> Self {
        let seed = seed();
        let settings = [SETTINGS, settings].concat();
        let made = Plan { replicas: REPLICAS, estate: &estate(), settings: &settings, proxies, clocks };
        let cluster = Cluster::start(&made).await;
        let ports = cluster.ports();
        let (rest, leave, end) = (Arc::new(AtomicBool::new(false)), Stop::new(), Stop::new());
        let play = |number| {
            let (player, rest) = (Player::new(seed, number, &ports), rest.clone());
            tokio::spawn(async move { player.play(&rest).await })
        };
        let players = (0..PLAYERS).map(play).collect();
        let stay = |number| {
            let holder = Holder::new(seed, format!("stayer {number}"), &ports);
            tokio::spawn(holder::stay(holder, end.clone()))
        };
        let staying = (0..STAYERS).map(stay).collect();
        let mortal = |number| tokio::spawn(holder::live_and_die(seed, number, ports.clone(), leave.clone()));
        let fighter =
            |number| tokio::spawn(holder::fight(seed, number, PRIZES, ports.clone(), leave.clone()));
        let passing = (0..MORTALS).map(mortal).collect::<Vec<_>>().into_iter();
        let passing = passing.chain((0..FIGHTERS).map(fighter).collect::<Vec<_>>()).collect();
        sleep(SETTLE).await;
        let (rng, clock) = (StdRng::seed_from_u64(seed), Some(checker::now()));
        Self { name, seed, rng, cluster, clock, rest, leave, end, players, passing, staying }
    }

    /// Lets the clients work undisturbed for a while.
    async fn pause(&mut self, seconds: std::ops::Range<f64>) {
        // A client that failed a check of its own has said why.
        let dead = self.players.iter().any(JoinHandle::is_finished)
            || self.staying.iter().any(JoinHandle::is_finished)
            || self.passing.iter().any(JoinHandle::is_finished);
        if dead {
            self.judge_the_dead().await;
        }
        sleep(Duration::from_secs_f64(self.rng.random_range(seconds))).await;
    }

    async fn judge_the_dead(&mut self) -> ! {
        for player in self.players.drain(..).filter(JoinHandle::is_finished) {
            player.await.unwrap();
        }
        for holder in self.passing.drain(..).chain(self.staying.drain(..)).filter(JoinHandle::is_finished) {
            holder.await.unwrap();
        }
        panic!("a client stopped by itself");
    }

    /// Any of the replicas.
    fn any(&mut self) -> usize {
        self.rng.random_range(0..REPLICAS)
    }

    /// Once nothing is wrong any more: lets everybody end, judges everything, and fails the test where a promise was
    /// not kept. `faults` is how many there were.
    async fn finish(mut self, faults: &str) {
        let mut violations = Violations::default();
        self.rest.store(true, Ordering::Relaxed);
        self.leave.call();
        let healed = Instant::now();
        let histories = all(std::mem::take(&mut self.players)).await;
        // Those who wait for what the silent hold get it.
        let passing = all(std::mem::take(&mut self.passing));
        let within = FREE_WITHIN + setting(ROUNDS).map_or(Duration::ZERO, |_| MASS_SILENCE);
        let mut tenures = timeout_at(healed + within, passing).await.unwrap_or_default().concat();
        let free = self.wait_until_free(healed, within, &mut violations).await;
        self.end.call();
        tenures.extend(all(std::mem::take(&mut self.staying)).await.concat());
        self.cluster.stop().await;

        let snapshot = postgres::read(&self.cluster.postgres.url()).await;
        violations.0.extend(state::check(&snapshot).0);
        let rest = snapshot.without(holder::is_held, holder::is_holders);
        let (found, played) = replay::check(&rest, &histories);
        violations.0.extend(found.0);
        // A replica that dies or is cut off before it could tell the lease store of a change leaves an old token there.
        let before = violations.0.len();
        violations.0.retain(|violation| violation.rule != Rule::OldHeartbeat);
        let old_tokens = before - violations.0.len();
        let (found, held) = leases::check(&snapshot, &tenures, self.clock);
        violations.0.extend(found.0);
        eprintln!(
            "{}: {faults}; {} answers and {} records kept; all free after {free:?}; {old_tokens} old tokens told OK\n  \
             {played:?}\n  {held:?}",
            self.name,
            snapshot.answers.len(),
            snapshot.activity.len()
        );
        violations.assert_none(&format!("LEASEHOLD_SEED={}", self.seed));
        assert!(
            played.answered > 0 && played.repeats > 0 && played.fenced > 0,
            "the players did their worst"
        );
        assert!(held.grants > 0 && held.taken_back > 0 && held.inherited > 0, "the reaper was at work");
    }

    async fn wait_until_free(
        &self,
        healed: Instant,
        within: Duration,
        violations: &mut Violations,
    ) -> Duration {
        let stayers = i64::try_from(STAYERS).expect("there are few");
        let mut wanted = vec![(PLENTY.to_owned(), stayers)];
        wanted.extend((0..PRIZES).map(|number| (holder::prize(number), 0)));
        match self.cluster.settled(&wanted, healed + within).await {
            Ok(()) => healed.elapsed(),
            Err(last) => {
                let held: Vec<_> = last.into_iter().filter(|(name, _)| holder::is_held(name)).collect();
                let found = format!("{within:?} after the last fault {held:?} are out, not {wanted:?}");
                violations.add(Rule::BoundedLeak, found);
                within
            }
        }
    }
}

async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
