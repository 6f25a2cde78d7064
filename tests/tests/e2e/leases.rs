//! Leases through the running server, on a clock that moves only when the test lets it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold::Config;
use leasehold::app::{self, AppOptions, Running, StoreChoice};
use leasehold::config::Sources;
use leasehold::estate_file::EstateFile;
use leasehold::vendor::{Site, Vendor};
use leasehold_proto::licensing::v1 as pb;
use leasehold_proto::licensing::v1::session_response::Event;
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use leasehold_proto::sync::v1::{GetIdentityRequest, SyncStatus};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Streaming};

use crate::calls::{Admin, Licensing, beat, check_out, hostid, request, told, totals};
use crate::server::channel;
use crate::watched_clock::{STEP, Watched};

const TTL: Duration = Duration::from_secs(10);
/// What the server waits beyond the time to live, but for a moment.
pub(crate) const ALMOST_SKEW: Duration = Duration::from_millis(1_999);
/// Up to a quarter of the time to live, by which grants that got more time are spread out, and a tick.
pub(crate) const SPREAD: Duration = Duration::from_millis(3_500);
const MOMENT: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// A server in this process, on a clock of the test's.
pub(crate) struct App {
    pub(crate) running: Running,
    pub(crate) clock: Watched,
    pub(crate) licensing: Licensing,
    pub(crate) admin: Admin,
}

impl App {
    async fn start(store: StoreChoice, now: &str) -> Self {
        let estate = json!({"line_items": [{"id": "L1", "feature": "cad", "version": "1.0", "count": 5}]});
        Self::start_with(store, now, &estate, false).await
    }

    /// A server with this estate; `restored` as `serve --restored`.
    pub(crate) async fn start_with(store: StoreChoice, now: &str, estate: &Value, restored: bool) -> Self {
        let clock = Watched::new(now.parse().unwrap());
        let mut config = Config::load(&Sources::default()).unwrap();
        config.licensing.lease_ttl = SignedDuration::try_from(TTL).unwrap();
        config.licensing.allow_device_drop = true;
        let mut options = AppOptions::in_memory(config, Arc::new(clock.clone()));
        options.store = store;
        options.restored = restored;
        let running = app::start(options).await.unwrap();
        let site = Site::at(running.licensing_addr(), running.sync_addr());
        let mut identity = SyncServiceClient::new(site.sync.clone());
        let identity = identity.get_identity(GetIdentityRequest::default()).await.unwrap().into_inner();
        // One that starts again has its rights.
        if identity.status() == SyncStatus::Unenrolled {
            let mut vendor = Vendor::open(Arc::new(clock.clone())).await.unwrap();
            vendor.supply(&site, &EstateFile::from_scenario(estate).unwrap()).await.unwrap();
        }
        let channel = channel(running.licensing_addr().port());
        clock.settle().await;
        Self { running, clock, licensing: Licensing::new(channel.clone()), admin: Admin::new(channel) }
    }

    pub(crate) async fn check_out(&mut self, device: &str, count: i64) -> pb::GrantRef {
        check_out(&mut self.licensing, request(device, &[("cad", count)])).await
    }

    pub(crate) async fn is_alive(&mut self, grant: &pb::GrantRef) -> bool {
        beat(&mut self.licensing, grant).await.status() == pb::LeaseStatus::Ok
    }

    async fn lost(&mut self, grant: &pb::GrantRef) -> pb::LostReason {
        let result = beat(&mut self.licensing, grant).await;
        assert_eq!(result.status(), pb::LeaseStatus::Lost, "{result:?}");
        result.reason()
    }

    pub(crate) async fn used(&mut self) -> i64 {
        totals(&mut self.admin).await.used
    }

    /// The newest record of activity.
    async fn newest(&mut self) -> pb::Activity {
        let list = self.admin.list_activity(pb::ListActivityRequest::default()).await.unwrap().into_inner();
        list.activity.into_iter().next().expect("something happened")
    }

    /// A session that keeps these grants alive, and the answer to its first message.
    async fn session(&mut self, leases: Vec<pb::GrantRef>) -> Session {
        let (requests, queue) = mpsc::unbounded_channel();
        requests.send(pb::SessionRequest { leases, ..Default::default() }).unwrap();
        let events = self.licensing.session(UnboundedReceiverStream::new(queue)).await.unwrap().into_inner();
        let mut session = Session { _requests: requests, events };
        let Event::Heartbeat(heard) = session.next().await else { panic!("first comes the answer") };
        assert!(heard.results.iter().all(|result| result.status() == pb::LeaseStatus::Ok), "{heard:?}");
        session
    }
}

struct Session {
    _requests: mpsc::UnboundedSender<pb::SessionRequest>,
    events: Streaming<pb::SessionResponse>,
}

