//! Measures how many heartbeats a second go through one process into Redis.
//!
//! `cargo run --release --example redis_heartbeats -- [TASKS] [SECONDS] [LEASES] [URL]`; without a URL it starts a
//! Redis of its own. Each task hears one lease after the other, one a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};
use leasehold_leases::in_redis::Settings;
use leasehold_leases::{Heard, Lease, Leases, RedisLeases};
use leasehold_testkit::Redis;
use tokio::task::JoinSet;
use uuid::Uuid;

const INSTANCE: InstanceId = InstanceId(Uuid::from_u128(1));

fn lease(number: u64) -> Lease {
    let mixed = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    Lease {
        grant: GrantId(Uuid::from_u128((u128::from(number) << 80) | mixed)),
        fencing_token: FencingToken(1),
        lease_token: LeaseToken([7; 16]),
        ttl: SignedDuration::from_mins(10),
    }
}

fn argument(index: usize, default: u64) -> u64 {
    std::env::args().nth(index).and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (tasks, seconds, leases) = (argument(1, 64), argument(2, 5), argument(3, 100_000));
    let own = if std::env::args().nth(4).is_none() { Some(Redis::start().await?) } else { None };
    let url = own.as_ref().map(Redis::url).or_else(|| std::env::args().nth(4)).unwrap_or_default();
    let redis = Arc::new(RedisLeases::connect(&Settings::new(url)).await?);
    let start = Instant::now();
    redis.look(INSTANCE).await?;
    let all: Vec<Lease> = (0..leases).map(lease).collect();
    for chunk in all.chunks(5_000) {
        let now = start.elapsed();
        redis.register(INSTANCE, chunk, now, now).await?;
    }
    let end = Instant::now() + Duration::from_secs(seconds);
    let heard = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut running = JoinSet::new();
    for task in 0..tasks {
        let (redis, heard) = (redis.clone(), heard.clone());
        running.spawn(hear(redis, (task, tasks, leases), heard, start, end));
    }
    let waits: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
    report(waits, heard.load(Ordering::Relaxed), began.elapsed());
    Ok(())
}

/// Hears its share of the leases again and again, and gives how long some of the calls took.
async fn hear(
    redis: Arc<RedisLeases>,
    (task, tasks, leases): (u64, u64, u64),
    heard: Arc<AtomicU64>,
    start: Instant,
    end: Instant,
) -> Vec<Duration> {
    let mut waits = Vec::new();
    let mut number = task;
    while Instant::now() < end {
        let lease = lease(number);
        let (id, fencing_token) = (lease.grant, lease.fencing_token);
        let shown = GrantRef { id, fencing_token, lease_token: Some(lease.lease_token) };
        let sent = Instant::now();
        let answer = redis.heartbeat(INSTANCE, &[shown], start.elapsed()).await;
        assert!(matches!(answer.as_deref(), Ok([Heard::Ok { .. }])), "{answer:?}");
        if heard.fetch_add(1, Ordering::Relaxed).is_multiple_of(16) {
            waits.push(sent.elapsed());
        }
        number = (number + tasks) % leases;
    }
    waits
}

#[expect(clippy::print_stdout, reason = "what it measured is what it is for")]
fn report(mut waits: Vec<Duration>, heard: u64, took: Duration) {
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 100).copied().unwrap_or_default();
    let seconds = took.as_millis().max(1);
    println!("{} heartbeats/s; median {:?}, p99 {:?}", u128::from(heard) * 1_000 / seconds, at(50), at(99));
}
