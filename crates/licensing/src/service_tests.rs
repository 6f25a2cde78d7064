//! What the leases and the callers are told, and in which order, and what is put right, over a store in memory.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use jiff::Timestamp;
use leasehold_domain::grant::Lost;
use leasehold_domain::vigil::LeaseSample;
use leasehold_domain::{Changes, FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};
use leasehold_leases::{FloorDue, Heard, InProcessLeases, Lease, LeaseError, Leases, Suspect, Verdict};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::types::v1 as types;
use leasehold_runtime::{Background, CallContext, Clock, ManualClock, SystemIds};
use leasehold_store::LicensingStore;
use leasehold_store::conformance::sample::{at, change, item};
use leasehold_store::licensing::{Instance, RightsChange};
use leasehold_store_sqlite::SqliteLicensingStore;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::state::Shared;
use crate::{Config, Deps, Error, Licensing, ops};

/// Long enough for what must happen, however busy the machine is.
const LONG: Duration = Duration::from_secs(30);
const INSTANCE: InstanceId = InstanceId(uuid::Uuid::from_u128(1));

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

struct World {
    state: Shared,
    store: Arc<SqliteLicensingStore>,
    leases: Arc<Watched>,
}

impl World {
    /// A service with ten counts of `cad`, which registers this many batches before it waits.
    async fn start(registrations: usize) -> Self {
        let store = Arc::new(SqliteLicensingStore::open_in_memory().await.unwrap());
        let instance = Instance { id: INSTANCE, name: "main".to_owned(), is_default: true };
        store.create_instance(&instance).await.unwrap();
        let mut batch = store.begin(INSTANCE).await.unwrap();
        let items = vec![item("item-1", "cad", 10)];
        batch.save_rights(&RightsChange { items, ..change() }).await.unwrap();
        batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
        let leases = Arc::new(Watched {
            leases: InProcessLeases::new(),
            may_register: Semaphore::new(registrations),
            withdrawn: Mutex::default(),
            earned: Mutex::default(),
            looks: AtomicU32::new(0),
        });
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let deps = Deps {
            store: store.clone(),
            leases: leases.clone(),
            ids: SystemIds::new(Arc::clone(&clock)),
            clock,
            clock_decides: true,
        };
        let background = Background::new(CancellationToken::new());
        let (Licensing(state), _) = crate::build(deps, config(), &background).await.unwrap();
        Self { state, store, leases }
    }

    /// Checks out one count for this device.
    async fn check_out(&self, device: &str, request_id: u128) -> Result<pb::GrantRef, Error> {
        let (call, message) = CallContext::enter(tonic::Request::new(pb::RequestCapabilitiesRequest {
            request_id: uuid::Uuid::from_u128(request_id).to_string(),
            hostids: vec![types::HostId {
                r#type: types::HostIdType::String.into(),
                value: device.to_owned(),
            }],
            features: vec![pb::DesiredFeature {
                name: "cad".to_owned(),
                version: "1.0".to_owned(),
                count: 1,
            }],
            ..Default::default()
        }))
        .unwrap();
        let mut answer = ops::request_capabilities::request_capabilities(&self.state, &call, message).await?;
        Ok(answer.outcomes[0].grant.take().expect("there are counts enough"))
    }

    async fn grants(&self) -> u64 {
        self.store.count_online(INSTANCE).await.unwrap()
    }
}

fn config() -> Config {
    Config {
        policies: leasehold_domain::Policies::default(),
        queue_capacity: 100,
        max_batch: 10,
        max_message_size: 1 << 20,
        request_id_retention: jiff::SignedDuration::from_hours(1),
        activity_retention: jiff::SignedDuration::from_hours(1),
        addresses: Vec::new(),
        restored: false,
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
    let world = World::start(0).await;
    let (mut first, mut second) = (Box::pin(world.check_out("d1", 1)), Box::pin(world.check_out("d2", 2)));
    let both_decided = async {
        while world.grants().await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        answer = &mut first => panic!("answered before the leases were told: {answer:?}"),
        answer = &mut second => panic!("answered before the leases were told: {answer:?}"),
        waited = timeout(LONG, both_decided) => waited.expect("both are in the store"),
    }
    world.leases.may_register.add_permits(2);
    let grant = timeout(LONG, first).await.unwrap().unwrap();
    timeout(LONG, second).await.unwrap().unwrap();
    let now = world.state.own_clock.monotonic();
    let heard = world.leases.heartbeat(INSTANCE, &[shown(&grant)], now).await.unwrap();
    assert!(matches!(heard[..], [Heard::Ok { .. }]), "{heard:?}");
}

#[tokio::test]
async fn leases_of_a_repeated_answer_are_asked_of_the_store_anew() {
    let world = World::start(10).await;
    let grant = world.check_out("d1", 1).await.unwrap();
    assert_eq!(*world.leases.withdrawn.lock().unwrap(), []);
    assert_eq!(world.check_out("d1", 1).await.unwrap(), grant);
    assert_eq!(*world.leases.withdrawn.lock().unwrap(), [shown(&grant).id]);
}

#[tokio::test]
async fn heartbeats_whose_callers_gave_up_are_passed_over() {
    let world = World::start(10).await;
    let (one, two) = (world.check_out("d1", 1).await.unwrap(), world.check_out("d2", 2).await.unwrap());
    let hearing = world.state.hearing(INSTANCE);
    let now = world.state.own_clock.monotonic();
    let mut given_up = Box::pin(hearing.hear(vec![shown(&one)], now));
    // Polled once: it waits in the queue, and nothing else has run.
    assert!(given_up.as_mut().now_or_never().is_none());
    drop(given_up);
    let heard = timeout(LONG, hearing.hear(vec![shown(&two)], now)).await.unwrap().unwrap();
    assert!(matches!(heard[..], [Heard::Ok { .. }]), "{heard:?}");
    assert_eq!(*world.leases.earned.lock().unwrap(), [shown(&two).id]);
}

#[tokio::test]
async fn floors_of_another_clock_that_come_a_moment_after_a_gap_are_set_anew() {
    let world = World::start(10).await;
    let shown = shown(&world.check_out("d1", 1).await.unwrap());
    // The start is a gap, which the first look finds; what is written after it another replica has written.
    let looked_twice = async {
        while world.leases.looks.load(Ordering::Relaxed) < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, looked_twice).await.unwrap();
    let floor =
        async || world.store.grants_by_id(INSTANCE, &[shown.id]).await.unwrap()[0].floor_deadline.unwrap();
    let far = floor().await + jiff::SignedDuration::from_hours(24);
    world.store.move_floors(INSTANCE, &[(shown.id, shown.fencing_token, far)]).await.unwrap();
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
    let world = World::start(0).await;
    for (restored, line) in
        [(true, "leasehold_licensing_restored 1\n"), (false, "leasehold_licensing_restored 0\n")]
    {
        let mut batch = world.store.begin(INSTANCE).await.unwrap();
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
