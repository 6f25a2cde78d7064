//! One instance, its vendor and its peers, and processes of the service on one store and folder.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use leasehold_answer_keys::SyncCertifier;
use leasehold_artifacts::Digest;
use leasehold_domain::InstanceId;
use leasehold_proto::types::v1 as types;
use leasehold_proto::updates::v1 as pb;
use leasehold_proto::updates::v1::update_admin_service_client::UpdateAdminServiceClient;
use leasehold_proto::updates::v1::update_client_service_client::UpdateClientServiceClient;
use leasehold_proto::updates::v1::upstream_service_client::UpstreamServiceClient;
use leasehold_runtime::http;
use leasehold_runtime::peer::Outward;
use leasehold_runtime::server::{Options, Server};
use leasehold_runtime::tls::Transport;
use leasehold_runtime::{Background, Caller, Clock, ManualClock, peer};
use leasehold_signing::{
    Envelope, Expected, MasterKey, PayloadType, Role, ServiceName, read_chain, verify_chain,
};
use leasehold_store::UpdateStore;
use leasehold_store_sql::{Place, SqlUpdateStore};
use leasehold_updates::{Config, Deps, Interval, SERVICE, build};
use prost::Message as _;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Response, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::fuse::Mortal;
use crate::peers::{INSTANCE, Peers};
use crate::repository::Repository;
use leasehold_testkit::Fuse;

/// Long enough for what must happen, however busy the machine is.
const LONG: Duration = Duration::from_mins(1);
/// The client of the tests.
pub(crate) const CLIENT: Uuid = Uuid::from_u128(0xc11e);

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<dyn UpdateStore>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) vendor: Repository,
    pub(crate) folder: TempDir,
    pub(crate) interval: Interval,
    pub(crate) max_downloads: usize,
    pub(crate) scrub_interval: SignedDuration,
}

