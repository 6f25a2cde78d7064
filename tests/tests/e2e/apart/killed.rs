//! Each process killed before and after everything that it says in a synchronisation.
//!
//! A synchronisation is a number of messages on the ways between the processes and to their database. Before the first
//! one is let through the process that waits for it is killed, then before the second, and so on, until a
//! synchronisation ends without that there was another. Wherever it was: what is in force is what was before or what
//! was to come, whole; and the next synchronisation succeeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use leasehold_testkit::Direction;
use tokio::time::timeout;

use super::{Apart, Name, PATIENCE, Way};
use crate::checker::{Violations, postgres, state};
use crate::crash::setting;

/// Looks at every message instead of at some.
const EVERY: &str = "LEASEHOLD_EVERY_STEP";
/// Without it: a message, and then the one so many after it.
const STRIDE: usize = 4;
/// How long a synchronisation may take that nothing holds up.
const QUICK: Duration = Duration::from_secs(20);

/// Whom to kill when a message is on its way, and the way.
#[derive(Clone, Copy)]
struct Step {
    victim: Name,
    way: Way,
    direction: Direction,
}

impl Apart {
    /// Synchronises and kills the victim at message `number`; whether there was such a message.
    async fn kill_at(&mut self, step: Step, number: usize) -> bool {
        let seen = Arc::new(AtomicUsize::new(0));
        let nth = move |_: &[u8]| seen.fetch_add(1, Ordering::Relaxed) + 1 == number;
        let mut caught = self.ways.of(step.way).catch(step.direction, nth);
        let mut synchronising = self.synchronising();
        tokio::select! {
            done = &mut synchronising => {
                done.unwrap().unwrap_or_else(|error| panic!("nothing was in its way: {error}"));
                return false;
            }
            come = caught.wait(QUICK) => come.unwrap(),
        }
        self.part(step.victim).kill();
        drop(caught);
        self.part(step.victim).begin();
        self.part(step.victim).ready().await;
        // It may have failed, and it may have waited and succeeded.
        let _ = timeout(PATIENCE, synchronising).await.expect("whoever asked hears something").unwrap();
        true
    }

    /// Kills the victim at one message after the other.
    async fn kill_at_each(&mut self, victim: Name, ways: &[Way]) {
        let stride = if setting(EVERY).is_some() { 1 } else { STRIDE };
        let directions = [Direction::ToServer, Direction::ToClient];
        let steps =
            ways.iter().flat_map(|way| directions.map(|direction| Step { victim, way: *way, direction }));
        let (mut kills, least) = (0, 2 * ways.len());
        for step in steps {
            for number in (1..).step_by(stride) {
                let (owned, sequence) = self.in_force().await;
                self.sell(owned + 1).await;
                let killed = self.kill_at(step, number).await;
                let place = format!("{victim:?} at {:?} {:?}, message {number}", step.way, step.direction);
                if killed {
                    kills += 1;
                    self.judge(&place, (owned, sequence)).await;
                }
                self.forget_claims().await;
                self.synchronize().await;
                let (now, newer) = self.in_force().await;
                assert!(now == owned + 1 && newer > sequence, "{place}: {now} owned by bundle {newer}");
                if !killed {
                    break;
                }
            }
        }
        assert!(kills >= least, "{kills}");
        eprintln!("{victim:?}: {kills} kills");
        self.settled().await;
    }

    /// What is in force is the old bundle or a newer one, whole.
    async fn judge(&self, place: &str, (owned, sequence): (i64, u64)) {
        let (now, newer) = self.in_force().await;
        let old = (now, newer) == (owned, sequence);
        let new = now == owned + 1 && newer > sequence;
        assert!(old || new, "{place}: {now} owned by bundle {newer}, after {owned} by {sequence}");
    }

    /// One end for all: the counters agree with what they count, and nothing is under way.
    async fn settled(&self) {
        let violations: Violations = state::check(&postgres::read(&self.postgres.url()).await);
        violations.assert_none("no chance in it");
        for part in [&self.licensing, &self.sync, &self.back_office] {
            assert!(!part.log().contains("panicked"), "{}", part.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn synchronisation_is_killed_at_every_step() {
    let ways = [Way::SyncToBackOffice, Way::SyncToLicensing, Way::SyncToDatabase];
    Apart::start(5).await.kill_at_each(Name::Sync, &ways).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn licensing_is_killed_at_every_step_of_a_synchronisation() {
    let ways = [Way::SyncToLicensing, Way::LicensingToDatabase];
    Apart::start(5).await.kill_at_each(Name::Licensing, &ways).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_back_office_is_killed_at_every_step_of_a_synchronisation() {
    let ways = [Way::SyncToBackOffice, Way::BackOfficeToDatabase];
    Apart::start(5).await.kill_at_each(Name::BackOffice, &ways).await;
}
