//! A definition file on its way from the vendor's command to a program: published, mirrored, heard of on a heartbeat,
//! fetched over a connection that is cut, checked, and reported. And who gets none.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use leasehold_client::updates::{Applied, Follow, LoadTest, UpdateError, Updater, UpdaterOptions};
use leasehold_client::{CallError, Checkout, Client, ErrorReason, Options};
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_admin_service_client::UpdateAdminServiceClient;
use leasehold_proto::updates::v1::upstream_service_client::UpstreamServiceClient;
use leasehold_testkit::{Direction, FaultProxy, Process, free_port};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::binary::leasehold;
use crate::server::{Server, channel};

const PATIENCE: Duration = Duration::from_mins(1);
const MIB: u64 = 1 << 20;

/// A vendor with a back office that serves its repository.
struct Vendor {
    folder: TempDir,
    repository_port: u16,
    office: Option<Process>,
}

impl Vendor {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository_port = free_port().unwrap();
        let mut vendor = Self { folder, repository_port, office: None };
        vendor.run(&["vendor", "init", "--dir", "office", "--vendor-id", "example", "--name", "Example Ltd"]);
        vendor.run(&["vendor", "updates", "init", "--dir", "office"]);
        let mut serve = vendor.command(&["vendor", "serve", "--dir", "office", "--listen", "127.0.0.1:0"]);
        serve.env("LEASEHOLD__BACKOFFICE__REPOSITORY_LISTEN", format!("127.0.0.1:{repository_port}"));
        let mut office = Process::spawn(serve).unwrap();
        office.wait_for_port(repository_port, PATIENCE).await.unwrap();
        vendor.office = Some(office);
        vendor
    }

    fn publish(&self, version: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join("rules.db"), content).unwrap();
        let add = ["vendor", "updates", "add", "rules.db", "--dir", "office", "--product", "scanner"];
        let told = ["--version", version, "--kind", "definition", "--feature", "cad"];
        self.run(&[&add[..], &told[..]].concat());
        self.run(&["vendor", "updates", "publish", "--dir", "office"]);
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("office/updates/repository/metadata/1.root.json")
    }

    fn run(&self, words: &[&str]) {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(leasehold());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LEASEHOLD_") {
                command.env_remove(name);
            }
        }
        command.env("LEASEHOLD__ADMIN__LISTEN", "").args(words).current_dir(self.folder.path());
        command
    }
}

/// A server that mirrors the vendor's repository, and the port of its updates.
async fn mirror(vendor: &Vendor) -> (Server, u16) {
    let estate = json!({"line_items": [{"id": "L1", "feature": "cad", "version": "2.0", "count": 2}]});
    let port = free_port().unwrap();
    let (listen, root) = (format!("127.0.0.1:{port}"), vendor.root());
    let upstream = format!("http://127.0.0.1:{}", vendor.repository_port);
    let settings = [
        ("licensing.lease_ttl", "10s"),
        ("updates.listen", listen.as_str()),
        ("updates.upstream", upstream.as_str()),
        ("updates.upstream_root", root.to_str().unwrap()),
    ];
    (Server::start(&estate, &settings).await, port)
}

async fn sync_now(port: u16) {
    let run =
        UpstreamServiceClient::new(channel(port)).sync_now(pb::SyncNowRequest::default()).await.unwrap();
    let run = run.into_inner().run.unwrap();
    assert_eq!((run.failure_reason.as_str(), run.missing_files), ("", 0), "{}", run.message);
}

async fn client(server: &Server, device: &str) -> Client {
    let mut options = Options::new(server.address().parse().unwrap());
    options.hostids = vec![device.parse().unwrap()];
    options.vendor_root = Some(server.vendor_root().parse().unwrap());
    Client::connect(options).await.unwrap()
}

async fn updater(client: &Client, vendor: &Vendor, dir: &Path, port: u16) -> Updater {
    let loads = |file: &Path| std::fs::read(file).map(|_| ()).map_err(|error| error.to_string());
    let options = UpdaterOptions::new(dir, std::fs::read(vendor.root()).unwrap())
        .follow(Follow::new("scanner").load_test(LoadTest::function(loads)))
        .server(format!("127.0.0.1:{port}").parse().unwrap());
    Updater::open(client, options).await.unwrap()
}

