//! A vendor within the process: a back office in memory, which gives servers their rights by file.
//!
//! For demonstrations, tests and benches, where nobody wants to set a vendor up first. What it does is what the
//! commands do, over the same calls. Not for production: it ends with the process, its keys with it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_backoffice::{Config, Deps, Setup, build, set_up};
use leasehold_proto::backoffice::v1 as backoffice;
use leasehold_proto::backoffice::v1::producer_service_client::ProducerServiceClient;
use leasehold_proto::convert::time::duration;
use leasehold_proto::licensing::v1 as licensing;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::sync::v1 as sync;
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use leasehold_runtime::server::{self, Server};
use leasehold_runtime::{Background, Caller, Clock, SystemIds, peer};
use leasehold_signing::{MasterKey, ServiceName, SigningKey};
use leasehold_store_sql::{Place, SqlBackOfficeStore};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

use crate::estate_file::{EstateFile, WantedGroup};

/// Who it says it is.
const VENDOR: &str = "in-process";
const CUSTOMER: &str = "this process";
/// How far ahead its bundles set their deadline: as far as there is.
const WITHIN: SignedDuration = SignedDuration::from_hours(366 * 24);
/// How long a server may take from its bundle to its first grant.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the end of its tasks may take.
const GRACE: Duration = Duration::from_secs(5);
/// The largest message: an estate of many line items.
const MAX_MESSAGE: usize = 64 << 20;

/// Why a server has not got its rights.
#[derive(Debug, thiserror::Error)]
pub enum SupplyError {
    /// The vendor cannot be made.
    #[error("the vendor within the process cannot be made: {0}")]
    Vendor(String),
    /// A call failed.
    #[error("{what} failed: {status}", status = .status.message())]
    Call {
        /// Which.
        what: &'static str,
        /// What was answered.
        status: Box<Status>,
    },
}

/// A vendor within the process. Dropping it ends it.
pub struct Vendor {
    producer: ProducerServiceClient<Channel>,
    root: String,
    servers: usize,
    shutdown: CancellationToken,
    background: Option<Background>,
}

/// The way to a server that gets rights.
#[derive(Clone, Debug)]
pub struct Site {
    /// To its licensing service.
    pub licensing: Channel,
    /// To its synchronisation service.
    pub sync: Channel,
}

/// A server that has rights of the vendor.
#[derive(Clone, Debug)]
pub struct Supplied {
    /// The id that the vendor gave it.
    pub license_server_id: String,
    /// Its entitlement, which holds all its line items.
    pub entitlement_id: String,
}

impl Site {
    /// A server on this machine, in plain text.
    pub fn at(licensing: SocketAddr, sync: SocketAddr) -> Self {
        let to = |address: SocketAddr| {
            let endpoint =
                Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URI");
            endpoint.connect_timeout(Duration::from_secs(5)).connect_lazy()
        };
        Self { licensing: to(licensing), sync: to(sync) }
    }
}

impl Vendor {
    /// A new one, with keys of its own, that goes by this clock.
    pub async fn open(clock: Arc<dyn Clock>) -> Result<Self, SupplyError> {
        let failed = |error: &dyn std::fmt::Display| SupplyError::Vendor(error.to_string());
        let mut rng: rand::rngs::StdRng = rand::make_rng();
        let (master, root) = (MasterKey::generate(&mut rng), SigningKey::generate(&mut rng));
        let key = Arc::new(master.for_service(&ServiceName::new("backoffice").expect("a good name")));
        let store = SqlBackOfficeStore::open(&Place::Memory).await.map_err(|error| failed(&error))?;
        let store = Arc::new(store);
        let setup = Setup { vendor_id: VENDOR.to_owned(), name: VENDOR.to_owned(), ..Setup::default() };
        set_up(&*store, &key, &mut rng, clock.now(), setup, &root).await.map_err(|error| failed(&error))?;
        let shutdown = CancellationToken::new();
        let background = Background::new(shutdown.clone());
        let deps = Deps { store, ids: SystemIds::new(Arc::clone(&clock)), clock, key };
        let config = Config { address: String::new(), max_message_size: MAX_MESSAGE };
        let (_, services) = build(deps, config, &background).await.map_err(|error| failed(&error))?;
        let (channel, arrivals) = peer::in_process(Caller::Local);
        let server =
            Server::new(services, server::Options::default()).await.map_err(|error| failed(&error))?;
        // Its end is the process', or that of the last handle; nobody is left then to hear how it was.
        tokio::spawn(server.with_arrivals([arrivals]).run_inside(shutdown.clone()));
        let mut producer = ProducerServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        let customer = backoffice::Customer { name: CUSTOMER.to_owned(), ..Default::default() };
        let customer = backoffice::CreateCustomerRequest { customer: Some(customer) };
        answered("adding the customer", producer.create_customer(customer).await)?;
        let root = root.verifying_key().to_string();
        Ok(Self { producer, root, servers: 0, shutdown, background: Some(background) })
    }

