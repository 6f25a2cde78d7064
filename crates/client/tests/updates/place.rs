//! A vendor with a repository, a server, and a client in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use leasehold_artifacts::{Digest, Kind, Publisher, Release};
use leasehold_client::updates::{
    Applied, FetchLimits, Follow, LoadTest, UpdateError, Updater, UpdaterOptions,
};
use leasehold_client::{Client, Options};
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_client_service_server::UpdateClientServiceServer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint, Server, Uri};

use crate::fake::{Clock, Fake};

const SCANNER: &str = "scanner";

/// Everything.
pub(crate) struct Place {
    folder: PathBuf,
    _temporary: Option<TempDir>,
    pub(crate) clock: Clock,
    pub(crate) fake: Fake,
    pub(crate) client: Client,
    pub(crate) limits: FetchLimits,
    pub(crate) load_test: LoadTest,
}

impl Place {
    /// A vendor that has published nothing.
    pub(crate) async fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let clock = Clock::new();
        let vendor = folder.join("vendor");
        Publisher::create(&vendor, "", clock.now(), &mut StdRng::seed_from_u64(1)).unwrap();
        Self { _temporary: Some(temporary), ..Self::at(folder).await }
    }

    /// The same, where a vendor has published before.
    pub(crate) async fn at(folder: PathBuf) -> Self {
        let clock = Clock::new();
        let fake = Fake::new(folder.join("vendor/repository/metadata"), clock.clone());
        let client = client(&fake, &clock).await;
        let mut limits = FetchLimits::default();
        limits.silence = Duration::from_secs(5);
        Self { folder, _temporary: None, clock, fake, client, limits, load_test: LoadTest::none() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What programs ship with.
    pub(crate) fn root(&self) -> Vec<u8> {
        std::fs::read(self.path("vendor/repository/metadata/1.root.json")).unwrap()
    }

    /// Publishes a definition file, and everybody is to have it.
    pub(crate) fn release(&self, version: &str, content: &[u8]) -> pb::Assignment {
        self.release_as(Release::new(SCANNER, version, Kind::Definition), content)
    }

    pub(crate) fn release_as(&self, release: Release, content: &[u8]) -> pb::Assignment {
        let (file, now) = (self.path("rules.db"), self.clock.now());
        std::fs::write(&file, content).unwrap();
        let mut publisher = Publisher::open(&self.path("vendor")).unwrap();
        let (version, product) = (release.version.clone(), release.product.clone());
        let target = publisher.add(&file, release, now).unwrap().path;
        publisher.publish(now, &mut StdRng::seed_from_u64(2)).unwrap();
        let assignment = self.serve(&product, &version, &target, content);
        self.fake.state().plan = vec![assignment.clone()];
        assignment
    }

    /// Has the server name a target, whether or not the vendor does.
    pub(crate) fn serve(&self, product: &str, version: &str, target: &str, content: &[u8]) -> pb::Assignment {
        let sha256 = Digest::of(content).as_bytes().to_vec();
        self.fake.state().content.insert(sha256.clone(), content.to_vec());
        pb::Assignment {
            assignment_id: format!("of {target}"),
            product: product.to_owned(),
            channel: "stable".to_owned(),
            version: version.to_owned(),
            target: target.to_owned(),
            length: content.len() as u64,
            sha256,
            emergency: false,
        }
    }

    pub(crate) fn options(&self) -> UpdaterOptions {
        let follow = Follow::new(SCANNER).load_test(self.load_test.clone());
        UpdaterOptions::new(self.path("client"), self.root()).follow(follow).limits(self.limits)
    }

    /// The updater. One lives at a time.
    pub(crate) async fn updater(&self) -> Updater {
        Updater::open(&self.client, self.options()).await.unwrap()
    }

    /// The updater, with version 1 in place.
    pub(crate) async fn with_first(&self) -> Updater {
        self.release("1.0", b"first");
        let mut updater = self.updater().await;
        assert!(matches!(update(&mut updater).await, Ok(Applied::Installed(_))));
        self.fake.state().fetches.clear();
        updater
    }
}

async fn client(fake: &Fake, clock: &Clock) -> Client {
    let mut options = Options::new("licences".parse().unwrap());
    options.hostids = vec!["D1".parse().unwrap()];
    options.vendor_root = Some(fake.state().vendor.root());
    options.wall_clock = clock.wall();
    options.retry.first_delay = Duration::from_millis(1);
    options.retry.max_delay = Duration::from_millis(2);
    Client::over(channel(fake), options).await.unwrap()
}

/// Through memory.
fn channel(fake: &Fake) -> Channel {
    let (connections, arriving) = mpsc::unbounded_channel();
    let arriving = UnboundedReceiverStream::new(arriving).map(Ok::<_, std::io::Error>);
    let service = UpdateClientServiceServer::new(fake.clone());
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(arriving));
    let connections = Arc::new(Mutex::new(connections));
    let connect = move |_: Uri| {
        let (near, far) = tokio::io::duplex(64 << 10);
        let sent = connections.lock().unwrap().send(far).map_err(|_| std::io::ErrorKind::ConnectionRefused);
        async move { sent.map(|()| TokioIo::new(near)).map_err(std::io::Error::from) }
    };
    // As clients that make their own.
    let endpoint = Endpoint::from_static("http://fake").initial_stream_window_size(512 << 10);
    endpoint.connect_with_connector_lazy(tower::service_fn(connect))
}

/// What comes of the only assignment.
pub(crate) async fn update(updater: &mut Updater) -> Result<Applied, UpdateError> {
    let mut outcomes = updater.update().await?.outcomes;
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0).result
}

/// The version in place and what is in it.
pub(crate) fn in_place(updater: &Updater) -> (String, Vec<u8>) {
    let installed = updater.installed(SCANNER).unwrap();
    (installed.version, std::fs::read(installed.path).unwrap())
}

/// The first version, as it stays in place.
pub(crate) fn first() -> (String, Vec<u8>) {
    ("1.0".to_owned(), b"first".to_vec())
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
