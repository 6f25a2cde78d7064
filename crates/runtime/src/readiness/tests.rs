use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tonic::Request;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_server::Health as _;

use super::*;
use crate::clock::ManualClock;
use crate::metrics::Metrics;

const DEADLINE: Duration = Duration::from_secs(2);
/// Long enough for a dependency to be asked again, and for its deadline.
const A_WHILE: Duration = Duration::from_secs(5);

/// A dependency that the test takes away and brings back.
#[derive(Clone, Default)]
struct Fake {
    away: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Fake {
    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn add_to(&self, readiness: &Readiness, name: &'static str, need: Need) {
        let fake = self.clone();
        readiness.add(name, need, DEADLINE, move || {
            let fake = fake.clone();
            async move {
                fake.asked.fetch_add(1, Ordering::SeqCst);
                if fake.away.load(Ordering::SeqCst) { Err("connection refused".to_owned()) } else { Ok(()) }
            }
        });
    }
}

struct Fixture {
    clock: ManualClock,
    readiness: Readiness,
    health: Health,
    draining: CancellationToken,
    stopping: CancellationToken,
}

impl Fixture {
    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
        let draining = CancellationToken::new();
        let readiness = Readiness::new(Arc::new(clock.clone()), draining.clone());
        let health = Health::new(&["a.Service"]).await;
        Self { clock, readiness, health, draining, stopping: CancellationToken::new() }
    }

    fn watch(&self) -> tokio::task::JoinHandle<()> {
        self.readiness.add_health(self.health.clone());
        tokio::spawn(self.readiness.clone().watch(self.stopping.clone()))
    }

    /// What gRPC health says: whether it serves.
    async fn served(&self) -> bool {
        Self::says(&self.health).await
    }

    async fn says(health: &Health) -> bool {
        let service = health.service_for_tests();
        let mut answers = Vec::new();
        for name in ["", "a.Service"] {
            let request = Request::new(HealthCheckRequest { service: name.into() });
            answers.push(service.check(request).await.unwrap().into_inner().status == 1);
        }
        assert_eq!(answers[0], answers[1]);
        answers[0]
    }
}

#[tokio::test(start_paused = true)]
async fn readiness_and_health_follow_a_required_dependency() {
    let fixture = Fixture::new().await;
    let (readiness, store) = (&fixture.readiness, Fake::default());
    store.add_to(readiness, "store", Need::Required);
    let report = readiness.report();
    assert_eq!(
        (report.state, report.dependencies[0].reason.as_deref()),
        (State::Starting, Some("not asked yet"))
    );
    fixture.watch();
    sleep(A_WHILE).await;
    assert_eq!(readiness.report().state, State::Starting, "not open yet");
    assert!(!fixture.served().await);

    readiness.open();
    readiness.until_ready().await;
    assert_eq!(readiness.report().state, State::Ready);
    assert!(fixture.served().await);

    fixture.clock.advance(Duration::from_mins(1));
    store.set_away(true);
    sleep(A_WHILE).await;
    fixture.clock.advance(Duration::from_mins(1));
    sleep(A_WHILE).await;
    let report = readiness.report();
    assert_eq!((report.state, report.ready), (State::NotReady, false));
    let standing = &report.dependencies[0];
    assert_eq!((standing.ok, standing.reason.as_deref()), (false, Some("connection refused")));
    assert_eq!(standing.since, Timestamp::from_second(60).unwrap(), "since it went, not since it was asked");
    assert!(!fixture.served().await);

    store.set_away(false);
    sleep(A_WHILE).await;
    let report = readiness.report();
    assert_eq!((report.state, report.dependencies[0].reason.as_deref()), (State::Ready, None));
    assert_eq!(report.dependencies[0].since, Timestamp::from_second(120).unwrap());
    assert!(fixture.served().await);
}

#[tokio::test(start_paused = true)]
async fn the_health_of_every_server_of_the_process_follows() {
    let fixture = Fixture::new().await;
    let (readiness, store, other) = (&fixture.readiness, Fake::default(), Health::new(&["a.Service"]).await);
    store.add_to(readiness, "store", Need::Required);
    readiness.add_health(other.clone());
    fixture.watch();
    readiness.open();
    readiness.until_ready().await;
    assert_eq!((fixture.served().await, Fixture::says(&other).await), (true, true));
    store.set_away(true);
    sleep(A_WHILE).await;
    assert_eq!((fixture.served().await, Fixture::says(&other).await), (false, false));
}