impl World {
    /// A vendor with an empty repository, which synchronisation knows, and a device `f00` that holds `cad`.
    pub(crate) async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap());
        let (peers, vendor) = (Peers::new(clock.clone()), Repository::new(clock.now()));
        *peers.repository.lock().unwrap() = vendor.said();
        peers.held.lock().unwrap().insert("cad".to_owned());
        Self {
            clock,
            store: Arc::new(SqlUpdateStore::open(&Place::Memory).await.unwrap()),
            peers,
            vendor,
            folder: tempfile::tempdir().unwrap(),
            interval: Interval::Off,
            max_downloads: 4,
            scrub_interval: SignedDuration::from_hours(1),
        }
    }

    /// A process of the service.
    pub(crate) async fn start(&self) -> Process {
        self.start_with(&Fuse::never()).await
    }

    /// A process that dies where the fuse blows.
    pub(crate) async fn start_with(&self, fuse: &Arc<Fuse>) -> Process {
        let background = Background::new(CancellationToken::new());
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let channel = self.peers.channel().await;
        let master = MasterKey::from_slice(&[7; 32]).unwrap();
        let deps = Deps {
            store: Arc::new(Mortal { store: Arc::clone(&self.store), fuse: Arc::clone(fuse) }),
            clock,
            key: Arc::new(master.for_service(&ServiceName::new(SERVICE).unwrap())),
            certifier: Arc::new(SyncCertifier::new(channel.clone(), SERVICE)),
            licensing: channel.clone(),
            sync: channel,
            way: Outward::http(None, "updates.upstream_ca"),
        };
        let config = Config {
            directory: self.directory(),
            interval: self.interval,
            upstream: None,
            upstream_root: None,
            after_end: SignedDuration::ZERO,
            check_in_interval: SignedDuration::from_hours(4),
            max_downloads: self.max_downloads,
            scrub_interval: self.scrub_interval,
            event_retention: SignedDuration::from_hours(24),
            max_message_size: 1 << 20,
        };
        let (_updates, made) = build(deps, config, &background).await.unwrap();
        let (channel, arrivals) = peer::in_process(Caller::Local);
        let server = Server::new(made.services, Options::default()).await.unwrap().with_arrivals([arrivals]);
        let shutdown = CancellationToken::new();
        tokio::spawn(server.run_inside(shutdown.clone()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = listener.local_addr().unwrap();
        let server = http::Server::new("updates", made.web, http::Options::default());
        tokio::spawn(server.run(listener, Transport::loopback(), shutdown.clone()));
        Process { channel, web, background, shutdown }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.path().join("updates")
    }

    /// Where a file is kept.
    pub(crate) fn blob(&self, content: &[u8]) -> PathBuf {
        let name = Digest::of(content).to_string();
        self.directory().join("blobs/sha256").join(&name[..2]).join(name)
    }

    /// What an assignment says, once its signature has led to the vendor's root.
    pub(crate) fn opened(&self, answer: &pb::CheckInResponse) -> pb::UpdateAssignment {
        let signed = answer.assignment.as_ref().unwrap();
        let envelope = Envelope::from_protobuf(&signed.envelope).unwrap();
        let service = ServiceName::new(SERVICE).unwrap();
        let expected = Expected {
            role: Role::Answer,
            vendor: None,
            instance: Some(self.peers.server),
            service: Some(&service),
        };
        let chain = read_chain(&signed.certificates).unwrap();
        let chain =
            verify_chain(self.peers.root.verifying_key(), &chain, self.clock.now(), &expected).unwrap();
        let payload = chain.open(&envelope, PayloadType::UpdateAssignment).unwrap();
        pb::UpdateAssignment::decode(payload).unwrap()
    }
}

pub(crate) fn instance() -> InstanceId {
    InstanceId(Uuid::parse_str(INSTANCE).unwrap())
}

/// One process of the service, and the ways to it.
pub(crate) struct Process {
    channel: Channel,
    pub(crate) web: SocketAddr,
    pub(crate) background: Background,
    shutdown: CancellationToken,
}

impl Process {
    pub(crate) fn client(&self) -> UpdateClientServiceClient<Channel> {
        UpdateClientServiceClient::new(self.channel.clone())
    }

    pub(crate) fn admin(&self) -> UpdateAdminServiceClient<Channel> {
        UpdateAdminServiceClient::new(self.channel.clone())
    }

    pub(crate) fn upstream(&self) -> UpstreamServiceClient<Channel> {
        UpstreamServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn sync(&self) -> Result<pb::SyncRun, Status> {
        let answer = self.upstream().sync_now(pb::SyncNowRequest::default()).await?;
        Ok(answer.into_inner().run.unwrap())
    }

    pub(crate) async fn status(&self) -> pb::GetStatusResponse {
        self.upstream().get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner()
    }

    /// A check-in of the test's client, with this version and content of the product.
    pub(crate) async fn check_in(
        &self,
        product: &str,
        has: (&str, &[u8]),
    ) -> Result<pb::CheckInResponse, Status> {
        let answer = self.client().check_in(question(product, has)).await;
        answer.map(Response::into_inner)
    }

    pub(crate) async fn releases(&self) -> Vec<pb::Release> {
        let answer = self.admin().list_releases(pb::ListReleasesRequest::default()).await;
        answer.unwrap().into_inner().releases
    }

    /// Ends the process as a kill does: what it was at is left as it is.
    pub(crate) async fn kill(self) {
        self.shutdown.cancel();
        let _ = self.background.stop(Duration::from_millis(200)).await;
    }

    /// Ends the process in order, and fails if anything of it stays.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.background.stop(Duration::from_secs(10)).await.unwrap();
    }
}

/// What the test's client says.
pub(crate) fn question(product: &str, (version, content): (&str, &[u8])) -> pb::CheckInRequest {
    let sha256 = if version.is_empty() { Vec::new() } else { Digest::of(content).as_bytes().to_vec() };
    let hostid = types::HostId { r#type: types::HostIdType::MachineId.into(), value: "f00".to_owned() };
    pb::CheckInRequest {
        client_id: CLIENT.to_string(),
        hostid: Some(hostid),
        alias: "workbench".to_owned(),
        products: vec![pb::InstalledProduct {
            product: product.to_owned(),
            version: version.to_owned(),
            sha256,
            ..Default::default()
        }],
        client_version: "1.0".to_owned(),
        nonce: vec![9; 16],
        ..Default::default()
    }
}

/// The reason of a refusal.
#[track_caller]
pub(crate) fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.unwrap_err();
    status.get_details_error_info().unwrap_or_else(|| panic!("{status:?}")).reason
}

/// Asks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let start = std::time::Instant::now();
    while !ask().await {
        assert!(start.elapsed() < LONG, "{what}: not within {LONG:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
