//! Measures checkouts on one hot feature, as a service batches them: claim, load, change, commit, every commit
//! durable. `cargo run --release -p leasehold-store-sqlite --example sqlite_checkouts -- [BATCH] [BATCHES]`

#![expect(clippy::print_stdout, clippy::unwrap_used, clippy::disallowed_methods, reason = "a measurement")]

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use leasehold_domain::cell::LineItemState;
use leasehold_domain::estate::Cause;
use leasehold_domain::holder::{Holder, Place};
use leasehold_domain::{
    ActivityKind, Device, DeviceType, FeatureName, FencingToken, Grant, GrantId, HostId, HostIdType,
    IdSource, InstanceId, LeaseToken, LineItem, LineItemId, Mode, Part, Policies, RequestId, Source,
};
use leasehold_store::LicensingStore;
use leasehold_store::licensing::{Instance, RightsChange, StoredAnswer, Touched};
use leasehold_store_sqlite::SqliteLicensingStore;
use uuid::Uuid;

struct Ids;

impl IdSource for Ids {
    fn uuid(&mut self) -> Uuid {
        Uuid::now_v7()
    }

    fn lease_token(&mut self) -> LeaseToken {
        LeaseToken(*Uuid::now_v7().as_bytes())
    }
}

#[tokio::main]
async fn main() {
    let argument = |n, default| std::env::args().nth(n).map_or(default, |text| text.parse().unwrap());
    let (size, batches): (usize, usize) = (argument(1, 64), argument(2, 200));
    let path = std::env::temp_dir().join(format!("leasehold-checkouts-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let store = SqliteLicensingStore::open(&path.join("licensing.db")).await.unwrap();
    let instance = Instance { id: InstanceId(Uuid::now_v7()), name: "one".to_owned(), is_default: true };
    store.create_instance(&instance).await.unwrap();
    let item = LineItem::concurrent(
        LineItemId::new("item-1").unwrap(),
        FeatureName::new("hot").unwrap(),
        "1.0".parse().unwrap(),
        Some(1_000_000_000),
    );
    let mut batch = store.begin(instance.id).await.unwrap();
    let change = RightsChange { items: vec![LineItemState::new(item)], ..RightsChange::default() };
    batch.save_rights(&change).await.unwrap();
    batch.commit(&leasehold_domain::Changes::default(), &[], Timestamp::now()).await.unwrap();

    let mut stages = [Duration::ZERO; 5];
    let begin = Instant::now();
    for _ in 0..batches {
        checkouts(&store, instance.id, size, &mut stages).await;
    }
    let spent = begin.elapsed();
    let rate = u32::try_from(size * batches).map(f64::from).unwrap() / spent.as_secs_f64();
    let stages = stages.map(|stage| stage / u32::try_from(batches).unwrap());
    println!(
        "{size} in a batch: {rate:.0} checkouts/s; begin, claim, load, decide, commit take {stages:.2?}"
    );
    store.close().await.unwrap();
    std::fs::remove_dir_all(&path).unwrap();
}

async fn checkouts(
    store: &SqliteLicensingStore,
    instance: InstanceId,
    size: usize,
    stages: &mut [Duration; 5],
) {
    let (now, feature) = (Timestamp::now(), FeatureName::new("hot").unwrap());
    let holders: Vec<Holder> = (0..size).map(|_| holder()).collect();
    let requests: Vec<RequestId> = (0..size).map(|_| RequestId(Uuid::now_v7())).collect();
    let touched = Touched {
        hostids: holders.iter().map(|holder| holder.device.clone()).collect(),
        holders,
        features: vec![feature.clone()],
        grants: Vec::new(),
    };
    let mut clock = Instant::now();
    let mut lap = |stage: usize| {
        stages[stage] += clock.elapsed();
        clock = Instant::now();
    };
    let mut batch = store.begin(instance).await.unwrap();
    lap(0);
    assert!(batch.claim(&requests, now).await.unwrap().is_empty());
    lap(1);
    let mut estate = batch.load(&touched, &Policies::default()).await.unwrap();
    lap(2);
    for (holder, request) in touched.holders.into_iter().zip(&requests) {
        let grant = grant(holder, &feature, now);
        estate.put_device(Device {
            hostid: grant.holder.device.clone(),
            alias: String::new(),
            device_type: DeviceType::Physical,
            first_seen: now,
            last_seen: now,
            blocked: false,
        });
        estate.charge(&grant.parts);
        let cause = Cause { request: Some(*request), ..Cause::default() };
        estate.record(ActivityKind::Granted, &grant, &[], &grant.parts, &cause, now, &mut Ids);
        estate.put_grant(grant);
    }
    let answer = |id: &RequestId| StoredAnswer { id: *id, body_hash: [7; 32], answer: vec![42; 300] };
    let answers: Vec<StoredAnswer> = requests.iter().map(answer).collect();
    let changes = estate.into_changes();
    lap(3);
    batch.commit(&changes, &answers, now).await.unwrap();
    lap(4);
}

fn holder() -> Holder {
    // The end of the id is random, so that devices come in no order.
    let name = Uuid::now_v7().simple().to_string().split_off(16);
    Holder { device: HostId::new(HostIdType::String, &name).unwrap(), place: Place::Device }
}

fn grant(holder: Holder, feature: &FeatureName, now: Timestamp) -> Grant {
    let part = Part {
        line_item: LineItemId::new("item-1").unwrap(),
        source: Source::Default,
        count: 1,
        ends_at: now + SignedDuration::from_hours(24),
    };
    Grant {
        id: GrantId(Ids.uuid()),
        holder,
        feature: feature.clone(),
        mode: Mode::Online,
        fencing_token: FencingToken::FIRST,
        lease_token: Some(Ids.lease_token()),
        lease_ttl: Some(SignedDuration::from_mins(10)),
        parts: vec![part],
        granted_at: now,
        changed_at: now,
        floor_deadline: Some(now + SignedDuration::from_mins(10)),
    }
}
