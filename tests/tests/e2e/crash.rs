//! A server that is killed again and again while clients work, and loses and doubles nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::checker::history::History;
use crate::checker::{Violations, replay, sqlite, state};
use crate::player::{self, Player};
use crate::server::Server;

const PLAYERS: u64 = 50;

/// A number from the environment.
pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// The seed of a test with chance in it: from the environment, else fresh. It is printed.
pub(crate) fn seed() -> u64 {
    let seed = setting("LEASEHOLD_SEED").unwrap_or_else(rand::random);
    eprintln!("LEASEHOLD_SEED={seed}");
    seed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_and_doubles_nothing() {
    let (seed, rounds) = (seed(), setting("LEASEHOLD_CRASH_ROUNDS").unwrap_or(20));
    let mut rng = StdRng::seed_from_u64(seed);
    let mut server = Server::start(&player::estate(), player::SETTINGS).await;
    let stop = Arc::new(AtomicBool::new(false));
    let players: Vec<_> = (0..PLAYERS).map(|number| spawn(seed, number, &server, &stop)).collect();

    let mut violations = Violations::default();
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..=700))).await;
        server.kill();
        let found = state::check(&sqlite::read_copy(&server.data()).await);
        for mut violation in found.0 {
            violation.found = format!("after kill {round}: {}", violation.found);
            violations.0.push(violation);
        }
        server.serve().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut histories = Vec::new();
    for player in players {
        histories.push(player.await.unwrap());
    }
    server.stop().await;

    let snapshot = sqlite::read_copy(&server.data()).await;
    violations.0.extend(state::check(&snapshot).0);
    let (found, tally) = replay::check(&snapshot, &histories);
    violations.0.extend(found.0);
    eprintln!(
        "{rounds} kills, {PLAYERS} clients, {} answers and {} records kept: {tally:?}",
        snapshot.answers.len(),
        snapshot.activity.len()
    );
    violations.assert_none(&format!("LEASEHOLD_SEED={seed}"));
    assert!(tally.answered > 0 && tally.repeats > 0 && tally.fenced > 0, "the clients did their worst");
    assert!(rounds == 0 || tally.unheard > 0, "some answers were lost");
}

fn spawn(
    seed: u64,
    number: u64,
    server: &Server,
    stop: &Arc<AtomicBool>,
) -> tokio::task::JoinHandle<History> {
    let (player, stop) = (Player::new(seed, number, &[server.port()]), Arc::clone(stop));
    tokio::spawn(async move { player.play(&stop).await })
}
