//! Updates from a vendor's commands to whoever reads the mirror: our server fetches, and a stock client of TUF judges.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::upstream_service_client::UpstreamServiceClient;
use leasehold_testkit::{Process, free_port};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::Channel;

use crate::binary::leasehold;
use crate::foreign_client::python;
use crate::server::channel;

const PATIENCE: Duration = Duration::from_mins(1);
const CONTENT: &[u8] = b"definitions of today\n";

/// A vendor with a back office and a repository, and a licence server, each process in a folder of its own.
struct Place {
    folder: TempDir,
    ports: Ports,
    _vendor: Process,
    _server: Process,
}

#[derive(Clone, Copy)]
struct Ports {
    vendor: u16,
    repository: u16,
    sync: u16,
    updates: u16,
    mirror: u16,
}

impl Place {
    /// The server is enrolled and has synchronised; nothing is mirrored yet.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = || free_port().unwrap();
        let ports =
            Ports { vendor: port(), repository: port(), sync: port(), updates: port(), mirror: port() };
        let dir = folder.path().to_owned();
        let [back_office, repository] =
            [ports.vendor, ports.repository].map(|it| format!("http://127.0.0.1:{it}"));
        let init = ["vendor", "init", "--dir", "vendor", "--vendor-id", "example", "--name", "Example"];
        run(&dir, &[&init[..], &["--address", &back_office]].concat());
        run(&dir, &["vendor", "updates", "init", "--dir", "vendor", "--address", &repository]);
        fs::write(dir.join("rules.db"), CONTENT).unwrap();
        let add = ["vendor", "updates", "add", "rules.db", "--dir", "vendor", "--product", "Studio"];
        run(&dir, &[&add[..], &["--version", "1.0", "--kind", "definition"]].concat());
        run(&dir, &["vendor", "updates", "publish", "--dir", "vendor"]);

        let mut serve = command(&dir, &["vendor", "serve", "--dir", "vendor"]);
        serve.env("LEASEHOLD__BACKOFFICE__LISTEN", format!("127.0.0.1:{}", ports.vendor));
        serve.env("LEASEHOLD__BACKOFFICE__REPOSITORY_LISTEN", format!("127.0.0.1:{}", ports.repository));
        let vendor = ready(serve).await;
        let staff = |words: &[&str]| {
            let server = format!("127.0.0.1:{}", ports.vendor);
            run(&dir, &[&["vendor"], words, &["--server", &server]].concat())
        };
        staff(&["product", "create", "Studio"]);
        staff(&["customer", "create", "Miller"]);
        staff(&["server", "create", "plant", "--customer", "Miller", "--out", "plant.json"]);

        fs::create_dir(dir.join("plant")).unwrap();
        run(&dir.join("plant"), &["init"]);
        let mut serve = command(&dir.join("plant"), &["serve", "--listen", "127.0.0.1:0"]);
        for (name, port) in [
            ("SYNC__LISTEN", ports.sync),
            ("UPDATES__LISTEN", ports.updates),
            ("UPDATES__HTTP_LISTEN", ports.mirror),
        ] {
            serve.env(format!("LEASEHOLD__{name}"), format!("127.0.0.1:{port}"));
        }
        // Nothing is to happen by itself.
        serve.env("LEASEHOLD__UPDATES__INTERVAL", "off");
        let server = ready(serve).await;
        let sync = format!("127.0.0.1:{}", ports.sync);
        run(&dir.join("plant"), &["sync", "enrol", "--file", "../plant.json", "--server", &sync]);
        run(&dir.join("plant"), &["sync", "now", "--server", &sync]);
        Self { folder, ports, _vendor: vendor, _server: server }
    }

    fn upstream(&self) -> UpstreamServiceClient<Channel> {
        UpstreamServiceClient::new(channel(self.ports.updates))
    }

    fn mirror(&self) -> String {
        format!("http://127.0.0.1:{}/tuf/default", self.ports.mirror)
    }

    /// What a stock client that has pinned the vendor's root gets from this address.
    fn fetched(&self, mirror: &str, state: &str) -> Value {
        let root = self.path("vendor/updates/repository/metadata/1.root.json");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/tuf_mirror_client.py");
        let mut client = python();
        client.arg(script).arg(mirror).arg(root).arg(self.path(state)).arg("Studio/1.0/rules.db");
        serde_json::from_str(&said(client.output().unwrap())).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vendor_publishes_reaches_whoever_reads_our_mirror() {
    let place = Place::new().await;
    let mut upstream = place.upstream();
    let steps = upstream.test_connection(pb::TestConnectionRequest::default()).await.unwrap().into_inner();
    assert!(steps.steps.len() == 4 && steps.steps.iter().all(|step| step.ok), "{steps:?}");
    let run = upstream.sync_now(pb::SyncNowRequest::default()).await.unwrap().into_inner().run.unwrap();
    assert_eq!((run.fetched_files, run.missing_files), (1, 0), "{run:?}");

    let definition = get(place.ports.mirror, "/definitions/Studio/rules.db").await;
    assert!(definition.ends_with(CONTENT), "{}", String::from_utf8_lossy(&definition));
    let mirror = place.mirror();
    let fetched = tokio::task::block_in_place(|| place.fetched(&mirror, "client"));
    assert_eq!((&fetched["found"], &fetched["length"]), (&true.into(), &CONTENT.len().into()), "{fetched}");

    // Whoever has the server's disk can change what it gives out, and no client takes it.
    let sha256 = fetched["sha256"].as_str().unwrap();
    let blobs = place.path("plant/leasehold-data/updates/blobs/sha256");
    let blob = blobs.join(&sha256[..2]).join(sha256);
    let tampered: Vec<u8> = CONTENT.iter().map(|byte| byte ^ 1).collect();
    fs::write(blob, tampered).unwrap();
    let refused = tokio::task::block_in_place(|| place.fetched(&mirror, "careful"));
    assert_eq!(refused["refused"], "LengthOrHashMismatchError", "{refused}");
}

/// What a path is answered with over HTTP, head and body.
async fn get(port: u16, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

async fn ready(command: Command) -> Process {
    let process = Process::spawn(command).unwrap();
    let start = Instant::now();
    while !process.stderr().contains("\"message\":\"ready\"") || !process.stderr().contains(" is ready") {
        assert!(start.elapsed() < PATIENCE, "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    process
}

fn run(folder: &Path, words: &[&str]) -> String {
    said(command(folder, words).output().unwrap())
}

#[track_caller]
fn said(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(leasehold());
    // What the machine has set must not change what is tested.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"))
    {
        command.env_remove(name);
    }
    // One port cannot be everybody's.
    command.env("LEASEHOLD__ADMIN__LISTEN", "").env("LEASEHOLD__GATEWAY__LISTEN", "127.0.0.1:0");
    command.args(words).current_dir(folder);
    command
}
