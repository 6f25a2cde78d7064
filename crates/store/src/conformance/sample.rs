//! What the cases are made of: a store with one instance, and plain values to put into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::holder::Place;
use leasehold_domain::{
    Activity, ActivityKind, Changes, Device, DeviceType, Entry, EntryId, Estate, FeatureName, FencingToken,
    Grant, GrantId, Group, GroupId, Holder, HostId, InstanceId, LeaseToken, LineItem, LineItemId, Mode, Part,
    Policies, RequestId, Reservation, Source,
};
use uuid::Uuid;

use super::Factory;
use crate::licensing::{Instance, PageQuery, Rights, RightsChange, StoredAnswer, Touched};
use crate::{LicensingBatch, LicensingStore};

/// A store with one instance.
pub struct World {
    /// The store.
    pub store: Arc<dyn LicensingStore>,
    /// Its instance.
    pub instance: InstanceId,
}

impl World {
    /// A fresh store with one instance that holds nothing.
    pub async fn new(factory: &dyn Factory) -> Self {
        let world = Self { store: factory.open().await, instance: InstanceId(uuid(1)) };
        let instance = Instance { id: world.instance, name: "main".to_owned(), is_default: true };
        world.store.create_instance(&instance).await.unwrap();
        world
    }

    /// A fresh store whose instance has one line item `item-1` of the feature `cad`, with this count.
    pub async fn with_item(factory: &dyn Factory, count: u64) -> Self {
        let world = Self::new(factory).await;
        world.save(RightsChange { items: vec![item("item-1", "cad", count)], ..change() }).await;
        world
    }

    /// The same store, for another instance.
    pub async fn beside(&self, name: &str) -> Self {
        let instance =
            Instance { id: InstanceId(Uuid::from_u128(99)), name: name.to_owned(), is_default: false };
        self.store.create_instance(&instance).await.unwrap();
        Self { store: Arc::clone(&self.store), instance: instance.id }
    }

    /// Begins a batch.
    pub async fn begin(&self) -> Box<dyn LicensingBatch> {
        self.store.begin(self.instance).await.unwrap()
    }

    /// Saves rights in a batch of their own.
    pub async fn save(&self, change: RightsChange) {
        let mut batch = self.begin().await;
        batch.save_rights(&change).await.unwrap();
        batch.commit(&Changes::default(), &[], at(0)).await.unwrap();
    }

    /// Commits changes in a batch of their own.
    pub async fn commit(&self, changes: &Changes) {
        self.begin().await.commit(changes, &[], at(0)).await.unwrap();
    }

    /// Commits grants with their devices, without counting them anywhere.
    pub async fn grant(&self, grants: &[Grant]) {
        let devices = grants.iter().map(|grant| device(grant.holder.device.value())).collect();
        self.commit(&Changes { devices, grants: grants.to_vec(), ..Changes::default() }).await;
    }

    /// Commits answers in a batch of their own, kept under `now`.
    pub async fn answer(&self, answers: &[StoredAnswer], now: Timestamp) {
        let mut batch = self.begin().await;
        let ids: Vec<RequestId> = answers.iter().map(|answer| answer.id).collect();
        assert_eq!(batch.claim(&ids, now).await.unwrap(), []);
        batch.commit(&Changes::default(), answers, now).await.unwrap();
    }

    /// What is stored for these requests.
    pub async fn answers(&self, ids: &[RequestId]) -> Vec<StoredAnswer> {
        let mut answers = self.begin().await.claim(ids, at(0)).await.unwrap();
        answers.sort_by_key(|answer| answer.id);
        answers
    }

    /// Loads what is touched, in a batch that is dropped.
    pub async fn load(&self, touched: &Touched) -> Estate {
        self.begin().await.load(touched, &Policies::default()).await.unwrap()
    }

    /// Loads all rights, in a batch that is dropped.
    pub async fn rights(&self) -> Rights {
        self.begin().await.load_rights().await.unwrap()
    }

    /// The line item `item-1`.
    pub async fn item(&self) -> LineItemState {
        let items = self.store.line_items(self.instance).await.unwrap();
        items.into_iter().find(|state| state.item.id.as_str() == "item-1").unwrap()
    }

    /// Every grant, by id.
    pub async fn grants(&self) -> Vec<Grant> {
        self.store.grants(self.instance, &super::lists::everything(), &all()).await.unwrap().rows
    }

    /// One grant.
    pub async fn grant_of_id(&self, id: GrantId) -> Option<Grant> {
        self.store.grants_by_id(self.instance, &[id]).await.unwrap().pop()
    }

    /// Every activity record, newest first.
    pub async fn activity(&self) -> Vec<Activity> {
        self.store.activity(self.instance, &all()).await.unwrap().rows
    }
}

