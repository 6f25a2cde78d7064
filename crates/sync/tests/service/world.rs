//! One instance, its vendor and its licensing, and processes of the service on one store.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::{HostId, InstanceId};
use leasehold_proto::sync::v1 as pb;
use leasehold_proto::sync::v1::sync_internal_service_client::SyncInternalServiceClient;
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use leasehold_proto::types::v1::PageRequest;
use leasehold_runtime::server::{Options, Server};
use leasehold_runtime::{Background, Caller, Clock, ManualClock, Services, SystemIds, peer};
use leasehold_signing::{MasterKey, ServiceKey, ServiceName};
use leasehold_store::SyncStore;
use leasehold_store_sql::{Place, SqlSyncStore};
use leasehold_sync::{Config, Deps, Error, Interval, Sync, build};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::door::Door;
use crate::fuse::Mortal;
use crate::licensing::{INSTANCE, Licensing};
use crate::vendor::{Vendor, start};
use leasehold_testkit::Fuse;

/// Long enough for what must happen, however busy the machine is.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// Largest message of the service, files aside.
const MAX_MESSAGE: usize = 1 << 20;

pub(crate) struct World {
    pub(crate) clock: ManualClock,
    pub(crate) store: Arc<dyn SyncStore>,
    pub(crate) licensing: Arc<Licensing>,
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) interval: Interval,
}

impl World {
    /// Nothing is enrolled.
    pub(crate) async fn new() -> Self {
        Self::on(Arc::new(SqlSyncStore::open(&Place::Memory).await.unwrap()))
    }

    pub(crate) fn on(store: Arc<dyn SyncStore>) -> Self {
        let clock = ManualClock::new(start());
        let vendor = Vendor::new(clock.clone());
        Self { clock, store, licensing: Arc::default(), vendor, interval: Interval::Off }
    }

    /// A process of the service.
    pub(crate) async fn start(&self) -> Process {
        self.start_with(&Fuse::never()).await
    }

    /// A process that dies where the fuse blows.
    pub(crate) async fn start_with(&self, fuse: &Arc<Fuse>) -> Process {
        let background = Background::new(CancellationToken::new());
        let (_sync, services) = self.build(fuse, service_key(1), &background).await.unwrap();
        Process::new(services, background).await
    }

    /// Builds the service, with the keys sealed by this key.
    pub(crate) async fn build(
        &self,
        fuse: &Arc<Fuse>,
        key: Arc<ServiceKey>,
        background: &Background,
    ) -> Result<(Sync, Services), Error> {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let deps = Deps {
            store: Arc::new(Mortal { store: Arc::clone(&self.store), fuse: Arc::clone(fuse) }),
            ids: SystemIds::new(Arc::clone(&clock)),
            clock,
            key,
            licensing: self.licensing.channel(fuse).await,
            vendor: Arc::new(Door { vendor: Arc::clone(&self.vendor), fuse: Arc::clone(fuse) }),
        };
        let config = Config {
            interval: self.interval,
            software_version: "1.2.3".to_owned(),
            hostids: vec!["f00/MACHINE_ID".parse::<HostId>().unwrap()],
            max_message_size: MAX_MESSAGE,
        };
        build(deps, config, background).await
    }

    /// A process, the instance enrolled by it.
    pub(crate) async fn enrolled(&self) -> Process {
        let process = self.start().await;
        process.enrol(self.vendor.enrolment()).await.unwrap();
        process
    }

    /// Everything that counts, to be compared: the bundle in force here and in licensing, and what is pending.
    pub(crate) async fn standing(&self) -> String {
        let identity = self.store.identity(instance()).await.unwrap();
        let identity = identity.map(|it| (it.enrolment, it.keys.public_key, it.bundle));
        let pending = self.store.pending(instance()).await.unwrap();
        format!("{identity:?} {pending:?} {}", self.licensing.sequence())
    }

    /// The bundle in force by sync's own books; 0 for none.
    pub(crate) async fn sequence(&self) -> u64 {
        let identity = self.store.identity(instance()).await.unwrap();
        identity.and_then(|identity| identity.bundle).map_or(0, |bundle| bundle.sequence)
    }

    pub(crate) fn advance(&self, time: SignedDuration) {
        self.clock.advance(time.unsigned_abs());
    }
}

pub(crate) fn service_key(seed: u8) -> Arc<ServiceKey> {
    let master = MasterKey::from_slice(&[seed; 32]).unwrap();
    Arc::new(master.for_service(&ServiceName::new("sync").unwrap()))
}

