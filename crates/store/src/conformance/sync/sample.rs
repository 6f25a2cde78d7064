//! Values for the cases: an enrolled instance, and exchanges of it.

use std::sync::Arc;

use jiff::Timestamp;
use leasehold_domain::InstanceId;
use uuid::Uuid;

use super::Factory;
use crate::SyncStore;
use crate::licensing::PageQuery;
use crate::sync::{
    Bundle, Change, Contact, Enrolment, Exchange, ExchangeState, Failure, Identity, Keys, Nonce, Step, Way,
};

/// A moment, so many seconds after the first.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap()
}

/// An instance's id.
pub fn instance(number: u128) -> InstanceId {
    InstanceId(Uuid::from_u128(number))
}

/// An identity that is enrolled, never saved, and has no bundle.
pub fn identity(number: u8) -> Identity {
    Identity {
        revision: 0,
        enrolment: Enrolment {
            license_server_id: Uuid::from_u128(u128::from(number)),
            vendor_id: "example".to_owned(),
            vendor_name: "Example Ltd".to_owned(),
            vendor_root: [number; 32],
            address: "https://vendor.example.com".to_owned(),
            vendor_recipient: "age1vendor".to_owned(),
            contact: Contact {
                mail: "licences@example.com".to_owned(),
                web: "https://example.com".to_owned(),
                phone: "+49 30 1234".to_owned(),
            },
        },
        keys: Keys {
            signing_key: vec![1, number],
            public_key: [2; 32],
            identity: vec![3, number],
            recipient: "age1server".to_owned(),
        },
        next_number: 1,
        bundle: None,
        warned: None,
        next_at: None,
        failures: 0,
    }
}

/// A bundle in force.
pub fn bundle(sequence: u64) -> Bundle {
    Bundle {
        sequence,
        digest: [7; 32],
        synchronized_at: at(10),
        synchronize_before: at(20),
        online_certificate: vec![8],
        instance_certificate: vec![9],
        notices: vec!["Two\nlines, \"quoted\"".to_owned(), String::new()],
        updates_address: "https://updates.example.com/a".to_owned(),
        updates_root: vec![b'{', 0, 255],
    }
}

/// A nonce of its own for each number.
pub fn nonce(number: u64) -> Nonce {
    let mut nonce = [0xff; 32];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// An exchange that is outstanding.
pub fn exchange(number: u64, way: Way) -> Exchange {
    Exchange {
        number,
        way,
        state: ExchangeState::Requested,
        nonce: nonce(number),
        request: vec![1, 2, 3],
        response: Vec::new(),
        started_at: at(1),
        ended_at: None,
        sent_bytes: 0,
        received_bytes: 0,
        bundle_sequence: 0,
        changes: Vec::new(),
        synchronize_before: None,
        failure: None,
        actor: "administrator".to_owned(),
    }
}

/// The exchange as it stands at its end.
pub fn ended(exchange: Exchange, state: ExchangeState) -> Exchange {
    Exchange { state, request: Vec::new(), response: Vec::new(), ended_at: Some(at(2)), ..exchange }
}

/// A failure.
pub fn failure(reason: &str) -> Failure {
    Failure { step: Step::Exchange, reason: reason.to_owned(), message: format!("because of {reason}") }
}

/// Every row.
pub fn all() -> PageQuery {
    PageQuery { limit: 500, after: None, skip: 0, search: String::new() }
}

/// A store and an instance in it.
pub struct World {
    /// The store.
    pub store: Arc<dyn SyncStore>,
    /// The instance.
    pub instance: InstanceId,
}

impl World {
    /// An instance that is enrolled.
    pub async fn new(factory: &dyn Factory) -> Self {
        let world = Self { store: factory.open().await, instance: instance(1) };
        assert!(world.save(identity(1), None).await);
        world
    }

    /// Another one in the same store.
    pub async fn beside(&self) -> Self {
        let world = Self { store: Arc::clone(&self.store), instance: instance(2) };
        assert!(world.save(identity(2), None).await);
        world
    }

    /// The identity as it stands.
    pub async fn identity(&self) -> Identity {
        self.store.identity(self.instance).await.unwrap().unwrap()
    }

    /// Saves an identity and an exchange; whether it was written.
    pub async fn save(&self, identity: Identity, exchange: Option<Exchange>) -> bool {
        self.store.save(self.instance, &Change { identity, exchange, abandon: None }).await.unwrap()
    }

    /// Saves an exchange with the identity as it stands.
    pub async fn put(&self, exchange: Exchange) {
        assert!(self.save(self.identity().await, Some(exchange)).await);
    }

    /// An exchange as it stands.
    pub async fn exchange(&self, number: u64) -> Option<Exchange> {
        self.store.exchange(self.instance, number).await.unwrap()
    }

    /// The exchanges that are listed.
    pub async fn listed(&self, query: &PageQuery) -> Vec<u64> {
        let page = self.store.exchanges(self.instance, query).await.unwrap();
        page.rows.iter().map(|exchange| exchange.number).collect()
    }
}