/// An id; greater numbers sort later.
pub fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}

/// So many seconds into the test.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

/// A page that holds every row.
pub fn all() -> PageQuery {
    PageQuery { limit: 10_000, after: None, skip: 0, search: String::new() }
}

/// A change of rights that changes nothing yet.
pub fn change() -> RightsChange {
    RightsChange::default()
}

/// A hostid of free text.
pub fn hostid(value: &str) -> HostId {
    format!("{value}/STRING").parse().unwrap()
}

/// A feature's name.
pub fn feature(name: &str) -> FeatureName {
    FeatureName::new(name).unwrap()
}

/// A line item's id.
pub fn item_id(id: &str) -> LineItemId {
    LineItemId::new(id).unwrap()
}

/// A plain line item of which nothing is out.
pub fn item(id: &str, name: &str, count: u64) -> LineItemState {
    LineItemState::new(LineItem::concurrent(item_id(id), feature(name), "1.0".parse().unwrap(), Some(count)))
}

/// A device as a holder.
pub fn holder(device: &str) -> Holder {
    Holder { device: hostid(device), place: Place::Device }
}

/// A device that was seen at the start.
pub fn device(value: &str) -> Device {
    Device {
        hostid: hostid(value),
        alias: String::new(),
        device_type: DeviceType::Physical,
        first_seen: at(0),
        last_seen: at(0),
        blocked: false,
    }
}

/// A part of `item-1`, charged to the default pool, that ends so many seconds into the test.
pub fn part(count: u64, ends: i64) -> Part {
    Part { line_item: item_id("item-1"), source: Source::Default, count, ends_at: at(ends) }
}

/// An online grant of one count of `item-1`. It ends 1,000 seconds into the test, and its floor 100.
pub fn grant(id: u128, device: &str, name: &str) -> Grant {
    Grant {
        id: GrantId(uuid(id)),
        holder: holder(device),
        feature: feature(name),
        mode: Mode::Online,
        fencing_token: FencingToken::FIRST,
        lease_token: Some(LeaseToken(*uuid(id).as_bytes())),
        lease_ttl: Some(SignedDuration::from_secs(600)),
        parts: vec![part(1, 1_000)],
        granted_at: at(0),
        changed_at: at(0),
        floor_deadline: Some(at(100)),
    }
}

/// The same, borrowed: without lease and floor.
pub fn borrow(id: u128, device: &str, name: &str) -> Grant {
    let online = grant(id, device, name);
    Grant { mode: Mode::Borrow, lease_token: None, lease_ttl: None, floor_deadline: None, ..online }
}

/// An entry; its id follows from its order.
pub fn entry(order: u64, device: &str, name: &str, count: u64) -> Entry {
    Entry {
        id: EntryId(uuid(u128::from(order))),
        hostid: hostid(device),
        feature: feature(name),
        version: "1.0".parse().unwrap(),
        count,
        order,
    }
}

/// A group of these entries, one reservation a hostid.
pub fn group(id: u128, name: &str, entries: Vec<Entry>) -> Group {
    let mut reservations: Vec<Reservation> = Vec::new();
    for entry in entries {
        match reservations.iter_mut().find(|known| known.hostid == entry.hostid) {
            Some(known) => known.entries.push(entry),
            None => reservations.push(Reservation { hostid: entry.hostid.clone(), entries: vec![entry] }),
        }
    }
    Group { id: GroupId(uuid(id)), name: name.to_owned(), reservations, revision: 1 }
}

/// A record that a device was granted a feature.
pub fn record(id: u128, seconds: i64, device: &str, name: &str) -> Activity {
    Activity {
        id: uuid(id),
        at: at(seconds),
        kind: ActivityKind::Granted,
        hostid: Some(hostid(device)),
        place: String::new(),
        feature: name.to_owned(),
        grant: Some(GrantId(uuid(id))),
        deltas: BTreeMap::from([(item_id("item-1"), 1)]),
        detail: String::new(),
        request: Some(RequestId(uuid(id))),
        actor: String::new(),
    }
}

/// An answer to a request.
pub fn answer(id: u128) -> StoredAnswer {
    StoredAnswer { id: RequestId(uuid(id)), body_hash: [7; 32], answer: format!("answer {id}").into_bytes() }
}

/// Everything of one holder.
pub fn touched_by(holder: &Holder) -> Touched {
    Touched { holders: vec![holder.clone()], hostids: vec![holder.device.clone()], ..Touched::default() }
}

/// Line items of these features.
pub fn touching(features: &[&str]) -> Touched {
    Touched { features: features.iter().map(|name| feature(name)).collect(), ..Touched::default() }
}