pub(crate) fn instance() -> InstanceId {
    InstanceId(Uuid::parse_str(INSTANCE).unwrap())
}

/// One process of the service, and the ways to it.
pub(crate) struct Process {
    pub(crate) admin: SyncServiceClient<Channel>,
    channels: [Channel; 4],
    background: Background,
    shutdown: CancellationToken,
}

impl Process {
    async fn new(services: Services, background: Background) -> Self {
        let callers = [
            Caller::Local,
            Caller::service("licensing"),
            Caller::service("updates"),
            Caller::service("gateway"),
        ];
        let (channels, arrivals): (Vec<_>, Vec<_>) = callers.map(peer::in_process).into_iter().unzip();
        let server = Server::new(services, Options::default()).await.unwrap().with_arrivals(arrivals);
        let shutdown = CancellationToken::new();
        tokio::spawn(server.run_inside(shutdown.clone()));
        let channels: [Channel; 4] = channels.try_into().unwrap();
        let admin = SyncServiceClient::new(channels[0].clone()).max_decoding_message_size(64 << 20);
        Self { admin, channels, background, shutdown }
    }

    /// The internal service, called by one on this machine, licensing, updates, and the gateway.
    pub(crate) fn internal(&self, caller: usize) -> SyncInternalServiceClient<Channel> {
        SyncInternalServiceClient::new(self.channels[caller].clone())
    }

    /// The same callers of what is for administrators.
    pub(crate) fn admin_of(&self, caller: usize) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(self.channels[caller].clone())
    }

    pub(crate) async fn enrol(&self, enrolment: pb::Enrolment) -> Result<pb::EnrolResponse, Status> {
        let request = pb::EnrolRequest { instance: String::new(), enrolment: Some(enrolment) };
        self.admin.clone().enrol(request).await.map(Response::into_inner)
    }

    pub(crate) async fn identity(&self) -> pb::GetIdentityResponse {
        let request = pb::GetIdentityRequest { instance: String::new() };
        self.admin.clone().get_identity(request).await.unwrap().into_inner()
    }

    pub(crate) async fn synchronize(&self) -> Result<pb::Exchange, Status> {
        let request = pb::SynchronizeNowRequest { instance: String::new() };
        let answer = self.admin.clone().synchronize_now(request).await?;
        Ok(answer.into_inner().exchange.unwrap())
    }

    pub(crate) async fn export(&self, armored: bool) -> Result<Vec<u8>, Status> {
        let request = pb::ExportSyncDataRequest { instance: String::new(), armored };
        Ok(self.admin.clone().export_sync_data(request).await?.into_inner().file)
    }

    pub(crate) async fn import(&self, file: Vec<u8>) -> Result<pb::Exchange, Status> {
        let request = pb::ImportLicenseFileRequest { instance: String::new(), file };
        let answer = self.admin.clone().import_license_file(request).await?;
        Ok(answer.into_inner().exchange.unwrap())
    }

    pub(crate) async fn test(&self) -> Result<Vec<pb::ConnectionStep>, Status> {
        let request = pb::TestConnectionRequest { instance: String::new() };
        Ok(self.admin.clone().test_connection(request).await?.into_inner().steps)
    }

    /// Every exchange, newest first.
    pub(crate) async fn history(&self) -> Vec<pb::Exchange> {
        let page = Some(PageRequest { page_size: 500, ..PageRequest::default() });
        let request = pb::ListExchangesRequest { instance: String::new(), page };
        self.admin.clone().list_exchanges(request).await.unwrap().into_inner().exchanges
    }

    /// Ends the process: what hangs in it is left hanging.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        let _ = self.background.stop(Duration::from_millis(200)).await;
    }

    /// Ends the process in order, and fails if anything of it stays.
    pub(crate) async fn stop_in_order(self) {
        self.shutdown.cancel();
        self.background.stop(Duration::from_secs(10)).await.unwrap();
    }
}

/// The reason of a refusal.
#[track_caller]
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.unwrap_or_else(|| panic!("{status:?}")).reason
}

/// Fails unless the call was refused for this reason, with these parts in the message; the message.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(
    answer: Result<T, Status>,
    code: Code,
    wanted: &str,
    parts: &[&str],
) -> String {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (code, wanted), "{status:?}");
    for part in parts {
        assert!(status.message().contains(part), "{part:?} in {:?}", status.message());
    }
    status.message().to_owned()
}

/// Asks again and again until it is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let start = std::time::Instant::now();
    while !ask().await {
        assert!(start.elapsed() < LONG, "{what}: not within {LONG:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