impl Session {
    async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.message()).await.expect("an event in time");
        event.unwrap().expect("the session is open").event.expect("every message has an event")
    }

    async fn revoked(&mut self) -> (String, pb::LostReason) {
        match self.next().await {
            Event::Revoked(revoked) => (revoked.grant_id.clone(), revoked.reason()),
            other => panic!("a revocation was to come: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_silent_is_taken_back_in_time_and_not_before() {
    let mut app = App::start(StoreChoice::Memory, "2026-01-01T00:00:00Z").await;
    let (silent, live) = (app.check_out("SILENT", 2).await, app.check_out("LIVE", 1).await);
    let mut session = app.session(vec![silent.clone()]).await;

    for _ in 0..5 {
        app.clock.pass(STEP).await;
        assert!(app.is_alive(&live).await);
    }
    app.clock.pass(ALMOST_SKEW).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 3, "nobody is taken back before the time");
    app.clock.pass(MOMENT).await;
    assert_eq!(session.revoked().await, (silent.grant_id.clone(), pb::LostReason::Expired));
    assert_eq!(app.used().await, 1);
    let record = app.newest().await;
    assert_eq!((record.kind(), record.deltas[0].delta), (pb::ActivityKind::Expired, -2));
    assert_eq!(app.lost(&silent).await, pb::LostReason::Expired);
    app.check_out("NEXT", 4).await;

    for _ in 0..7 {
        assert!(app.is_alive(&live).await, "who sends heartbeats is never taken back");
        app.clock.pass(STEP).await;
    }
    assert!(app.is_alive(&live).await);
    assert_eq!(app.lost(&silent).await, pb::LostReason::Expired, "a heartbeat revives nothing");
    app.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_every_silence_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = || StoreChoice::File(Path::join(folder.path(), "licensing.db"));
    let mut app = App::start(store(), "2026-01-01T00:00:00Z").await;
    let (silent, live) = (app.check_out("SILENT", 2).await, app.check_out("LIVE", 1).await);
    app.clock.pass(Duration::from_secs(8)).await;
    assert!(app.is_alive(&live).await);
    app.running.stop().await.unwrap();

    // An hour later every deadline in the store has passed.
    let mut app = App::start(store(), "2026-01-01T01:00:00Z").await;
    assert!(app.is_alive(&live).await, "the store is asked for what the leases do not know");
    for _ in 0..5 {
        app.clock.pass(STEP).await;
        assert!(app.is_alive(&live).await);
    }
    app.clock.pass(ALMOST_SKEW).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 3, "the silent one has the whole time once more");
    app.clock.pass(SPREAD).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 1);
    assert_eq!(app.lost(&silent).await, pb::LostReason::Expired);
    assert!(app.is_alive(&live).await);
    app.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_takes_nobody_back() {
    let mut app = App::start(StoreChoice::Memory, "2026-01-01T00:00:00Z").await;
    let silent = app.check_out("SILENT", 2).await;
    app.clock.pass(Duration::from_secs(4)).await;
    // The wall clock is set, and then the whole process stands still for a while.
    app.clock.set_now("2026-01-01T01:00:00Z".parse().unwrap());
    app.clock.settle().await;
    app.clock.stand_still(Duration::from_secs(100));
    app.clock.settle().await;
    app.clock.pass(TTL + ALMOST_SKEW).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 2, "after a jump every silence begins anew");
    app.clock.pass(SPREAD).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 0);
    assert_eq!(app.lost(&silent).await, pb::LostReason::Expired);
    app.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_borrow_ends_by_itself() {
    let mut app = App::start(StoreChoice::Memory, "2026-01-01T00:00:00Z").await;
    let borrow = pb::RequestCapabilitiesRequest {
        mode: pb::GrantMode::Borrow.into(),
        borrow_interval: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
        ..request("BORROWER", &[("cad", 2)])
    };
    let borrowed = check_out(&mut app.licensing, borrow).await;
    assert_eq!(borrowed.lease_token.len(), 16);
    app.clock.pass(Duration::from_millis(19_999)).await;
    app.clock.settle().await;
    let left = beat(&mut app.licensing, &borrowed).await;
    assert_eq!(left.status(), pb::LeaseStatus::Ok, "it needs no heartbeats");
    assert_eq!(left.ttl, Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }));
    assert_eq!(app.used().await, 2);
    app.clock.pass(MOMENT).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 0);
    assert_eq!(app.lost(&borrowed).await, pb::LostReason::Ended);
    assert_eq!(app.newest().await.kind(), pb::ActivityKind::Ended);
    app.running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_hears_of_a_drop_and_of_the_end() {
    let mut app = App::start(StoreChoice::Memory, "2026-01-01T00:00:00Z").await;
    let (dropped, kept) = (app.check_out("D1", 2).await, app.check_out("D2", 1).await);
    let mut session = app.session(vec![dropped.clone(), kept.clone()]).await;
    let mut other = app.session(vec![kept.clone()]).await;
    let request = pb::DropGrantRequest {
        grant_id: dropped.grant_id.clone(),
        reason: "needed elsewhere".into(),
        ..Default::default()
    };
    let answer = app.admin.drop_grant(request.clone()).await.unwrap().into_inner();
    assert_eq!(answer.grant.unwrap().grant_id, dropped.grant_id);
    assert_eq!(session.revoked().await, (dropped.grant_id.clone(), pb::LostReason::Dropped));
    assert_eq!(app.lost(&dropped).await, pb::LostReason::Dropped);
    let record = app.newest().await;
    assert_eq!((record.kind(), record.detail.as_str()), (pb::ActivityKind::Dropped, "needed elsewhere"));
    let status = app.admin.drop_grant(request).await.unwrap_err();
    assert_eq!(told(&status).unwrap().reason, "NOT_FOUND");

    let request = pb::DropDeviceRequest { hostid: Some(hostid("D2")), ..Default::default() };
    assert_eq!(app.admin.drop_device(request).await.unwrap().into_inner().grants.len(), 1);
    for session in [&mut session, &mut other] {
        assert_eq!(session.revoked().await, (kept.grant_id.clone(), pb::LostReason::Dropped));
    }

    let stopping = tokio::spawn(app.running.stop());
    for session in [&mut session, &mut other] {
        let Event::Draining(notice) = session.next().await else { panic!("a drain notice was to come") };
        assert!(notice.retry_after.is_some());
        let end = timeout(PATIENCE, session.events.message()).await.unwrap().unwrap_err();
        let told = told(&end).unwrap();
        assert_eq!((told.code, told.reason.as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    }
    timeout(PATIENCE, stopping).await.unwrap().unwrap().unwrap();
}