async fn updated(updater: &mut Updater) -> Result<Applied, UpdateError> {
    updater.update().await?.outcomes.remove(0).result
}

/// What the server has heard of a client, oldest first.
async fn heard(port: u16, client_id: &str, version: &str) -> Vec<pb::UpdateEvent> {
    let request = pb::GetClientRequest { client_id: client_id.to_owned(), ..pb::GetClientRequest::default() };
    let found = UpdateAdminServiceClient::new(channel(port)).get_client(request).await.unwrap().into_inner();
    let mut events: Vec<_> = found.events.into_iter().filter_map(|kept| kept.event).collect();
    events.retain(|event| event.version == version);
    events.sort_by_key(|event| event.sequence);
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_goes_from_the_vendors_command_to_a_licensed_program() {
    let vendor = Vendor::start().await;
    vendor.publish("1.0", b"first");
    let (mut server, port) = mirror(&vendor).await;
    sync_now(port).await;

    let client = client(&server, "D1").await;
    let guard = client.checkout(Checkout::new("cad")).await.unwrap();
    let proxy = FaultProxy::start(port).await.unwrap();
    let place = TempDir::new().unwrap();
    let mut updater = updater(&client, &vendor, place.path(), proxy.port()).await;
    let mut notices = client.notices();
    assert!(matches!(updated(&mut updater).await.unwrap(), Applied::Installed(_)));

    // What stands for the first one is no news any more.
    while timeout(Duration::from_secs(6), updater.due(&mut notices)).await.is_ok() {}
    let second: Vec<u8> = (0..8 * MIB).map(|index| u8::try_from((index / 7) % 251).unwrap()).collect();
    vendor.publish("2.0", &second);
    sync_now(port).await;
    timeout(PATIENCE, updater.due(&mut notices)).await.expect("a heartbeat tells of it");

    let mut passed = 0;
    let mut caught = proxy.catch(Direction::ToClient, move |piece| {
        passed += piece.len() as u64;
        passed > 5 * MIB
    });
    let update = tokio::spawn(async move {
        let applied = updated(&mut updater).await;
        (updater, applied)
    });
    caught.wait(PATIENCE).await.unwrap();
    proxy.cut();
    drop(caught);
    let (updater, applied) = update.await.unwrap();
    let Applied::Installed(installed) = applied.unwrap() else { panic!("it is new") };
    assert_eq!(installed.version, "2.0");
    assert!(std::fs::read(&installed.path).unwrap() == second);

    let events = heard(port, updater.client_id(), "2.0").await;
    let states: Vec<&str> = events.iter().map(|event| event.state().as_str_name()).collect();
    let states: Vec<&str> = states.iter().filter_map(|name| name.strip_prefix("UPDATE_STATE_")).collect();
    let all = ["ACCEPTED", "DOWNLOADING", "DOWNLOADED", "VERIFIED", "INSTALLING", "INSTALLED"];
    assert_eq!(states, all);
    let fetched = events.last().unwrap().fetched_bytes;
    assert!((8 * MIB..9 * MIB).contains(&fetched), "the rest alone was fetched after the cut: {fetched}");
    guard.release().await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_without_a_licence_gets_nothing() {
    let vendor = Vendor::start().await;
    vendor.publish("1.0", b"first");
    let (mut server, port) = mirror(&vendor).await;
    sync_now(port).await;
    let client = client(&server, "D2").await;
    let place = TempDir::new().unwrap();
    let mut updater = updater(&client, &vendor, place.path(), port).await;
    match updated(&mut updater).await {
        Err(UpdateError::Call(CallError::Server { reason: ErrorReason::NotLicensed, .. })) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(updater.installed("scanner"), None);
    // With a licence it is served.
    let _guard = client.checkout(Checkout::new("cad")).await.unwrap();
    assert!(matches!(updated(&mut updater).await, Ok(Applied::Installed(_))));
    server.stop().await;
}
