use async_trait::async_trait;
use leasehold_domain::{Estate, HostId, Policies, RequestId};
use leasehold_runtime::ManualClock;
use leasehold_store::licensing::{
    Bundle, Enrolment, Notice, Notices, Rights, RightsChange, Standing, StoreTime, StoredAnswer, Suspension,
    Touched,
};

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const NONE: SignedDuration = SignedDuration::ZERO;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// A database: its clock goes as all monotonic clocks do, but for its steps.
#[derive(Clone)]
struct Database(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    ahead: SignedDuration,
    steps: Steps,
}

/// A batch on it, of a process that may stand still before the database reads its clock, or after.
struct Batch {
    database: Database,
    own: ManualClock,
    pauses: [u64; 2],
    recorded: Option<Steps>,
}

impl Database {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn step(&self, by: SignedDuration) {
        self.0.lock().unwrap().ahead += by;
    }

    fn batch(&self, own: &ManualClock) -> Batch {
        Batch { database: self.clone(), own: own.clone(), pauses: [0, 0], recorded: None }
    }

    fn now(&self, own: &ManualClock) -> Timestamp {
        at(0) + self.0.lock().unwrap().ahead + SignedDuration::try_from(own.monotonic()).unwrap()
    }
}

#[async_trait]
impl LicensingBatch for Batch {
    async fn time(&mut self) -> Result<Option<StoreTime>, StoreError> {
        self.own.advance(Duration::from_secs(self.pauses[0]));
        let now = self.database.now(&self.own);
        self.own.advance(Duration::from_secs(self.pauses[1]));
        Ok(Some(StoreTime { now, steps: self.database.0.lock().unwrap().steps.clone() }))
    }

    async fn record_steps(&mut self, steps: &Steps) -> Result<(), StoreError> {
        self.recorded = Some(steps.clone());
        Ok(())
    }

    async fn commit(
        self: Box<Self>,
        _changes: &Changes,
        _answers: &[StoredAnswer],
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(steps) = self.recorded {
            self.database.0.lock().unwrap().steps = steps;
        }
        Ok(())
    }

    async fn claim(&mut self, _ids: &[RequestId], _now: Timestamp) -> Result<Vec<StoredAnswer>, StoreError> {
        unreachable!("nothing is asked")
    }

    async fn standing(&mut self) -> Result<Standing, StoreError> {
        unreachable!("nothing is asked")
    }

    async fn set_enrolment(&mut self, _enrolment: &Enrolment) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }

    async fn set_bundle(&mut self, _bundle: &Bundle) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }

    async fn set_suspension(&mut self, _suspension: Option<&Suspension>) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }

    async fn notices(&mut self) -> Result<Notices, StoreError> {
        unreachable!("nothing is asked")
    }

    async fn put_notice(&mut self, _notice: &Notice) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }

    async fn remove_notice(&mut self, _key: &str) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }

    async fn set_restored(&mut self, _restored: bool) -> Result<bool, StoreError> {
        unreachable!("nothing is changed")
    }

    async fn load(&mut self, _touched: &Touched, _policies: &Policies) -> Result<Estate, StoreError> {
        unreachable!("nothing is asked")
    }

    async fn load_rights(&mut self) -> Result<Rights, StoreError> {
        unreachable!("nothing is asked")
    }

    async fn save_rights(&mut self, _change: &RightsChange) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }

    async fn remove_device(&mut self, _hostid: &HostId) -> Result<(), StoreError> {
        unreachable!("nothing is changed")
    }
}

/// A process whose own wall clock is wrong.
struct Process {
    database: Database,
    own: ManualClock,
    clock: DecidingClock,
}

impl Process {
    fn start(database: &Database) -> Self {
        let own = ManualClock::new(at(-90_000));
        let clock = DecidingClock::new(Arc::new(own.clone()), true, DAY);
        Self { database: database.clone(), own, clock }
    }

    /// A batch: what it decides by.
    async fn decide(&self) -> (Timestamp, SignedDuration) {
        let mut batch = Box::new(self.database.batch(&self.own));
        let moment = self.clock.of_batch(&mut *batch, self.own.monotonic()).await.unwrap();
        let decided = (moment.now, moment.ahead);
        batch.commit(&Changes::default(), &[], moment.now).await.unwrap();
        self.clock.committed(moment);
        assert_eq!(self.clock.time(), decided);
        decided
    }

