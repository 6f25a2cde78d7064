//! Each process killed in turn, and what they stand on, while programs work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use leasehold::probe::{self, Condition, Question};
use leasehold_client::{Checkout, Client, Guard, State};
use leasehold_testkit::Process;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::program::{NOT_HELD, Program, check_out, connect};
use super::{BACK_OFFICE, FEATURE, GATEWAY, LICENSING, MIRROR, PATIENCE, PROBE, SYNC, Site, UPDATES};
use crate::checker::{postgres, state};

/// Whatever is down, an answer comes before this.
const NO_HANG: Duration = Duration::from_secs(35);

/// What is asked, over and over.
const KINDS: [&str; 5] = ["checkout", "grants", "synchronise", "check in", "mirror"];

/// The reason why a kind is not answered while something is away; `WELL` where it is.
type Answers = [&'static str; 5];
const WELL: &str = "";
/// Nobody is at an HTTPS address.
const NOBODY: &str = "NOBODY";
/// A program finds no server.
const UNREACHABLE: &str = "UNREACHABLE";
/// A service cannot get at what it needs.
const AWAY: &str = "STORE_UNAVAILABLE";

/// The same, or a program's own patience has ended before it heard of that.
const AWAY_OR_LATE: &str = "STORE_UNAVAILABLE or UNREACHABLE or DEADLINE_EXCEEDED";

/// Whom to kill, and how each kind is answered meanwhile.
const ROUNDS: [(&str, Answers); 7] = [
    (LICENSING.0, [UNREACHABLE, AWAY, AWAY, AWAY_OR_LATE, WELL]),
    (UPDATES.0, [WELL, WELL, WELL, UNREACHABLE, NOBODY]),
    (SYNC.0, [WELL, WELL, AWAY, WELL, WELL]),
    (GATEWAY.0, [WELL, NOBODY, NOBODY, WELL, WELL]),
    (BACK_OFFICE.0, [WELL, WELL, "VENDOR_UNREACHABLE", WELL, WELL]),
    (POSTGRES, [AWAY_OR_LATE, AWAY, AWAY, AWAY_OR_LATE, WELL]),
    (REDIS, [WELL, WELL, WELL, WELL, WELL]),
];
const POSTGRES: &str = "postgres";
const REDIS: &str = "redis";

/// Somebody who checks out and returns all the time.
struct Worker {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    task: JoinHandle<Vec<String>>,
}

impl Worker {
    fn start(client: Client) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (asked, counted) = (Arc::clone(&stop), Arc::clone(&done));
        let task = tokio::spawn(async move {
            let mut failures = Vec::new();
            while !asked.load(Ordering::Relaxed) {
                match check_out(&client, "worker").await {
                    Ok(()) => _ = counted.fetch_add(1, Ordering::Relaxed),
                    Err(failure) => failures.push(failure),
                }
                sleep(Duration::from_millis(20)).await;
            }
            failures
        });
        Self { stop, done, task }
    }

    /// How it went: what it had done, and what failed.
    async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = timeout(PATIENCE, self.task).await.expect("nothing hangs").unwrap();
        (self.done.load(Ordering::Relaxed), failures)
    }
}

impl Site {
    fn kill(&mut self, victim: &str) {
        match victim {
            POSTGRES => self.postgres.kill().unwrap(),
            REDIS => self.redis.kill().unwrap(),
            name => {
                let mut process = self.running.remove(name).expect("it runs");
                process.kill().unwrap();
                assert!(!process.stderr().contains("panicked"), "{}", process.stderr());
            }
        }
    }

