//! Measures checkouts on one hot feature, as a service batches them: claim, load, change, commit, every commit
//! durable; beside the plain transaction of pgbench on the same server, with 1 client and with 64.
//! `cargo run --release -p leasehold-store-postgres --example postgres_checkouts -- [SECONDS] [LIVE-GRANTS]`

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
use leasehold_store_postgres::{PostgresLicensingStore, Settings};
use leasehold_testkit::Postgres;
use uuid::Uuid;

const STAGES: usize = 5;

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
    let (seconds, live): (u64, usize) = (argument(1, 5), argument(2, 0).try_into().unwrap());
    let server = Postgres::start_with(&[("shared_buffers", "256MB"), ("max_wal_size", "4GB")]).await.unwrap();
    let store = PostgresLicensingStore::open(&Settings::new(server.url())).await.unwrap();
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
    for _ in 0..live / 1_000 {
        checkouts(&store, instance.id, 1_000, &mut [Duration::ZERO; STAGES]).await;
    }

    let (single, many) = (plain(&server, 1, seconds), plain(&server, 64, seconds));
    println!("pgbench: 1 client {single:.0}/s ({:.2} ms each), 64 clients {many:.0}/s", 1_000.0 / single);
    let limit = Duration::from_secs(seconds);
    for size in [1, 64, 512] {
        let rate = measure(&store, instance.id, size, limit).await;
        let than = if size == 1 { single } else { many };
        println!("    {:.2} x pgbench's rate with {} clients", rate / than, if size == 1 { 1 } else { 64 });
    }
    println!(
        "pgbench again: 1 client {:.0}/s, 64 clients {:.0}/s",
        plain(&server, 1, seconds),
        plain(&server, 64, seconds)
    );
    store.close().await;
}

/// Transactions a second of the plain transaction: update the counter where it fits, insert the grant, commit.
fn plain(server: &Postgres, clients: u32, seconds: u64) -> f64 {
    let run = |sql: &str| assert!(server.psql(["-c", sql]).status().unwrap().success());
    run(
        "DROP TABLE IF EXISTS counter, plain; CREATE TABLE counter (id int PRIMARY KEY, used bigint, total bigint); \
         INSERT INTO counter VALUES (1, 0, 1000000000); \
         CREATE TABLE plain (id uuid PRIMARY KEY, item int, device text, at timestamptz)",
    );
    let script = std::env::temp_dir().join(format!("plain-{}.sql", std::process::id()));
    std::fs::write(
        &script,
        "BEGIN;\nUPDATE counter SET used = used + 1 WHERE id = 1 AND used < total;\n\
         INSERT INTO plain VALUES (gen_random_uuid(), 1, 'device', now());\nCOMMIT;\n",
    )
    .unwrap();
    let (clients, seconds, file) = (clients.to_string(), seconds.to_string(), script.display().to_string());
    let arguments =
        ["-n", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds, "-f", &file, "postgres"];
    let output = server.pgbench(arguments).output().unwrap();
    std::fs::remove_file(&script).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("tps = ")).unwrap();
    line.split(' ').nth(2).unwrap().parse().unwrap()
}

/// Checkouts a second in batches of this size.
async fn measure(store: &PostgresLicensingStore, instance: InstanceId, size: usize, limit: Duration) -> f64 {
    for _ in 0..20 {
        checkouts(store, instance, size, &mut [Duration::ZERO; STAGES]).await;
    }
    let (begin, mut batches, mut stages) = (Instant::now(), 0_u32, [Duration::ZERO; STAGES]);
    while begin.elapsed() < limit {
        checkouts(store, instance, size, &mut stages).await;
        batches += 1;
    }
    let rate = f64::from(batches) * f64::from(u32::try_from(size).unwrap()) / begin.elapsed().as_secs_f64();
    let stages = stages.map(|stage| stage / batches);
    println!(
        "{size} in a batch: {rate:.0} checkouts/s, {:.2?} a batch; begin, claim, load, decide, commit take {stages:.2?}",
        begin.elapsed() / batches
    );
    rate
}

async fn checkouts(
    store: &PostgresLicensingStore,
    instance: InstanceId,
    size: usize,
    stages: &mut [Duration; STAGES],
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
