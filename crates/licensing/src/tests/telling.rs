//! What the leases and the callers are told, and in which order, and what is put right, over a store in memory.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use leasehold_domain::grant::Lost;
use leasehold_domain::vigil::LeaseSample;
use leasehold_domain::{Changes, FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};
use leasehold_leases::{FloorDue, Heard, InProcessLeases, Lease, LeaseError, Leases, Suspect, Verdict};
use leasehold_proto::licensing::v1 as pb;
use leasehold_runtime::Clock;
use leasehold_store::LicensingStore;
use leasehold_store::conformance::sample::at;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::world::{INSTANCE, LONG, Site, World, item};

/// Leases that note what they are told, and that register nothing without a permit.
struct Watched {
    leases: InProcessLeases,
    may_register: Semaphore,
    withdrawn: Mutex<Vec<GrantId>>,
    earned: Mutex<Vec<GrantId>>,
    looks: AtomicU32,
}

#[async_trait]
impl Leases for Watched {
    async fn register(
        &self,
        instance: InstanceId,
        leases: &[Lease],
        heard: Duration,
        now: Duration,
    ) -> Result<(), LeaseError> {
        self.may_register.acquire().await.unwrap().forget();
        self.leases.register(instance, leases, heard, now).await
    }

    async fn earned(
        &self,
        instance: InstanceId,
        leases: &[(Lease, Duration)],
        now: Duration,
    ) -> Result<(), LeaseError> {
        self.earned.lock().unwrap().extend(leases.iter().map(|(lease, _)| lease.grant));
        self.leases.earned(instance, leases, now).await
    }

    async fn heartbeat(
        &self,
        instance: InstanceId,
        shown: &[GrantRef],
        now: Duration,
    ) -> Result<Vec<Heard>, LeaseError> {
        self.leases.heartbeat(instance, shown, now).await
    }

    async fn forget(
        &self,
        instance: InstanceId,
        ended: &[(GrantId, Lost)],
        now: Duration,
    ) -> Result<(), LeaseError> {
        self.leases.forget(instance, ended, now).await
    }

    async fn withdraw(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        self.withdrawn.lock().unwrap().extend(grants);
        self.leases.withdraw(instance, grants).await
    }

    async fn look(&self, instance: InstanceId) -> Result<LeaseSample, LeaseError> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.leases.look(instance).await
    }

    async fn condemn(
        &self,
        instance: InstanceId,
        suspects: &[Suspect],
        budget: usize,
        seen: u64,
        now: Duration,
    ) -> Result<Vec<Verdict>, LeaseError> {
        self.leases.condemn(instance, suspects, budget, seen, now).await
    }

    async fn pardon(&self, instance: InstanceId, grants: &[GrantId]) -> Result<(), LeaseError> {
        self.leases.pardon(instance, grants).await
    }

    async fn floors_due(
        &self,
        instance: InstanceId,
        limit: usize,
        now: Duration,
    ) -> Result<Vec<FloorDue>, LeaseError> {
        self.leases.floors_due(instance, limit, now).await
    }
}

/// A service whose leases are watched.
struct Watching {
    world: World,
    leases: Arc<Watched>,
}

impl Watching {
    /// A service with ten counts of `cad`, which registers this many batches before it waits.
    async fn start(registrations: usize) -> Self {
        let leases = Arc::new(Watched {
            leases: InProcessLeases::new(),
            may_register: Semaphore::new(registrations),
            withdrawn: Mutex::default(),
            earned: Mutex::default(),
            looks: AtomicU32::new(0),
        });
        let site = Site { leases: leases.clone(), ..Site::new().await };
        let world = site.start().await.unwrap();
        world.licensing.enrol(world.vendor.enrolment()).await.unwrap();
        world.apply(1, &[item("item-1", "cad", 10)]).await.unwrap();
        world.certified().await;
        Self { world, leases }
    }

    async fn grants(&self) -> u64 {
        self.world.store.count_online(INSTANCE).await.unwrap()
    }
}

