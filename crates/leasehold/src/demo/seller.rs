//! The vendor of the demonstration: a back office in a directory of its own, which sells to the firm and gives its licence
//! server its rights over the network.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use leasehold_backoffice::Setup;
use leasehold_proto::backoffice::v1 as backoffice;
use leasehold_proto::backoffice::v1::SetUpdateRepositoryRequest;
use leasehold_proto::backoffice::v1::producer_service_client::ProducerServiceClient;
use leasehold_proto::convert::time::duration;
use leasehold_proto::licensing::v1 as licensing;
use leasehold_proto::licensing::v1::licensing_admin_service_client::LicensingAdminServiceClient;
use leasehold_proto::sync::v1 as sync;
use leasehold_proto::sync::v1::sync_service_client::SyncServiceClient;
use leasehold_runtime::Clock;
use leasehold_signing::VerifyingKey;
use leasehold_store::backoffice::Contact;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status};

use super::estate::FIRM;
use super::place::Place;
use super::{Error, ports, repository, server};
use crate::app::backoffice::{RunningVendor, VendorOptions, VendorPlace, create_vendor, start_vendor};
use crate::app::vendor_dir::read_root_key;
use crate::estate_file::EstateFile;
use crate::vendor::{Site, SupplyError, answered, until_it_grants};

/// Where a vendor listens that nobody gave another port.
pub(super) const PORT: u16 = 16780;
/// Where its update repository is then.
pub(super) const REPOSITORY_PORT: u16 = 16781;
/// Who does what is done here, for the vendor's audit log.
const ACTOR: &str = "demo";
/// The licence server's name at the vendor.
const SERVER: &str = "plant";
/// How far ahead its bundles set their deadline.
const WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);
const CONNECT: Duration = Duration::from_secs(5);

/// A vendor that runs.
pub(super) struct Seller {
    running: RunningVendor,
    producer: ProducerServiceClient<Channel>,
    root: VerifyingKey,
    repository: SocketAddr,
    repository_root: Vec<u8>,
}

impl Seller {
    /// Starts the vendor of a place; the first time, sets it up.
    pub(super) async fn start(
        place: &mut Place,
        usual_port: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let wanted = place.notes().vendor_port.or(usual_port.then_some(PORT));
        let listen = ports::pick(wanted)?;
        place.note(|notes| notes.vendor_port = Some(listen.port()))?;
        let wanted = place.notes().repository_port.or(usual_port.then_some(REPOSITORY_PORT));
        let repository = ports::pick(wanted)?;
        place.note(|notes| notes.repository_port = Some(repository.port()))?;
        let directory = place.vendor();
        let settings = vec![
            ("backoffice.listen".to_owned(), listen.to_string()),
            ("backoffice.repository_listen".to_owned(), repository.to_string()),
        ];
        let config = server::config(&directory, settings)?;
        let at = VendorPlace::Dir(directory.clone());
        let made = create_vendor(&config, &directory, &at, setup(listen), clock.now()).await;
        made.map(drop).or_else(|error| if error.is_set_up() { Ok(()) } else { Err(error) })?;
        let root = *read_root_key(&directory.join("vendor-root.key")).map_err(vendor_error)?.verifying_key();
        let now = clock.now();
        let repository_root = repository::open(&directory, format!("http://{repository}"), now).await?;
        let options = VendorOptions {
            config,
            clock,
            place: at,
            address: format!("http://{listen}"),
            observed: None,
            shutdown: CancellationToken::new(),
        };
        let running = start_vendor(options).await?;
        // At an earlier start it may have been elsewhere.
        let told = SetUpdateRepositoryRequest {
            address: format!("http://{repository}"),
            root: repository_root.clone(),
        };
        running.back_office().set_update_repository(ACTOR, told).await.map_err(Error::Repository)?;
        let address = running.address();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URI");
        let channel = endpoint.connect_timeout(CONNECT).connect_lazy();
        let producer = ProducerServiceClient::new(channel);
        Ok(Self { running, producer, root, repository, repository_root })
    }

    /// Where its back office is.
    pub(super) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Where its update repository is.
    pub(super) fn repository(&self) -> SocketAddr {
        self.repository
    }

    /// The root of that, which clients pin.
    pub(super) fn repository_root(&self) -> &[u8] {
        &self.repository_root
    }

    /// Its root key, which clients pin.
    pub(super) fn root(&self) -> VerifyingKey {
        self.root
    }

