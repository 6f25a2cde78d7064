//! A server that is started from a backup: what it keeps from doing until somebody confirms it.

use std::path::Path;
use std::time::Duration;

use leasehold::app::StoreChoice;
use leasehold_proto::licensing::v1 as pb;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::calls::{Admin, ask, check_out, give_back, hostid, request, totals};
use crate::leases::{ALMOST_SKEW, App, SPREAD};
use crate::server::Server;
use crate::watched_clock::STEP;

/// By then a server that is not restored has taken a silent grant of this time to live back: it waits for time to live
/// and skew after its start, up to a quarter of the time to live more, and looks every second.
const SETTINGS: &[(&str, &str)] = &[("licensing.lease_ttl", "10s"), ("logging.level", "warn")];
const LONGER_THAN_A_SILENCE: Duration = Duration::from_secs(17);

fn estate() -> Value {
    json!({"line_items": [
        {"id": "L1", "feature": "cad", "version": "1.0", "count": 9},
        {"id": "L2", "feature": "trial", "version": "1.0", "count": 9, "expires_at": "2026-01-01T00:00:08Z"},
    ]})
}

fn borrow(device: &str, count: i64) -> pb::RequestCapabilitiesRequest {
    pb::RequestCapabilitiesRequest {
        mode: pb::GrantMode::Borrow.into(),
        ..request(device, &[("cad", count)])
    }
}

async fn status(admin: &mut Admin) -> pb::InstanceStatus {
    admin.get_instance(pb::GetInstanceRequest::default()).await.unwrap().into_inner().status()
}

/// What was recorded of the instance, newest first: what and by whom.
async fn records(admin: &mut Admin) -> Vec<(String, String)> {
    let list = admin.list_activity(pb::ListActivityRequest::default()).await.unwrap().into_inner();
    let of_instance = |record: &pb::Activity| record.kind() == pb::ActivityKind::InstanceChanged;
    list.activity.into_iter().filter(of_instance).map(|record| (record.detail, record.actor)).collect()
}

/// When a device's last grant ends if nothing renews it.
async fn expiry(admin: &mut Admin, device: &str) -> Option<prost_types::Timestamp> {
    let list = admin.list_devices(pb::ListDevicesRequest::default()).await.unwrap().into_inner();
    let found = list.devices.into_iter().find(|row| row.hostid == Some(hostid(device)));
    found.expect("it has asked").expires_at
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_server_waits_for_somebody_to_confirm_it() {
    let mut server = Server::start(&estate(), SETTINGS).await;
    let (mut licensing, mut admin) = (server.licensing(), server.admin());
    assert_eq!(status(&mut admin).await, pb::InstanceStatus::Running);
    check_out(&mut licensing, request("SILENT", &[("cad", 2)])).await;
    let returned = check_out(&mut licensing, borrow("RETURNS", 1)).await;
    server.stop().await;
    let backup = tempfile::tempdir().unwrap();
    copy(&server.data(), backup.path());
    server.serve().await;
    check_out(&mut licensing, borrow("AFTER", 6)).await;
    server.stop().await;
    std::fs::remove_dir_all(server.data()).unwrap();
    copy(backup.path(), &server.data());

    server.serve_with(&["--restored"]).await;
    assert_eq!(status(&mut admin).await, pb::InstanceStatus::Restored);
    let answer = ask(&mut licensing, borrow("OTHER", 1)).await;
    assert_eq!((answer.refusal(), answer.outcomes.len()), (pb::RequestRefusal::Restored, 0));
    assert!(answer.refusal_message.contains("backup"), "{}", answer.refusal_message);
    let online = check_out(&mut licensing, request("ONLINE", &[("cad", 1)])).await;
    for current in [&online, &returned] {
        assert_eq!(give_back(&mut licensing, current).await.status(), pb::LeaseStatus::Released);
    }
    server.stop().await;

    server.serve().await;
    assert!(server.log().contains("leasehold instance confirm-restored"), "{}", server.log());
    sleep(LONGER_THAN_A_SILENCE).await;
    assert_eq!(status(&mut admin).await, pb::InstanceStatus::Restored, "whoever starts it, and how");
    assert_eq!(totals(&mut admin).await.used, 2, "nobody is taken back for silence");
    let shown: Value =
        serde_json::from_str(&server.leasehold(&["instance", "show", "-o", "json"]).await).unwrap();
    assert_eq!(shown["instances"][0]["status"], "RESTORED");

    for _ in 0..2 {
        server.leasehold(&["instance", "confirm-restored"]).await;
        assert_eq!(status(&mut admin).await, pb::InstanceStatus::Running);
    }
    check_out(&mut licensing, borrow("OTHER", 1)).await;
    let (marked, confirmed) = ("started from a backup", "confirmed after a start from a backup");
    let told = [(confirmed.to_owned(), "administrator".to_owned()), (marked.to_owned(), "server".to_owned())];
    let found = records(&mut admin).await.into_iter().filter(|(detail, _)| !detail.starts_with("enrolled"));
    assert_eq!(found.collect::<Vec<_>>(), told, "each once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_confirmation_every_silence_begins_anew() {
    let mut app = App::start_with(StoreChoice::Memory, "2026-01-01T00:00:00Z", &estate(), true).await;
    let live = app.check_out("LIVE", 1).await;
    app.check_out("SILENT", 2).await;
    check_out(&mut app.licensing, request("TRIAL", &[("trial", 4)])).await;
    assert_eq!(app.used().await, 7);
    let expires = expiry(&mut app.admin, "SILENT").await;
    for _ in 0..8 {
        app.clock.pass(STEP).await;
        assert!(app.is_alive(&live).await);
    }
    app.clock.settle().await;
    assert_eq!(
        app.used().await,
        3,
        "a line item that has expired ends what it gave, and silence ends nothing"
    );
    assert_eq!(expiry(&mut app.admin, "SILENT").await, expires, "no unearned time is spent either");

    app.admin.confirm_restored(pb::ConfirmRestoredRequest::default()).await.unwrap();
    for _ in 0..5 {
        assert!(app.is_alive(&live).await);
        app.clock.pass(STEP).await;
    }
    assert!(app.is_alive(&live).await);
    app.clock.pass(ALMOST_SKEW).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 3, "the silent one has the whole time once more");
    app.clock.pass(SPREAD).await;
    app.clock.settle().await;
    assert_eq!(app.used().await, 1);
    app.running.stop().await.unwrap();
}