    /// Waits until those say that something is away who cannot do without it, and those who can.
    async fn noticed(&self, victim: &str) {
        let (names, degraded): (&[&str], bool) = match victim {
            POSTGRES => (&[LICENSING.0, UPDATES.0, SYNC.0, GATEWAY.0], false),
            REDIS => (&[LICENSING.0], true),
            _ => return,
        };
        for name in names {
            let (admin, start) = (self.admin_listener(name), Instant::now());
            loop {
                let condition = probe::ask(admin, Question::Ready, PROBE).await;
                match &condition {
                    Condition::NotReady(_) if !degraded => break,
                    Condition::Degraded(_) if degraded => break,
                    _ => assert!(start.elapsed() < PATIENCE, "{name}: {condition:?}"),
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn begin_again(&mut self, victim: &str) {
        match victim {
            POSTGRES => self.postgres.start_again().await.unwrap(),
            REDIS => self.redis.start_again().await.unwrap(),
            name => {
                let process = Process::spawn(self.containers.started(name)).unwrap();
                self.running.insert(name.to_owned(), process);
            }
        }
        self.healthy().await;
    }

    /// Asks for one of everything; why not, if not.
    async fn ask_everything(&mut self, program: &mut Program, client: &Client) -> [Result<(), String>; 5] {
        let programs = async {
            (
                answered("checkout", check_out(client, "asked")).await,
                answered("check in", program.update()).await.map(drop),
            )
        };
        let url = format!("https://{}/tuf/default/metadata/timestamp.json", self.address(MIRROR));
        let people = async {
            let grants = answered("grants", self.api("GET", "/instances/~/grants", None)).await.map(drop);
            let run =
                answered("synchronise", self.api("POST", "/instances/~/sync/run", None)).await.map(drop);
            (grants, run, self.door.ask("GET", &url, None).await.good().map(drop))
        };
        let ((checkout, check_in), (grants, run, mirror)) = tokio::join!(programs, people);
        [checkout, grants, run, check_in, mirror]
    }
}

/// What is answered, before it counts as a hang.
async fn answered<T>(what: &str, asked: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(NO_HANG, asked).await.unwrap_or_else(|_| panic!("{what} hangs"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_process_is_killed_what_fails_says_why_and_everything_heals() {
    let Some(mut site) = Site::set_up().await else { return };
    site.publish("1", "rules of 1").await;
    site.mirror().await;
    let mut program = Program::start(&site, "D1").await;
    let held = program.client.checkout(Checkout::new(FEATURE).slot("desk")).await.unwrap();
    let borrow = Checkout::new(FEATURE).slot("trip").borrow_for(Duration::from_hours(2));
    let borrowed = program.client.checkout(borrow).await.unwrap();
    let worker = Worker::start(connect(&site, "D2").await);
    let asking = connect(&site, "D3").await;
    assert_eq!(site.ask_everything(&mut program, &asking).await, [const { Ok(()) }; 5]);

    for (round, (victim, expected)) in (2..).zip(ROUNDS) {
        site.kill(victim);
        let while_away = site.ask_everything(&mut program, &asking).await;
        for ((kind, answer), reason) in KINDS.iter().zip(while_away).zip(expected) {
            let answer = answer.err().unwrap_or_default();
            assert!(reason.split(" or ").any(|reason| reason == answer), "{kind}, {victim} away: {answer:?}");
        }
        site.noticed(victim).await;
        site.begin_again(victim).await;
        let again = site.ask_everything(&mut program, &asking).await;
        for (kind, answer) in KINDS.iter().zip(again) {
            assert_eq!(answer, Ok(()), "{kind}, after {victim} was killed: {}", site.log(victim));
        }
        let version = round.to_string();
        site.publish(&version, &format!("rules of {version}")).await;
        site.mirror().await;
        assert_eq!(program.update().await, Ok(Some(version)), "after {victim} was killed");
        nothing_is_lost(&mut site, [&held, &borrowed]).await;
    }

    let (done, failures) = worker.end().await;
    assert!(done > ROUNDS.len(), "{done}");
    nobody_was_robbed(&mut site, &failures).await;
    held.release().await.unwrap();
    borrowed.release().await.unwrap();
    assert_eq!(site.grants().await.len(), 0);
    let url = format!("postgres://postgres@127.0.0.1:{}/leasehold", site.postgres.port());
    state::check(&postgres::read(&url).await).assert_none("no chance in it");
}

/// What was acknowledged is there and in use.
async fn nothing_is_lost(site: &mut Site, guards: [&Guard; 2]) {
    let shown = site.grants().await;
    for guard in guards {
        let id = guard.grant_id().to_string();
        assert!(shown.iter().any(|grant| grant["grant_id"] == id.as_str()), "{id} is not among {shown:#?}");
        let mut states = guard.watch();
        let valid = timeout(PATIENCE, states.wait_for(|state| *state == State::Valid)).await;
        assert!(valid.is_ok_and(|seen| seen.is_ok()), "{:?}", guard.state());
    }
}

/// What failed is what was away. Where a return found nothing any more, it had been carried out before its answer was
/// cut off: the log of activity has it.
async fn nobody_was_robbed(site: &mut Site, failures: &[String]) {
    let log = site.api("GET", "/instances/~/activity?format=ndjson", None).await.unwrap();
    let rows: Vec<Value> =
        log.as_str().unwrap().lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    for failure in failures {
        if let Some(grant) = failure.strip_prefix(NOT_HELD) {
            let mut ends = rows.iter().filter(|row| row["grant_id"] == grant && row["kind"] != "GRANTED");
            assert!(
                ends.clone().count() == 1 && ends.all(|row| row["kind"] == "RETURNED"),
                "{grant}: {rows:#?}"
            );
        } else {
            assert!(AWAY_OR_LATE.split(" or ").any(|reason| reason == failure), "{failure}");
        }
    }
}