    /// Its root key, 64 hexadecimal digits: what clients pin.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Enrols a server that has no vendor, gives it the line items of the estate, and makes its reservations.
    pub async fn supply(&mut self, site: &Site, estate: &EstateFile) -> Result<Supplied, SupplyError> {
        self.servers += 1;
        let request = backoffice::CreateLicenseServerRequest {
            name: format!("server {}", self.servers),
            customer: CUSTOMER.to_owned(),
            synchronize_within: Some(duration(WITHIN)),
        };
        let made = self.producer.create_license_server(request).await;
        let made = answered("adding the licence server", made)?;
        let license_server_id = made.license_server.map(|made| made.license_server_id).unwrap_or_default();
        let request = backoffice::CreateEntitlementRequest {
            license_server_id: license_server_id.clone(),
            line_items: estate.items.iter().map(Into::into).collect(),
        };
        let given = answered("giving line items", self.producer.create_entitlement(request).await)?;
        let entitlement_id = given.entitlement.map(|given| given.entitlement_id).unwrap_or_default();
        let request = sync::EnrolRequest { instance: String::new(), enrolment: made.enrolment };
        answered("enrolling", self.sync(site).enrol(request).await)?;
        self.synchronize(site).await?;
        reserve(site, &estate.groups).await?;
        Ok(Supplied { license_server_id, entitlement_id })
    }

    /// Gives a server that has rights other ones: the line items of the estate in place of those that it had.
    pub async fn change(
        &mut self,
        site: &Site,
        supplied: &Supplied,
        estate: &EstateFile,
    ) -> Result<(), SupplyError> {
        let request = backoffice::UpdateEntitlementRequest {
            entitlement_id: supplied.entitlement_id.clone(),
            line_items: estate.items.iter().map(Into::into).collect(),
        };
        answered("changing line items", self.producer.update_entitlement(request).await)?;
        self.synchronize(site).await
    }

    /// Carries a request file to the vendor and the response file back.
    pub async fn synchronize(&mut self, site: &Site) -> Result<(), SupplyError> {
        let mut sync = self.sync(site);
        let exported = sync.export_sync_data(sync::ExportSyncDataRequest::default()).await;
        let file = answered("exporting", exported)?.file;
        let request = backoffice::ProcessFileRequest { file, armored: false };
        let file = answered("answering the request", self.producer.process_file(request).await)?.file;
        let request = sync::ImportLicenseFileRequest { instance: String::new(), file };
        answered("importing", sync.import_license_file(request).await)?;
        until_it_grants(site).await
    }

    #[expect(clippy::unused_self, reason = "only a vendor synchronises")]
    fn sync(&self, site: &Site) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(site.sync.clone())
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE)
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let (Some(background), Ok(runtime)) =
            (self.background.take(), tokio::runtime::Handle::try_current())
        {
            runtime.spawn(background.stop(GRACE));
        }
    }
}

/// Waits until its key for answers is certified, which takes a moment after the first bundle.
pub(crate) async fn until_it_grants(site: &Site) -> Result<(), SupplyError> {
    let mut admin = LicensingAdminServiceClient::new(site.licensing.clone());
    let start = Instant::now();
    loop {
        let asked = admin.get_instance(licensing::GetInstanceRequest::default()).await;
        let status = answered("asking how it stands", asked)?.status();
        if status != licensing::InstanceStatus::Unsynchronized {
            return Ok(());
        }
        if start.elapsed() >= PATIENCE {
            return Err(SupplyError::Vendor("the server got its bundle and grants nothing".to_owned()));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn reserve(site: &Site, groups: &[WantedGroup]) -> Result<(), SupplyError> {
    let mut admin = LicensingAdminServiceClient::new(site.licensing.clone());
    for group in groups {
        let request =
            licensing::CreateReservationGroupRequest { group: Some(group.into()), ..Default::default() };
        answered("reserving", admin.create_reservation_group(request).await)?;
    }
    Ok(())
}

pub(crate) fn answered<T>(what: &'static str, answer: Result<Response<T>, Status>) -> Result<T, SupplyError> {
    answer.map(Response::into_inner).map_err(|status| SupplyError::Call { what, status: Box::new(status) })
}