fn shown(grant: &pb::GrantRef) -> GrantRef {
    GrantRef {
        id: GrantId(grant.grant_id.parse().unwrap()),
        fencing_token: FencingToken(grant.fencing_token),
        lease_token: Some(LeaseToken(grant.lease_token.as_slice().try_into().unwrap())),
    }
}

#[tokio::test]
async fn the_next_batch_is_decided_while_one_is_told_and_nobody_is_answered_before_the_leases() {
    let site = Watching::start(0).await;
    let (mut first, mut second) =
        (Box::pin(site.world.check_out("d1", 1)), Box::pin(site.world.check_out("d2", 2)));
    let both_decided = async {
        while site.grants().await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = &mut first => panic!("answered before the leases were told: {answer:?}"),
        answer = &mut second => panic!("answered before the leases were told: {answer:?}"),
        waited = timeout(LONG, both_decided) => waited.expect("both are in the store"),
    }
    site.leases.may_register.add_permits(2);
    let grant = timeout(LONG, first).await.unwrap();
    timeout(LONG, second).await.unwrap();
    let now = site.world.state.own_clock.monotonic();
    let heard = site.leases.heartbeat(INSTANCE, &[shown(&grant)], now).await.unwrap();
    assert!(matches!(heard[..], [Heard::Ok { .. }]), "{heard:?}");
}

#[tokio::test]
async fn leases_of_a_repeated_answer_are_asked_of_the_store_anew() {
    let site = Watching::start(10).await;
    let grant = site.world.check_out("d1", 1).await;
    assert_eq!(*site.leases.withdrawn.lock().unwrap(), []);
    assert_eq!(site.world.check_out("d1", 1).await, grant);
    assert_eq!(*site.leases.withdrawn.lock().unwrap(), [shown(&grant).id]);
}

#[tokio::test]
async fn heartbeats_whose_callers_gave_up_are_passed_over() {
    let site = Watching::start(10).await;
    let (one, two) = (site.world.check_out("d1", 1).await, site.world.check_out("d2", 2).await);
    let hearing = site.world.state.hearing(INSTANCE);
    let now = site.world.state.own_clock.monotonic();
    let mut given_up = Box::pin(hearing.hear(vec![shown(&one)], now));
    // Polled once: it waits in the queue, and nothing else has run.
    assert!(given_up.as_mut().now_or_never().is_none());
    drop(given_up);
    let heard = timeout(LONG, hearing.hear(vec![shown(&two)], now)).await.unwrap().unwrap();
    assert!(matches!(heard[..], [Heard::Ok { .. }]), "{heard:?}");
    assert_eq!(*site.leases.earned.lock().unwrap(), [shown(&two).id]);
}

#[tokio::test]
async fn floors_of_another_clock_that_come_a_moment_after_a_gap_are_set_anew() {
    let site = Watching::start(10).await;
    let shown = shown(&site.world.check_out("d1", 1).await);
    // The start is a gap, which the first look finds; what is written after it another replica has written.
    let looked_twice = async {
        while site.leases.looks.load(Ordering::Relaxed) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, looked_twice).await.unwrap();
    let floor = async || {
        site.world.store.grants_by_id(INSTANCE, &[shown.id]).await.unwrap()[0].floor_deadline.unwrap()
    };
    let far = floor().await + jiff::SignedDuration::from_hours(24);
    site.world.store.move_floors(INSTANCE, &[(shown.id, shown.fencing_token, far)]).await.unwrap();
    assert_eq!(floor().await, far);
    let set_anew = async {
        while floor().await == far {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, set_anew).await.expect("nobody's heartbeat can have moved it there");
}

#[tokio::test]
async fn that_another_replica_has_marked_or_confirmed_an_instance_is_measured() {
    let (recorder, shown) = leasehold_runtime::Metrics::new();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let site = Watching::start(0).await;
    for (restored, line) in
        [(true, "leasehold_licensing_restored 1\n"), (false, "leasehold_licensing_restored 0\n")]
    {
        let mut batch = site.world.store.begin(INSTANCE).await.unwrap();
        assert!(batch.set_restored(restored).await.unwrap());
        batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
        let measured = async {
            while !shown.render().contains(line) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG, measured).await.unwrap_or_else(|_| panic!("{}", shown.render()));
    }
}
