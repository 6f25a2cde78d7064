//! What the cases are made of: a store with a licence server, and plain values to put into it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::LineItemId;
use uuid::Uuid;

use super::Factory;
use crate::backoffice::{
    AuditRecord, Binding, Contact, Customer, Entitlement, EntitlementId, Exchange, LicenseServer,
    LicenseServerId, LineItemContent, OnlineKey, Product, UpdateRepository, Vendor,
};
use crate::licensing::PageQuery;
use crate::{BackOfficeStore, LicenseServerTurn};

/// A store with a customer `c` and its licence server 1.
pub struct World {
    /// The store.
    pub store: Arc<dyn BackOfficeStore>,
}

impl World {
    /// A fresh store with them.
    pub async fn new(factory: &dyn Factory) -> Self {
        let world = Self { store: factory.open().await };
        assert!(world.store.create_customer(&customer("c"), &record("made")).await.unwrap());
        world.add(&server(1, "c", "one")).await;
        world
    }

    /// Adds a licence server.
    pub async fn add(&self, server: &LicenseServer) {
        assert!(self.store.create_license_server(server, &record("made")).await.unwrap());
    }

    /// Begins a turn on the licence server of this number.
    pub async fn begin(&self, number: u128) -> Box<dyn LicenseServerTurn> {
        self.store.begin(server_id(number)).await.unwrap().expect("there is such a server")
    }

    /// Saves an entitlement in a turn of its own.
    pub async fn entitle(&self, entitlement: &Entitlement) {
        let mut turn = self.store.begin(entitlement.license_server).await.unwrap().unwrap();
        turn.save_entitlement(entitlement).await.unwrap();
        turn.commit().await.unwrap();
    }

    /// Keeps exchanges of licence server 1 in a turn of their own.
    pub async fn exchange(&self, exchanges: &[Exchange]) {
        let mut turn = self.begin(1).await;
        for exchange in exchanges {
            turn.add_exchange(exchange, &exchange.sequence.to_be_bytes()).await.unwrap();
        }
        turn.commit().await.unwrap();
    }

    /// What licence server 1 exchanged.
    pub async fn exchanges(&self) -> Vec<Exchange> {
        self.begin(1).await.exchanges().await.unwrap()
    }

    /// Actions of the audit, newest first.
    pub async fn actions(&self) -> Vec<String> {
        let page = self.store.audit(None, &all()).await.unwrap();
        assert_eq!(page.total, page.rows.len() as u64);
        page.rows.into_iter().map(|record| record.action).collect()
    }
}

/// So many seconds after the start, and a microsecond that has to be kept.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(seconds * 1_000_000 + 1).unwrap()
}

/// The id of the licence server of this number.
pub fn server_id(number: u128) -> LicenseServerId {
    LicenseServerId(Uuid::from_u128(number))
}

/// The id of the entitlement of this number.
pub fn entitlement_id(number: u128) -> EntitlementId {
    EntitlementId(Uuid::from_u128(number))
}

/// A page that has everything.
pub fn all() -> PageQuery {
    PageQuery { limit: 1_000, after: None, skip: 0, search: String::new() }
}

/// A page that has what contains this.
pub fn search(text: &str) -> PageQuery {
    PageQuery { search: text.to_owned(), ..all() }
}

/// A record of this action.
pub fn record(action: &str) -> AuditRecord {
    AuditRecord {
        at: at(1),
        actor: "kim".to_owned(),
        action: action.to_owned(),
        subject: "subject".to_owned(),
        detail: String::new(),
    }
}

/// A vendor.
pub fn vendor() -> Vendor {
    Vendor {
        id: "example".to_owned(),
        name: "Example Ltd".to_owned(),
        contact: Contact {
            mail: "m@example.com".to_owned(),
            web: "https://example.com".to_owned(),
            phone: "+1".to_owned(),
        },
        address: "https://example.com:16780".to_owned(),
        root_key: [7; 32],
        online_key: OnlineKey { seed: vec![0, 1, 255], certificate: vec![2; 300] },
        identity: vec![3; 90],
        created_at: at(1),
        updates: UpdateRepository::default(),
    }
}

/// A product with two features.
pub fn product(name: &str) -> Product {
    let features =
        ["cad", "Über \"x\""].map(|name| leasehold_domain::FeatureName::new(name).unwrap()).to_vec();
    Product { name: name.to_owned(), description: "what it is".to_owned(), features, created_at: at(2) }
}

/// A customer.
pub fn customer(name: &str) -> Customer {
    Customer { name: name.to_owned(), mail: format!("{name}@example.com"), created_at: at(3) }
}

/// A licence server that has never been heard of.
pub fn server(number: u128, customer: &str, name: &str) -> LicenseServer {
    LicenseServer {
        id: server_id(number),
        name: name.to_owned(),
        customer: customer.to_owned(),
        synchronize_within: SignedDuration::from_hours(24 * 30),
        created_at: at(4),
        binding: None,
        hostids: Vec::new(),
        software_version: String::new(),
        seen_at: None,
        sequence: 0,
        applied_sequence: 0,
        synchronize_before: None,
        clone_suspected: String::new(),
    }
}

/// The same after a request.
pub fn bound(number: u128, customer: &str, name: &str) -> LicenseServer {
    LicenseServer {
        binding: Some(Binding {
            signing_key: [9; 32],
            recipient: "age1xyz".to_owned(),
            bound_at: at(5),
            first_previous: Some([8; 32]),
            acknowledged: 3,
        }),
        hostids: ["m1/MACHINE_ID", "a b/c/STRING"].map(|text| text.parse().unwrap()).to_vec(),
        software_version: "0.1.0".to_owned(),
        seen_at: Some(at(6)),
        sequence: 1 << 40,
        applied_sequence: 4,
        synchronize_before: Some(at(7)),
        clone_suspected: "request 5 came twice".to_owned(),
        ..server(number, customer, name)
    }
}

/// An entitlement of a licence server with these line items.
pub fn entitlement(number: u128, server: u128, items: &[&str]) -> Entitlement {
    Entitlement {
        id: entitlement_id(number),
        license_server: server_id(server),
        line_items: items.iter().map(|id| item(id)).collect(),
        revision: 1,
        created_at: at(8),
    }
}

/// A line item whose content is its id.
pub fn item(id: &str) -> LineItemContent {
    LineItemContent { id: LineItemId::new(id).unwrap(), content: id.as_bytes().to_vec() }
}

/// An exchange with digests of its own.
pub fn exchange(sequence: u64, request_number: u64) -> Exchange {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&sequence.to_be_bytes());
    let mut response = digest;
    response[31] = 1;
    Exchange { sequence, request_number, request: digest, response, answered_at: at(9) }
}
