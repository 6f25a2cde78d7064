//! A vendor with a back office in memory, and licence servers that ask it as real ones do.

#![allow(dead_code, reason = "not every test binary uses all of it")]

mod server;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use leasehold_backoffice::{BackOffice, Config, Deps, SERVICE, Setup, build, set_up};
use leasehold_proto::backoffice::v1 as pb;
use leasehold_proto::convert::time::read_timestamp;
use leasehold_proto::licensing::v1 as licensing;
use leasehold_proto::sync::v1 as sync;
use leasehold_runtime::error::ErrorReason;
use leasehold_runtime::{ApiError, Background, Clock, ManualClock, SystemIds};
use leasehold_signing::{Envelope, MasterKey, ServiceKey, ServiceName, SigningKey};
use leasehold_store::BackOfficeStore;
use leasehold_store::backoffice::Contact;
use leasehold_store_sql::{Place, SqlBackOfficeStore};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

pub(crate) use server::Server;

pub(crate) const VENDOR: &str = "example";

/// A vendor whose back office runs.
pub(crate) struct World {
    pub(crate) back_office: BackOffice,
    pub(crate) store: Arc<dyn BackOfficeStore>,
    pub(crate) clock: ManualClock,
    pub(crate) root: SigningKey,
    pub(crate) key: Arc<ServiceKey>,
    background: Background,
}

impl World {
    /// One in memory.
    pub(crate) async fn new() -> Self {
        Self::on(&Place::Memory).await
    }

    /// One in this database.
    pub(crate) async fn on(place: &Place) -> Self {
        let store: Arc<dyn BackOfficeStore> = Arc::new(SqlBackOfficeStore::open(place).await.unwrap());
        let mut rng = StdRng::seed_from_u64(1);
        let (root, key) = (SigningKey::generate(&mut rng), service_key());
        let clock = ManualClock::new("2026-01-01T12:00:00.123456789Z".parse().unwrap());
        set_up(&*store, &key, &mut rng, clock.now(), setup(), &root).await.unwrap();
        let background = Background::new(CancellationToken::new());
        let back_office = run(&store, &clock, &key, &background).await.unwrap();
        Self { back_office, store, clock, root, key, background }
    }

    /// Another process on the same database.
    pub(crate) async fn replica(&self, place: &Place) -> BackOffice {
        let store: Arc<dyn BackOfficeStore> = Arc::new(SqlBackOfficeStore::open(place).await.unwrap());
        run(&store, &self.clock, &self.key, &self.background).await.unwrap()
    }

    /// A licence server of a new customer, enrolled and never synchronised.
    pub(crate) async fn enrol(&self, name: &str) -> Server {
        let customer = pb::Customer { name: name.to_owned(), ..pb::Customer::default() };
        let request = pb::CreateCustomerRequest { customer: Some(customer) };
        self.back_office.create_customer("kim", request).await.unwrap();
        let request = pb::CreateLicenseServerRequest {
            name: "main".to_owned(),
            customer: name.to_owned(),
            synchronize_within: None,
        };
        let made = self.back_office.create_license_server("kim", request).await.unwrap();
        Server::new(made.enrolment.unwrap(), self.clock.clone())
    }

    /// Gives a licence server counts of features.
    pub(crate) async fn entitle(&self, server: &Server, features: &[(&str, i64)]) -> pb::Entitlement {
        let line_items = features.iter().map(|(feature, count)| item("", feature, *count)).collect();
        let request = pb::CreateEntitlementRequest { license_server_id: server.id(), line_items };
        self.back_office.create_entitlement("kim", request).await.unwrap().entitlement.unwrap()
    }

    /// What the vendor sees of a licence server.
    pub(crate) async fn look(&self, server: &Server) -> pb::LicenseServer {
        let request = pb::GetLicenseServerRequest { license_server_id: server.id() };
        self.back_office.get_license_server(request).await.unwrap().license_server.unwrap()
    }

    /// The audit of a subject, newest first.
    pub(crate) async fn audit(&self, subject: &str) -> Vec<pb::AuditRecord> {
        let request = pb::ListAuditRequest { subject: subject.to_owned(), page: None };
        self.back_office.list_audit(request).await.unwrap().records
    }

    /// What was done to a licence server, newest first.
    pub(crate) async fn actions(&self, server: &Server) -> Vec<String> {
        self.audit(&server.id()).await.into_iter().map(|record| record.action).collect()
    }

    /// Clears the keys of a licence server.
    pub(crate) async fn clear(&self, server: &Server, reason: &str) -> Result<pb::LicenseServer, ApiError> {
        let request =
            pb::ClearServerKeysRequest { license_server_id: server.id(), reason: reason.to_owned() };
        Ok(self.back_office.clear_server_keys("kim", request).await?.license_server.unwrap())
    }
}

pub(crate) fn service_key() -> Arc<ServiceKey> {
    let master = MasterKey::from_slice(&[7; 32]).unwrap();
    Arc::new(master.for_service(&ServiceName::new(SERVICE).unwrap()))
}

pub(crate) fn setup() -> Setup {
    Setup {
        vendor_id: VENDOR.to_owned(),
        name: "Example Ltd".to_owned(),
        contact: Contact { mail: "help@example.com".to_owned(), ..Contact::default() },
        address: "https://sync.example.com".to_owned(),
    }
}

pub(crate) async fn run(
    store: &Arc<dyn BackOfficeStore>,
    clock: &ManualClock,
    key: &Arc<ServiceKey>,
    background: &Background,
) -> Result<BackOffice, leasehold_backoffice::Error> {
    let clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let deps = Deps {
        store: Arc::clone(store),
        ids: SystemIds::new(Arc::clone(&clock)),
        clock,
        key: Arc::clone(key),
    };
    let config = Config { address: String::new(), max_message_size: 4 << 20 };
    Ok(build(deps, config, background).await?.0)
}

/// A line item; without an id where it is empty.
pub(crate) fn item(id: &str, feature: &str, count: i64) -> licensing::LineItem {
    licensing::LineItem {
        line_item_id: id.to_owned(),
        feature: feature.to_owned(),
        version: "1.0".to_owned(),
        count: Some(count),
        kind: Some(licensing::line_item::Kind::Concurrent(licensing::ConcurrentKind {})),
        ..licensing::LineItem::default()
    }
}

/// Sends a request and returns the response as it came.
pub(crate) async fn ask(back_office: &BackOffice, request: &Envelope) -> Result<sync::Signed, ApiError> {
    let request = sync::Signed { envelope: request.to_protobuf(), certificates: Vec::new() };
    let answer = back_office.synchronize(pb::SynchronizeRequest { request: Some(request) }).await?;
    Ok(answer.response.unwrap())
}

/// Why a request is refused.
pub(crate) async fn refusal(back_office: &BackOffice, request: &Envelope) -> ErrorReason {
    ask(back_office, request).await.expect_err("it was answered").reason
}

fn random() -> StdRng {
    rand::make_rng()
}

pub(crate) fn time(at: Option<&prost_types::Timestamp>) -> Timestamp {
    read_timestamp("", at.expect("there is a time")).unwrap()
}

pub(crate) const HOUR: Duration = Duration::from_hours(1);