#[tokio::test(start_paused = true)]
async fn what_can_be_done_without_degrades() {
    let fixture = Fixture::new().await;
    let (readiness, redis) = (&fixture.readiness, Fake::default());
    redis.set_away(true);
    redis.add_to(readiness, "redis", Need::DegradedOk);
    fixture.watch();
    readiness.open();
    readiness.until_ready().await;
    sleep(A_WHILE).await;
    assert_eq!(readiness.report().state, State::Degraded);
    assert!(fixture.served().await);
    redis.set_away(false);
    sleep(A_WHILE).await;
    assert_eq!(readiness.report().state, State::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_dependency_that_hangs_or_panics_is_away_and_holds_up_no_other() {
    let fixture = Fixture::new().await;
    let (readiness, good) = (&fixture.readiness, Fake::default());
    readiness.add("hangs", Need::DegradedOk, Duration::from_hours(1), std::future::pending);
    readiness.add("late", Need::DegradedOk, DEADLINE, std::future::pending);
    readiness.add("broken", Need::DegradedOk, DEADLINE, || async { panic!("no such table") });
    good.add_to(readiness, "good", Need::Required);
    let watching = fixture.watch();
    sleep(Duration::from_mins(1)).await;
    assert!(good.asked.load(Ordering::SeqCst) > 50, "it is asked every second whatever the others do");
    let reasons: Vec<_> = readiness.report().dependencies.into_iter().map(|it| it.reason).collect();
    assert_eq!(reasons[0].as_deref(), Some("not asked yet"));
    assert_eq!(reasons[1].as_deref(), Some("no answer within 2s"));
    assert!(reasons[2].as_deref().unwrap().starts_with("asking it panicked: no such table"), "{reasons:?}");
    assert_eq!(reasons[3], None);

    fixture.stopping.cancel();
    timeout(Duration::from_secs(1), watching).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn draining_wins() {
    let fixture = Fixture::new().await;
    let (readiness, store) = (&fixture.readiness, Fake::default());
    store.add_to(readiness, "store", Need::Required);
    fixture.watch();
    readiness.open();
    readiness.until_ready().await;
    fixture.draining.cancel();
    assert_eq!(readiness.report().state, State::Draining, "at once");
    sleep(A_WHILE).await;
    assert!(!fixture.served().await);
    assert!(readiness.report().dependencies[0].ok, "it is asked on");

    // The server has said that it drains: nobody takes that back.
    fixture.health.drain().await;
    fixture.health.serving().await;
    assert!(!fixture.served().await);
}

#[tokio::test(start_paused = true)]
async fn how_things_stand_is_measured_and_each_change_logged_once() {
    let (recorder, metrics) = Metrics::new();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let log = crate::telemetry::caught();
    let _subscriber = tracing::subscriber::set_default(log.1);
    let fixture = Fixture::new().await;
    let (readiness, store) = (&fixture.readiness, Fake::default());
    store.add_to(readiness, "store", Need::Required);
    fixture.watch();
    readiness.open();
    readiness.until_ready().await;
    let shown = |ready, up| {
        let text = metrics.render();
        text.contains(&format!("leasehold_ready {ready}\n"))
            && text.contains(&format!("leasehold_dependency_up{{dependency=\"store\"}} {up}\n"))
    };
    assert!(shown(1, 1), "{}", metrics.render());
    store.set_away(true);
    sleep(Duration::from_mins(1)).await;
    assert!(shown(0, 0), "{}", metrics.render());
    store.set_away(false);
    sleep(A_WHILE).await;
    assert!(shown(1, 1), "{}", metrics.render());

    let lines = log.0.text();
    for (message, times) in [
        ("a dependency is away", 1),
        ("not ready: a required dependency is away", 1),
        ("a dependency is back", 1),
        ("\"message\":\"ready\"", 2),
    ] {
        assert_eq!(lines.matches(message).count(), times, "{message} in\n{lines}");
    }
    assert!(lines.contains("\"reason\":\"connection refused\""), "{lines}");
}

#[tokio::test(start_paused = true)]
async fn a_start_that_goes_well_has_no_warning_and_one_that_does_not_has() {
    for away in [false, true] {
        let log = crate::telemetry::caught();
        let _subscriber = tracing::subscriber::set_default(log.1);
        let fixture = Fixture::new().await;
        let readiness = &fixture.readiness;
        readiness.add("store", Need::Required, DEADLINE, move || async move {
            sleep(Duration::from_millis(1)).await;
            if away { Err("connection refused".to_owned()) } else { Ok(()) }
        });
        readiness.open();
        fixture.watch();
        tokio::task::yield_now().await;
        let state = readiness.report().state;
        sleep(A_WHILE).await;
        let lines = log.0.text();
        let warned = lines.matches("not ready: a required dependency is away").count();
        assert_eq!(warned, usize::from(away), "{lines}");
        assert_eq!(lines.contains("WARN"), away, "{lines}");
        assert_eq!((state, fixture.served().await), (State::Starting, !away), "nobody knew yet");
    }
}
