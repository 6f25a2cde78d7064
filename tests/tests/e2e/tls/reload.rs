//! New certificates in a running server, from the commands to the last call.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use leasehold_client::{CallError, Client, Connection, ConnectionFile};
use leasehold_testkit::{Process, free_port};
use tempfile::TempDir;

use super::{ask, is_served};
use crate::binary::leasehold;

const PATIENCE: Duration = Duration::from_mins(1);
const METHOD: &str = "/leasehold.licensing.v1.LicensingAdminService/GetInstance";

/// A folder in which commands run.
struct Place {
    folder: TempDir,
    port: u16,
}

impl Place {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(leasehold());
        let ambient =
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LEASEHOLD_"));
        for (name, _) in ambient {
            command.env_remove(name);
        }
        command.args(words).current_dir(self.folder.path());
        command
    }

    async fn run(&self, words: &[&str]) {
        let mut process = Process::spawn(self.command(words)).unwrap();
        let status = process.wait(PATIENCE).await.unwrap();
        assert!(status.success(), "{words:?}: {status}\n{}", process.stderr());
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file of one folder in the place of the server's.
    fn install(&self, from: &str, name: &str) {
        std::fs::copy(self.path(from).join(name), self.path("tls").join(name)).unwrap();
    }

    /// An administrator with the certificates of this folder, on a connection of its own.
    async fn administrator(&self, certificates: &str) -> Client {
        let address = format!("localhost:{}", self.port).parse().unwrap();
        let connection = Connection {
            server: Some(format!("localhost:{}", self.port).into()),
            ca: Some(self.path(certificates).join("ca.pem")),
            certificate: Some(self.path(certificates).join("admin.pem")),
            key: Some(self.path(certificates).join("admin-key.pem")),
            server_name: None,
            ..Connection::default()
        };
        let mut options = connection.options().unwrap();
        assert_eq!(options.server, address);
        options.hostids = vec!["D1".parse().unwrap()];
        Client::connect(options).await.unwrap()
    }

    async fn start(&self) -> Process {
        let settings = format!(
            "[admin]\nlisten = \"127.0.0.1:0\"\n[sync]\nlisten = \"127.0.0.1:0\"\n[gateway]\nlisten = \"127.0.0.1:0\"\n[updates]\nlisten = \"127.0.0.1:0\"\nhttp_listen = \"127.0.0.1:0\"\n[licensing]\nlisten = \"127.0.0.1:{}\"\n[tls]\ncertificate = \"tls/licensing.pem\"\n\
             key = \"tls/licensing-key.pem\"\nclient_ca = \"tls/ca.pem\"\nreload_interval = \"1s\"\n",
            self.port
        );
        std::fs::write(self.path("leasehold.toml"), settings).unwrap();
        self.run(&["init"]).await;
        let mut process = Process::spawn(self.command(&["serve"])).unwrap();
        process.wait_for_line("licensing is ready", PATIENCE).await.unwrap();
        process
    }
}

async fn is_refused(client: &Client) -> bool {
    match ask(client, METHOD).await.map(|error| client.call_error(&error)) {
        None => false,
        Some(CallError::Insecure { .. }) => true,
        Some(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_exchanged_under_a_running_server() {
    let place = Place { folder: tempfile::tempdir().unwrap(), port: free_port().unwrap() };
    for folder in ["old", "new"] {
        place.run(&["certs", "init", "--out", folder]).await;
    }
    std::fs::create_dir(place.path("tls")).unwrap();
    let names = ["licensing.pem", "licensing-key.pem", "ca.pem"];
    for name in names {
        place.install("old", name);
    }
    let mut process = place.start().await;
    let old = place.administrator("old").await;
    assert!(!is_refused(&old).await);
    assert!(is_refused(&place.administrator("new").await).await);

    // A certificate without its key changes nothing.
    place.install("new", "licensing.pem");
    let line = process.wait_for_line("the old ones stay in force", PATIENCE).await.unwrap();
    assert!(line.contains("does not belong to the certificate"), "{line}");
    assert!(!is_refused(&place.administrator("old").await).await);

    for name in names {
        place.install("new", name);
    }
    process.wait_for_line("new TLS certificates are in force", PATIENCE).await.unwrap();
    // The three files are not replaced at one moment, so that there may have been one more step.
    let mut waited = Duration::ZERO;
    while is_refused(&place.administrator("new").await).await {
        assert!(waited < PATIENCE, "{}", process.stderr());
        tokio::time::sleep(Duration::from_millis(100)).await;
        waited += Duration::from_millis(100);
    }
    assert!(is_refused(&place.administrator("old").await).await, "new connections are judged anew");
    assert!(!is_refused(&old).await, "one that is open goes on");

    std::fs::remove_file(place.path("tls/ca.pem")).unwrap();
    process.wait_for_line("ca.pem cannot be read", PATIENCE).await.unwrap();
    assert!(!is_refused(&place.administrator("new").await).await);
    assert!(process.terminate(PATIENCE).await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connection_file_of_the_server_is_all_that_a_program_needs() {
    let place = Place { folder: tempfile::tempdir().unwrap(), port: free_port().unwrap() };
    place.run(&["certs", "init", "--out", "tls"]).await;
    let mut process = place.start().await;
    place.run(&["client-config", "--out", "connection.json"]).await;
    let server = place.path("connection.json").into_os_string();
    let connection = Connection { server: Some(server), ..Connection::default() };
    let mut options = connection.options().unwrap();
    options.hostids = vec!["D1".parse().unwrap()];
    let client = Client::connect(options).await.unwrap();
    assert!(is_served(&client, super::SAMPLE[0]).await);
    let written = std::fs::read_to_string(place.path("connection.json")).unwrap();
    let ca = std::fs::read_to_string(place.path("tls/ca.pem")).unwrap();
    let address = format!("localhost:{}", place.port).parse().unwrap();
    assert_eq!(written, ConnectionFile::new(&[address], Some(ca)).to_json());
    assert!(
        !Path::new(&place.path("leasehold-connection.json")).exists(),
        "init leaves that to client-config"
    );

    // The commands take the same file, and a certificate from flags.
    let list = ["feature", "list", "--server", "connection.json"];
    let mut refused = Process::spawn(place.command(&list)).unwrap();
    assert_eq!(refused.wait(PATIENCE).await.unwrap().code(), Some(4), "{}", refused.stderr());
    let admin = [&list[..], &["--cert", "tls/admin.pem", "--key", "tls/admin-key.pem"]].concat();
    place.run(&admin).await;
    let mut variables = place.command(&["feature", "list"]);
    variables.env("LEASEHOLD_SERVER", "connection.json");
    variables.env("LEASEHOLD_CERT", "tls/sync.pem").env("LEASEHOLD_KEY", "tls/sync-key.pem");
    let mut denied = Process::spawn(variables).unwrap();
    assert_eq!(denied.wait(PATIENCE).await.unwrap().code(), Some(5), "{}", denied.stderr());
    assert!(process.terminate(PATIENCE).await.unwrap().success());
}
