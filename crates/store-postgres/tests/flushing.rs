//! Commits that do not wait for the disk, and who may hear of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod server;

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::grant::Lost;
use leasehold_domain::steps::{Step, Steps};
use leasehold_domain::{Changes, GrantId, InstanceId, Policies, RequestId};
use leasehold_store::conformance::sample::{self, answer, at, grant, uuid};
use leasehold_store::licensing::{Instance, Pending, Touched};
use leasehold_store::{LicensingBatch, LicensingStore, StoreError};
use leasehold_store_postgres::{PostgresLicensingStore, Settings};
use leasehold_testkit::Postgres;
use tokio::time::{sleep, timeout};

/// Long enough for what must happen, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);
const INSTANCE: InstanceId = InstanceId(uuid::Uuid::from_u128(1));

/// A server of its own, which can be killed.
struct World {
    server: Postgres,
    store: PostgresLicensingStore,
    /// Numbers what nobody asks for.
    numbers: AtomicU32,
}

impl World {
    /// A store that stands ready to wait for the disk beside its batches.
    async fn ready() -> Self {
        let server = Postgres::start().await.unwrap();
        let store = open(&server, Duration::ZERO).await;
        let instance = Instance { id: INSTANCE, name: "main".to_owned(), is_default: true };
        store.create_instance(&instance).await.unwrap();
        let world = Self { server, store, numbers: AtomicU32::new(1_000) };
        world.becomes_ready().await;
        world
    }