    fn look(&self) -> bool {
        let now = self.own.monotonic();
        self.clock.look(&Reading { wall: self.database.now(&self.own), sent: now, came: now })
    }
}

fn recorded(database: &Database) -> usize {
    database.0.lock().unwrap().steps.recent.len()
}

#[tokio::test]
async fn whoever_decides_first_after_a_step_all_decide_by_it() {
    let database = Database::new();
    let (one, two) = (Process::start(&database), Process::start(&database));
    for process in [&one, &two] {
        assert_eq!(process.decide().await, (at(0), NONE));
    }
    // Nobody has looked in between.
    for (step, ahead) in [(DAY, DAY), (-DAY, NONE), (-DAY, NONE), (DAY, DAY)] {
        database.step(step);
        let first = one.decide().await;
        assert_eq!(first, (database.now(&one.own), ahead));
        assert_eq!(two.decide().await, first);
    }
    assert_eq!(recorded(&database), 4);
    let restarted = Process::start(&database);
    assert_eq!(restarted.decide().await, (at(0), DAY), "it has not been there, and knows all the same");
}

#[tokio::test]
async fn a_step_that_was_not_committed_is_found_again() {
    let database = Database::new();
    let process = Process::start(&database);
    process.decide().await;
    database.step(DAY);
    let mut dropped = database.batch(&process.own);
    let moment = process.clock.of_batch(&mut dropped, process.own.monotonic()).await.unwrap();
    assert_eq!((moment.now, moment.ahead), (at(0) + DAY, DAY));
    drop(moment);
    assert_eq!(process.clock.time(), (at(0), NONE), "it did not happen");
    assert_eq!(process.decide().await, (at(0) + DAY, DAY));
    assert_eq!(recorded(&database), 1);

    // A commit that got through although nobody said so.
    database.step(DAY);
    let mut lost = Box::new(database.batch(&process.own));
    let moment = process.clock.of_batch(&mut *lost, process.own.monotonic()).await.unwrap();
    lost.commit(&Changes::default(), &[], moment.now).await.unwrap();
    assert_eq!(process.decide().await, (at(0) + DAY + DAY, DAY + DAY));
    assert_eq!(recorded(&database), 2);
}

#[tokio::test]
async fn a_process_that_stands_still_during_a_batch_records_no_step() {
    let database = Database::new();
    let process = Process::start(&database);
    process.decide().await;
    for pauses in [[0, 3_600], [3_600, 0], [1_800, 1_800]] {
        let mut batch = database.batch(&process.own);
        batch.pauses = pauses;
        let moment = process.clock.of_batch(&mut batch, process.own.monotonic()).await.unwrap();
        assert_eq!((moment.ahead, batch.recorded), (NONE, None), "{pauses:?}");
        process.clock.committed(moment);
    }
    assert_eq!(process.decide().await, (database.now(&process.own), NONE));
}

#[tokio::test]
async fn a_look_finds_a_step_and_believes_nothing_of_it() {
    let database = Database::new();
    let process = Process::start(&database);
    process.decide().await;
    process.own.advance(Duration::from_secs(1));
    database.step(SignedDuration::from_millis(900));
    assert!(process.look());
    assert_eq!(process.clock.now(), database.now(&process.own), "too small to be a step");
    database.step(-DAY);
    assert!(!process.look());
    let before = database.now(&process.own) + DAY;
    assert_eq!(process.clock.time(), (before, NONE), "the record decides, under the lock");
    process.decide().await;
    assert!(process.look());
    assert_eq!(process.clock.now(), database.now(&process.own));
}

#[test]
fn of_a_clock_of_its_own_a_process_knows_every_step_with_the_time_after_it() {
    let own = ManualClock::new(at(0));
    let clock = DecidingClock::new(Arc::new(own.clone()), false, DAY);
    assert_eq!(clock.time(), (at(0), NONE));
    for (shows, ahead) in [(at(0) + DAY, DAY), (at(0), NONE), (at(0) - DAY, NONE), (at(0), DAY)] {
        own.set_now(shows);
        assert_eq!(clock.time(), (shows, ahead));
    }
    own.advance(Duration::from_hours(24));
    assert_eq!(clock.time(), (at(0) + DAY, NONE), "it has settled");
}
