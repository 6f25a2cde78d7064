//! Values that the cases work with.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::updates::{Release, ReleaseKind, ReleaseState, STABLE, UpdateState};
use leasehold_domain::{HostId, InstanceId};
use uuid::Uuid;

use super::Factory;
use crate::UpdateStore;
use crate::licensing::{AnswerKey, PageQuery};
use crate::updates::{
    Assigned, Catalogue, CheckIn, Client, Event, Installed, Newest, Reported, Run, RunFailure, Upstream,
    Versions,
};

/// A store, and the instance that the case works with.
pub struct World {
    /// The store.
    pub store: Arc<dyn UpdateStore>,
    /// The instance.
    pub instance: InstanceId,
}

impl World {
    /// A store that holds nothing.
    pub async fn new(factory: &dyn Factory) -> Self {
        Self { store: factory.open().await, instance: instance(1) }
    }

    /// Replaces the catalogue that stands.
    pub async fn put(&self, releases: &[Release], newest: &[Newest]) -> bool {
        let revision = self.store.revision(self.instance).await.unwrap();
        let catalogue = Catalogue { revision, releases: releases.to_vec() };
        self.store.replace_catalogue(self.instance, &catalogue, newest).await.unwrap()
    }

    /// The releases that stand.
    pub async fn releases(&self) -> Vec<Release> {
        self.store.catalogue(self.instance).await.unwrap().releases
    }

    /// Checks a client in.
    pub async fn check_in(&self, check_in: &CheckIn) {
        self.store.check_in(self.instance, check_in).await.unwrap();
    }

    /// One client.
    pub async fn client(&self, id: Uuid) -> Option<Client> {
        self.store.client(self.instance, id).await.unwrap()
    }

    /// The ids of a page of clients, as numbers.
    pub async fn listed(&self, product: Option<&str>, page: &PageQuery) -> Vec<u128> {
        let found = self.store.clients(self.instance, product, page).await.unwrap();
        found.rows.iter().map(|client| client.id.as_u128()).collect()
    }

    /// Reports events of a client; the last that is kept.
    pub async fn report(&self, client: Uuid, events: &[Event], time: Timestamp) -> Option<u64> {
        let reported = Reported { client, events, at: time };
        self.store.record_events(self.instance, &reported).await.unwrap()
    }
}

/// An instance for each number.
pub fn instance(number: u128) -> InstanceId {
    InstanceId(Uuid::from_u128(number))
}

/// A client's id for each number.
pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A point in time for each number of seconds.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_microsecond(1_800_000_000_000_001).unwrap() + SignedDuration::from_secs(seconds)
}

/// The first page, with everything on it.
pub fn all() -> PageQuery {
    PageQuery { limit: 500, after: None, skip: 0, search: String::new() }
}

/// A release of the product `scan`, with every field filled.
pub fn release(version: &str) -> Release {
    Release {
        product: "scan".to_owned(),
        version: version.to_owned(),
        kind: ReleaseKind::Definition,
        channel: STABLE.to_owned(),
        os: Some("linux".to_owned()),
        arch: Some("x86_64".to_owned()),
        minimum_version: Some("0.1".to_owned()),
        target: format!("scan/{version}/daily.cvd"),
        length: 24 << 20,
        sha256: [9; 32],
        state: ReleaseState::Approved,
        emergency: true,
        notes: "Two\nlines".to_owned(),
        withdrawn_reason: "taken back".to_owned(),
        features: vec!["3D Rendering".to_owned(), "VR Mode".to_owned()],
        released_at: Some(at(3)),
        seen_at: at(4),
    }
}

/// That a release is the newest.
pub fn newest(version: &str) -> Newest {
    let Release { product, channel, target, version, features, .. } = release(version);
    Newest { product, channel, target, version, features }
}

/// A check-in of a client that follows `products` and has nothing.
pub fn check_in(number: u128, products: &[&str], time: Timestamp) -> CheckIn {
    CheckIn {
        id: id(number),
        hostid: hostid(&format!("host-{number:02}")),
        alias: format!("Kim's {number}"),
        client_version: "0.1.0".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        free_bytes: 1 << 40,
        at: time,
        products: products.iter().map(|product| installed(product)).collect(),
    }
}

/// A hostid of the machine.
pub fn hostid(value: &str) -> HostId {
    format!("{value}/MACHINE_ID").parse().unwrap()
}

/// A product that is followed, and nothing of it is there.
pub fn installed(product: &str) -> Installed {
    Installed {
        product: product.to_owned(),
        channel: STABLE.to_owned(),
        version: String::new(),
        sha256: None,
        assigned: None,
        state: None,
        message: String::new(),
    }
}

/// An assignment of a version of `scan`.
pub fn assigned(version: &str) -> Assigned {
    Assigned { target: release(version).target, version: version.to_owned() }
}

/// An event about version 1 of `scan`.
pub fn event(sequence: u64, state: UpdateState) -> Event {
    Event {
        sequence,
        at: at(5),
        assignment: "a".to_owned(),
        product: "scan".to_owned(),
        version: "1".to_owned(),
        state,
        message: format!("event {sequence}"),
        fetched_bytes: 7,
    }
}

/// A key that was made at a time and is good for a hundred seconds.
pub fn key(byte: u8, made: i64) -> AnswerKey {
    AnswerKey {
        key_id: [byte; 32],
        sealed_seed: vec![byte, 0, 255],
        certificates: vec![1; 500],
        not_before: at(made - 10),
        not_after: at(made + 100),
        created_at: at(made),
    }
}

/// A mirror with every field filled.
pub fn upstream() -> Upstream {
    Upstream {
        versions: Versions { root: 1, timestamp: 22, snapshot: 21, targets: 20 },
        expires_at: Some(at(100)),
        last: Some(Run {
            started_at: at(1),
            ended_at: Some(at(2)),
            changed: true,
            fetched_files: 3,
            fetched_bytes: 1 << 40,
            missing_files: 1,
            failure: Some(RunFailure { reason: "INTERNAL".to_owned(), message: "a\u{1f4a5} b".to_owned() }),
            actor: "kim".to_owned(),
        }),
        succeeded_at: Some(at(0)),
        next_at: Some(at(9)),
        failures: 2,
    }
}
