//! Who can connect and who may call what, with real certificates over real sockets.

mod foreign;
mod lists;
mod reload;
mod servers;
mod strangers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use leasehold::app::{self, AppOptions, Listen, Running, StartError};
use leasehold::certs::{Authority, Pair, Validity, files, hosts};
use leasehold::config::{Config, Sources};
use leasehold::{Clock, SystemClock};
use leasehold_client::{Client, ClientCertificate, Options, Pem, Tls};
use leasehold_proto::types::v1::{Actor, Role};
use prost::Message as _;
use tempfile::TempDir;
use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::calls::told;
use crate::raw;

/// A method for everybody, one for administrators, and one for another service.
const SAMPLE: [&str; 3] = [
    "/leasehold.licensing.v1.LicensingService/Heartbeat",
    "/leasehold.licensing.v1.LicensingAdminService/GetInstance",
    "/leasehold.licensing.v1.LicensingInternalService/ApplyBundle",
];

/// A CA, certificates from it in a folder, and a server with one of them.
struct Site {
    folder: TempDir,
    authority: Authority,
    running: Option<Running>,
}

impl Site {
    /// A CA, and a certificate for the server.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("Test CA", today()).unwrap();
        let site = Self { folder, authority, running: None };
        let server = site.authority.service("licensing", &hosts([]), today()).unwrap();
        site.write("licensing", &server);
        std::fs::write(site.path("ca.pem"), site.authority.certificate()).unwrap();
        site
    }

    /// The same with a server that takes certificates of the CA, and these settings.
    async fn serve(settings: &[(&str, &str)]) -> Self {
        let mut site = Self::new();
        let paths = ["licensing.pem", "licensing-key.pem", "ca.pem"].map(|name| site.path(name));
        let [certificate, key, ca] = paths.each_ref().map(|path| path.to_str().unwrap());
        let mut all = vec![("tls.certificate", certificate), ("tls.key", key), ("tls.client_ca", ca)];
        all.extend(settings);
        site.running = Some(start(&all, loopback()).await.unwrap());
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a certificate and its key, over older ones.
    fn write(&self, name: &str, pair: &Pair) {
        let (certificate, key) = files(self.folder.path(), name);
        std::fs::write(certificate, &pair.certificate).unwrap();
        std::fs::write(key, &pair.key).unwrap();
    }

    /// What a client connects with that trusts the CA and shows this certificate.
    fn tls(&self, shown: Option<&Pair>) -> Tls {
        let mut tls = Tls::new(Pem::Text(self.authority.certificate().to_owned()));
        if let Some(pair) = shown {
            self.write("caller", pair);
            let (certificate, key) = files(self.folder.path(), "caller");
            tls.certificate = Some(ClientCertificate { certificate, key });
        }
        tls
    }

    /// A client that shows this certificate.
    async fn client(&self, shown: Option<&Pair>) -> Client {
        connect(self.address(), Some(self.tls(shown))).await
    }

    fn address(&self) -> SocketAddr {
        self.running.as_ref().expect("the server runs").licensing_addr()
    }

    fn sync_address(&self) -> SocketAddr {
        self.running.as_ref().expect("the server runs").sync_addr()
    }

    async fn stop(mut self) {
        self.running.take().expect("the server runs").stop().await.unwrap();
    }
}

/// Starts a server in memory.
async fn start(settings: &[(&str, &str)], listen: SocketAddr) -> Result<Running, StartError> {
    let environment = settings
        .iter()
        .map(|(key, value)| {
            (format!("LEASEHOLD__{}", key.to_uppercase().replace('.', "__")).into(), value.into())
        })
        .collect();
    let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
    let options = AppOptions::in_memory(config, Arc::new(SystemClock::new()));
    let listen = Listen { licensing: Some(listen), ..options.listen };
    app::start(AppOptions { listen, ..options }).await
}

/// Any free port of this machine, for this machine.
fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn connect(address: SocketAddr, tls: Option<Tls>) -> Client {
    let mut options = Options::new(address.into());
    options.tls = tls;
    options.hostids = vec!["D1".parse().unwrap()];
    Client::connect(options).await.unwrap()
}

fn now() -> jiff::Timestamp {
    SystemClock::new().now()
}

/// Good now.
fn today() -> Validity {
    Validity::days(now(), 2).unwrap()
}

/// Calls a method with an empty message and gives the error, if it is one.
async fn ask(client: &Client, path: &str) -> Option<Status> {
    raw::call(&client.channel(), path, Vec::new()).await.err()
}

/// The same on behalf of an administrator who may do everything.
async fn ask_for_administrator(client: &Client, path: &str) -> Option<Status> {
    let roles = vec![Role::Admin.into()];
    let actor = Actor { user: "kim".to_owned(), roles, all_instances: true, instances: Vec::new() };
    let mut metadata = MetadataMap::new();
    metadata.insert_bin("leasehold-actor-bin", MetadataValue::from_bytes(&actor.encode_to_vec()));
    raw::call_with(&client.channel(), path, Vec::new(), metadata).await.err()
}

/// Whether a method has taken an empty message up: what it makes of it is its own affair.
async fn is_served(client: &Client, path: &str) -> bool {
    let error = ask(client, path).await;
    error.is_none() || reason(error.as_ref()).as_deref() == Some("INVALID_FIELD")
}

/// The reason of the server's own error.
fn reason(error: Option<&Status>) -> Option<String> {
    error.and_then(told).map(|told| told.reason)
}
