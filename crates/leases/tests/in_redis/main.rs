//! The Redis back end, each test with a Redis of its own.

mod amnesia;
mod clocks;
mod outages;
mod replicas;
mod secured;
mod snapshots;
mod together;

use std::time::Duration;

use jiff::SignedDuration;
use leasehold_domain::lease::server_patience;
use leasehold_domain::{FencingToken, GrantId, GrantRef, InstanceId, LeaseToken};
use leasehold_leases::in_redis::{ConnectError, Settings, Time};
use leasehold_leases::{Heard, Lease, LeaseError, Leases as _, RedisLeases, Suspect, Verdict, conformance};
use leasehold_testkit::Redis;
use uuid::Uuid;

const TTL: SignedDuration = SignedDuration::from_secs(10);
const START: Duration = Duration::from_secs(1_000);
const OK: Heard = Heard::Ok { ttl: TTL };
/// Nothing here takes nearly as long unless something hangs.
const LONG: Duration = Duration::from_secs(30);

fn instance() -> InstanceId {
    InstanceId(Uuid::from_u128(1))
}

fn lease(grant: u128, fencing_token: u64) -> Lease {
    Lease {
        grant: GrantId(Uuid::from_u128(grant)),
        fencing_token: FencingToken(fencing_token),
        lease_token: LeaseToken([7; 16]),
        ttl: TTL,
    }
}

fn shown(lease: &Lease) -> GrantRef {
    GrantRef { id: lease.grant, fencing_token: lease.fencing_token, lease_token: Some(lease.lease_token) }
}

fn patience() -> Duration {
    server_patience(TTL).unsigned_abs()
}

/// One replica of a service.
struct Replica(RedisLeases);

impl Replica {
    /// One that goes by Redis' time.
    async fn of(redis: &Redis) -> Self {
        Self::with(&Settings::new(redis.url())).await
    }

    /// One that goes by the times that the test makes up.
    async fn by_our_time(redis: &Redis) -> Self {
        Self::with(&Settings { time: Time::Callers, ..Settings::new(redis.url()) }).await
    }

    /// One that has looked, as a service does when it starts, if Redis is there.
    async fn with(settings: &Settings) -> Self {
        let leases = RedisLeases::connect(settings).await.expect("good settings");
        let _ = leases.look(instance()).await;
        Self(leases)
    }

    async fn register(&self, lease: &Lease, now: Duration) {
        self.register_all(&[*lease], now).await;
    }

    async fn register_all(&self, leases: &[Lease], now: Duration) {
        self.0.register(instance(), leases, now, now).await.expect("Redis answers");
    }

    async fn earn(&self, lease: &Lease, heard: Duration, now: Duration) {
        self.0.earned(instance(), &[(*lease, heard)], now).await.expect("Redis answers");
    }

    async fn try_hear(&self, lease: &Lease, now: Duration) -> Result<Heard, LeaseError> {
        Ok(self.0.heartbeat(instance(), &[shown(lease)], now).await?[0])
    }

    async fn hear(&self, lease: &Lease, now: Duration) -> Heard {
        self.try_hear(lease, now).await.expect("Redis answers")
    }

    async fn look(&self) -> u64 {
        self.0.look(instance()).await.expect("Redis answers").generation
    }

    async fn condemn(&self, lease: &Lease, seen: u64, now: Duration) -> Result<Verdict, LeaseError> {
        let suspect = Suspect { grant: lease.grant, fencing_token: lease.fencing_token, ttl: lease.ttl };
        Ok(self.0.condemn(instance(), &[suspect], 10, seen, now).await?[0])
    }

    /// Checks that nothing is heard here: the store must be asked, until the next look.
    async fn must_look(&self, lease: &Lease, why: &str) {
        let outcome = self.try_hear(lease, START).await;
        assert!(matches!(outcome, Err(LeaseError::Unavailable { .. })), "{why}: {outcome:?}");
    }