    /// Sells the firm what the estate says, and lets the licence server of the place fetch it. Gives the id that the
    /// server has at the vendor.
    pub(super) async fn supply(
        &mut self,
        place: &mut Place,
        site: &Site,
        estate: &EstateFile,
    ) -> Result<String, Error> {
        let id = match place.notes().license_server_id.clone() {
            Some(id) => id,
            None => self.add_server().await?,
        };
        place.note(|notes| notes.license_server_id = Some(id.clone()))?;
        let entitlement = self.sell(&id, place.notes().entitlement_id.clone(), estate).await?;
        place.note(|notes| notes.entitlement_id = Some(entitlement))?;
        self.enrol(&id, site).await?;
        let mut sync = SyncServiceClient::new(site.sync.clone());
        let now = sync.synchronize_now(sync::SynchronizeNowRequest::default()).await;
        answered("synchronising", now)?;
        until_it_grants(site).await?;
        reserve(site, estate).await?;
        Ok(id)
    }

    /// Stops it in order.
    pub(super) async fn stop(self) -> Result<(), Error> {
        Ok(self.running.stop().await?)
    }

    async fn add_server(&mut self) -> Result<String, Error> {
        let customer = backoffice::Customer { name: FIRM.to_owned(), ..Default::default() };
        let customer = backoffice::CreateCustomerRequest { customer: Some(customer) };
        unless_there("adding the customer", self.producer.create_customer(customer).await)?;
        let request = |name: String| backoffice::CreateLicenseServerRequest {
            name,
            customer: FIRM.to_owned(),
            synchronize_within: Some(duration(WITHIN)),
        };
        let mut made = self.producer.create_license_server(request(SERVER.to_owned())).await;
        // A start that was cut short has added one that nobody noted.
        for number in 2..10 {
            if made.as_ref().err().is_none_or(|status| status.code() != Code::AlreadyExists) {
                break;
            }
            made = self.producer.create_license_server(request(format!("{SERVER} {number}"))).await;
        }
        let made = answered("adding the licence server", made)?;
        Ok(made.license_server.map(|made| made.license_server_id).unwrap_or_default())
    }

    /// Gives the server these line items, in place of those that it had, and gives the entitlement's id.
    async fn sell(
        &mut self,
        server: &str,
        before: Option<String>,
        estate: &EstateFile,
    ) -> Result<String, Error> {
        let line_items = estate.items.iter().map(Into::into).collect();
        if let Some(entitlement_id) = before {
            let request =
                backoffice::UpdateEntitlementRequest { entitlement_id: entitlement_id.clone(), line_items };
            answered("changing line items", self.producer.update_entitlement(request).await)?;
            return Ok(entitlement_id);
        }
        let license_server_id = server.to_owned();
        let request = backoffice::CreateEntitlementRequest { license_server_id, line_items };
        let given = answered("giving line items", self.producer.create_entitlement(request).await)?;
        Ok(given.entitlement.map(|given| given.entitlement_id).unwrap_or_default())
    }

    /// Makes the licence server the vendor's, unless it is.
    async fn enrol(&mut self, server: &str, site: &Site) -> Result<(), Error> {
        let mut sync = SyncServiceClient::new(site.sync.clone());
        let identity = sync.get_identity(sync::GetIdentityRequest::default()).await;
        if answered("asking who it is", identity)?.status() != sync::SyncStatus::Unenrolled {
            return Ok(());
        }
        let request = backoffice::GetLicenseServerRequest { license_server_id: server.to_owned() };
        let found =
            answered("looking for the licence server", self.producer.get_license_server(request).await)?;
        let request = sync::EnrolRequest { instance: String::new(), enrolment: found.enrolment };
        answered("enrolling", sync.enrol(request).await)?;
        Ok(())
    }
}

fn setup(listen: SocketAddr) -> Setup {
    Setup {
        vendor_id: "example".to_owned(),
        name: "Example Software".to_owned(),
        contact: Contact {
            mail: "licences@example.com".to_owned(),
            web: "https://example.com".to_owned(),
            phone: String::new(),
        },
        address: format!("http://{listen}"),
    }
}

async fn reserve(site: &Site, estate: &EstateFile) -> Result<(), Error> {
    let mut admin = LicensingAdminServiceClient::new(site.licensing.clone());
    for group in &estate.groups {
        let request =
            licensing::CreateReservationGroupRequest { group: Some(group.into()), ..Default::default() };
        unless_there("reserving", admin.create_reservation_group(request).await)?;
    }
    Ok(())
}

/// What is there already is what was wanted.
fn unless_there<T>(what: &'static str, answer: Result<Response<T>, Status>) -> Result<(), SupplyError> {
    match answer {
        Err(status) if status.code() == Code::AlreadyExists => Ok(()),
        other => answered(what, other).map(drop),
    }
}

fn vendor_error(error: crate::app::vendor_dir::VendorDirError) -> Error {
    Error::Vendor(error.into())
}