    /// Waits until commits do not wait.
    async fn becomes_ready(&self) {
        let ready = async {
            loop {
                let number = self.numbers.fetch_add(1, Ordering::Relaxed).into();
                let pending = give(&self.store, number).await.unwrap();
                self.store.settle(pending).await.unwrap();
                if pending != Pending::DURABLE {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG, ready).await.unwrap();
    }

    /// Nothing reaches the disk but what a commit waits for.
    ///
    /// A walwriter that is stopped while it writes keeps the lock that all who wait for the disk need, so it is stopped
    /// while it sleeps.
    async fn stop_the_walwriter(&self) {
        let asleep = async {
            loop {
                self.signal_the_walwriter("-STOP");
                if self.of_the_walwriter("wait_event") == "WalWriterMain" {
                    return;
                }
                self.signal_the_walwriter("-CONT");
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG, asleep).await.unwrap();
    }

    fn signal_the_walwriter(&self, signal: &str) {
        let pid = self.of_the_walwriter("pid");
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    fn of_the_walwriter(&self, column: &str) -> String {
        let sql = format!("SELECT {column} FROM pg_stat_activity WHERE backend_type = 'walwriter'");
        let output = self.server.psql(["-c", &sql]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Kills the server and starts it again on what its disk has.
    async fn crash(&mut self) {
        self.server.kill().unwrap();
        self.server.start_again().await.unwrap();
    }

    async fn is_there(&self, number: u128) -> bool {
        !self.store.grants_by_id(INSTANCE, &[GrantId(uuid(number))]).await.unwrap().is_empty()
    }
}

/// A store for which disks that take less than this are quick.
async fn open(server: &Postgres, quick_disk: Duration) -> PostgresLicensingStore {
    let settings = Settings { quick_disk, ..Settings::new(server.url()) };
    PostgresLicensingStore::open(&settings).await.unwrap()
}

async fn loaded(store: &PostgresLicensingStore, number: u128) -> Result<Box<dyn LicensingBatch>, StoreError> {
    let holders = vec![grant(number, &format!("d{number}"), "cad").holder];
    let touched = Touched { holders, ..sample::touching(&["cad"]) };
    let mut batch = store.begin(INSTANCE).await?;
    let ids = [RequestId(uuid(number))];
    batch.claim_and_load(&ids, &touched, &Policies::default(), at(0)).await?;
    Ok(batch)
}

/// Gives a grant out with a commit that need not wait.
async fn give(store: &PostgresLicensingStore, number: u128) -> Result<Pending, StoreError> {
    let batch = loaded(store, number).await?;
    let changes = Changes { grants: vec![grant(number, &format!("d{number}"), "cad")], ..Changes::default() };
    batch.commit_early(&changes, &[answer(number)], at(0)).await
}

#[tokio::test]
async fn a_commit_that_does_not_wait_is_seen_at_once_and_stays_when_it_is_settled() {
    let mut world = World::ready().await;
    world.stop_the_walwriter().await;
    let first = give(&world.store, 1).await.unwrap();
    let second = give(&world.store, 2).await.unwrap();
    assert!(first != Pending::DURABLE && second != Pending::DURABLE);
    assert!(world.is_there(1).await);
    world.store.settle(second).await.unwrap();
    world.crash().await;
    assert!(world.is_there(1).await, "what was before is settled too");
    assert!(world.is_there(2).await);
}

#[tokio::test]
async fn what_a_crash_has_undone_is_never_said_to_be_settled() {
    let mut world = World::ready().await;
    world.stop_the_walwriter().await;
    let pending = give(&world.store, 1).await.unwrap();
    assert!(world.is_there(1).await);
    world.crash().await;
    assert!(!world.is_there(1).await, "the disk did not have it");
    let error = world.store.settle(pending).await.unwrap_err();
    assert!(error.is_passing(), "{error:?}");
    // A new connection knows nothing of what was before it.
    world.becomes_ready().await;
    assert!(world.store.settle(pending).await.unwrap_err().is_passing());
}

#[tokio::test]
async fn where_the_connection_is_cut_commits_wait_until_there_is_another_one() {
    let world = World::ready().await;
    let pending = give(&world.store, 1).await.unwrap();
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE query LIKE '%pg_logical_emit_message%' AND pid <> pg_backend_pid()";
    let cut = world.server.psql(["-c", cut]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&cut.stdout).trim(), "1");
    assert!(world.store.settle(pending).await.unwrap_err().is_passing());
    assert_eq!(give(&world.store, 2).await.unwrap(), Pending::DURABLE);
    world.becomes_ready().await;
    assert!(world.is_there(1).await && world.is_there(2).await);
}

#[tokio::test]
async fn what_other_processes_count_by_waits_for_the_disk() {
    let mut world = World::ready().await;
    let given = give(&world.store, 1).await.unwrap();
    world.store.settle(given).await.unwrap();
    world.stop_the_walwriter().await;
    let batch = loaded(&world.store, 1).await.unwrap();
    let ended = Changes { ended: vec![(GrantId(uuid(1)), Lost::Dropped)], ..Changes::default() };
    assert_eq!(batch.commit_early(&ended, &[], at(0)).await.unwrap(), Pending::DURABLE);
    world.crash().await;
    assert!(!world.is_there(1).await);
    assert_eq!(world.store.endings(INSTANCE, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_recorded_step_of_the_clock_waits_for_the_disk() {
    let mut world = World::ready().await;
    world.stop_the_walwriter().await;
    let mut batch = loaded(&world.store, 1).await.unwrap();
    let step = Step { at: at(1), by: SignedDuration::from_hours(24) };
    let steps = Steps { correction: step.by, recent: vec![step] };
    batch.record_steps(&steps).await.unwrap();
    assert_eq!(batch.commit_early(&Changes::default(), &[], at(0)).await.unwrap(), Pending::DURABLE);
    world.crash().await;
    let mut batch = world.store.begin(INSTANCE).await.unwrap();
    assert_eq!(batch.time().await.unwrap().unwrap().steps, steps);
}

#[tokio::test]
async fn a_batch_that_writes_nothing_waits_for_what_it_has_read() {
    let mut world = World::ready().await;
    world.stop_the_walwriter().await;
    assert_ne!(give(&world.store, 1).await.unwrap(), Pending::DURABLE);
    let other = PostgresLicensingStore::open(&Settings::new(world.server.url())).await.unwrap();
    let mut batch = other.begin(INSTANCE).await.unwrap();
    assert_eq!(batch.claim(&[RequestId(uuid(1))], at(0)).await.unwrap(), [answer(1)]);
    batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    world.crash().await;
    assert!(world.is_there(1).await, "the answer was repeated to somebody");
}

#[tokio::test]
async fn a_quick_disk_is_waited_for_by_the_commit_itself() {
    let mut world = World::ready().await;
    let quick = open(&world.server, LONG).await;
    // Until the disk was measured on a connection beside the one of the other store.
    let measured = async {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_logical_emit_message%' \
                   AND state = 'idle' AND pid <> pg_backend_pid()";
        for number in 2.. {
            let pending = give(&quick, number).await.unwrap();
            assert_eq!(pending, Pending::DURABLE);
            quick.settle(pending).await.unwrap();
            let output = world.server.psql(["-c", sql]).output().unwrap();
            if String::from_utf8_lossy(&output.stdout).trim() == "2" {
                return;
            }
        }
    };
    timeout(LONG, measured).await.unwrap();
    world.stop_the_walwriter().await;
    assert_eq!(give(&quick, 1).await.unwrap(), Pending::DURABLE);
    world.crash().await;
    assert!(world.is_there(1).await);
}

#[tokio::test]
async fn by_itself_a_store_finds_out_that_the_disk_is_slow() {
    // A commit that waits is held up by this, whatever the disk does.
    let slow = [("commit_delay", "20000"), ("commit_siblings", "0")];
    let server = Postgres::start_with(&slow).await.unwrap();
    let store = PostgresLicensingStore::open(&Settings::new(server.url())).await.unwrap();
    let instance = Instance { id: INSTANCE, name: "main".to_owned(), is_default: true };
    store.create_instance(&instance).await.unwrap();
    let world = World { server, store, numbers: AtomicU32::new(1_000) };
    world.becomes_ready().await;
}