    /// Waits until Redis answers again.
    async fn heal(&self) -> u64 {
        let healed = async {
            loop {
                match self.0.look(instance()).await {
                    Ok(sample) => return sample.generation,
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(LONG, healed).await.expect("it heals")
    }
}

fn heard_key() -> String {
    format!("lh:{{{}}}:heard", instance().0)
}

fn generation_key() -> String {
    format!("lh:{{{}}}:gen", instance().0)
}

/// What Redis holds of a lease.
async fn score(redis: &Redis, lease: &Lease) -> String {
    redis.ask(&["ZSCORE", &heard_key(), &member(lease)]).await.expect("Redis answers")
}

/// Its member in Redis; the ids of these tests are text.
fn member(lease: &Lease) -> String {
    String::from_utf8(lease.grant.0.as_bytes().to_vec()).expect("a small id")
}

/// How many leases Redis holds; the set has one member of its own.
async fn leases_held(redis: &Redis) -> usize {
    let all = redis.ask(&["ZCARD", &heard_key()]).await.expect("Redis answers");
    let own = redis.ask(&["ZSCORE", &heard_key(), "generation"]).await.expect("Redis answers");
    all.parse::<usize>().expect("a number") - usize::from(!own.is_empty())
}

#[tokio::test]
async fn passes_the_conformance_suite() {
    let redis = Redis::start().await.unwrap();
    conformance::all(&Replica::by_our_time(&redis).await.0).await;
}

#[tokio::test]
async fn a_password_is_needed_where_redis_wants_one() {
    let redis = Redis::start_with(&[("requirepass", "right-one")], None).await.unwrap();
    for password in [None, Some("wrong-one".to_owned())] {
        let refused = RedisLeases::connect(&Settings { password, ..Settings::new(redis.url()) }).await;
        let error = refused.unwrap_err();
        assert!(matches!(&error, ConnectError::Refused { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("wrong-one"), "{error:?}");
    }
    let settings = Settings { password: Some("right-one".to_owned()), ..Settings::new(redis.url()) };
    Replica::with(&settings).await.look().await;
}

#[tokio::test]
async fn what_waiting_does_not_mend_is_refused_with_the_address_and_what_to_do() {
    let redis = Redis::start_with(&[("databases", "4")], None).await.unwrap();
    let address = format!("127.0.0.1:{}", redis.port());
    let url = |path: &str| format!("redis://{address}{path}");
    let refusal = async |url| {
        let error = RedisLeases::connect(&Settings::new(url)).await.unwrap_err();
        let told = error.to_string();
        assert!(told.contains(&address), "{told}");
        (error, told)
    };
    Replica::with(&Settings::new(url("/3"))).await.look().await;
    for (number, path) in [(4, "/4"), (-1, "/-1")] {
        let (error, told) = refusal(url(path)).await;
        assert!(
            matches!(error, ConnectError::NoDatabase { database, .. } if database == number),
            "{error:?}"
        );
        assert!(told.contains("out of range") && told.contains("redis.url"), "{told}");
    }

    redis.ask(&["CONFIG", "SET", "requirepass", "right-one"]).await.unwrap();
    for path in ["", "/3", "/4"] {
        let (error, told) = refusal(url(path)).await;
        assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
        assert!(told.contains("asks for a password") && told.contains("redis.password_file"), "{told}");
        let (error, told) = refusal(format!("redis://:wrong-one@{address}{path}")).await;
        assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
        assert!(told.contains("correct them") && !told.contains("wrong-one"), "{told}");
    }
}

#[tokio::test]
async fn the_database_of_the_url_is_the_one_that_is_used() {
    let redis = Redis::start().await.unwrap();
    Replica::with(&Settings::new(format!("{}/3", redis.url()))).await.look().await;
    let keys = redis.ask(&["INFO", "keyspace"]).await.unwrap();
    assert!(keys.contains("db3:") && !keys.contains("db0:"), "{keys}");
}

#[tokio::test]
async fn what_a_lease_costs_in_redis_is_bounded() {
    const LEASES: u32 = 100_000;
    let redis = Redis::start().await.unwrap();
    let replica = Replica::of(&redis).await;
    let used = async || {
        let info = redis.ask(&["INFO", "memory"]).await.unwrap();
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).unwrap();
        used.trim().parse::<f64>().unwrap()
    };
    let before = used().await;
    // Ids as the service makes them: by time, then random.
    let mut random = 1_u128;
    let all: Vec<Lease> = (0..LEASES)
        .map(|number| {
            random = random.wrapping_mul(0xda94_2042_e4dd_58b5).wrapping_add(1);
            lease((u128::from(number) << 80) | (random >> 48), u64::from(number % 5) + 1)
        })
        .collect();
    for chunk in all.chunks(5_000) {
        replica.register_all(chunk, START).await;
    }
    assert_eq!(leases_held(&redis).await, LEASES as usize);
    let each = (used().await - before) / f64::from(LEASES);
    let usage = redis.ask(&["MEMORY", "USAGE", &heard_key(), "SAMPLES", "0"]).await.unwrap();
    println!("INFO: {each:.1} bytes a lease; MEMORY USAGE: {:.1}", usage.parse::<f64>().unwrap() / 100_000.0);
    assert!(each <= 200.0, "{each} bytes a lease");
}
