//! The store of leases: that it can be reached, takes changes, and throws nothing away by itself.

use jiff::{SignedDuration, Timestamp};
use leasehold_leases::in_redis::{ExamineError, Standing, examine};

use super::{Finding, Patient, clock};
use crate::app::redis_settings;

const CHECK: &str = "redis";

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let redis = &patient.config.redis;
    if redis.url.is_empty() {
        let found = "postgres.url is set and redis.url is not";
        return vec![Finding::failed(
            CHECK,
            found,
            "give the address of a Redis, or leave both empty for a data directory",
        )];
    }
    let before = patient.clock.now();
    match examine(&redis_settings(redis)).await {
        Ok(standing) => {
            let mut findings = judge(&standing);
            let theirs = SignedDuration::try_from(standing.now).unwrap_or_default();
            let theirs = Timestamp::from_duration(theirs).unwrap_or(Timestamp::MIN);
            findings.push(clock::compare("Redis'", theirs, before, patient.clock.now()));
            findings
        }
        // A server starts without it.
        Err(error @ ExamineError::Away { .. }) => {
            vec![Finding::failed(
                CHECK,
                error,
                "until then heartbeats are degraded, and nothing of dead clients comes back",
            )]
        }
        Err(error) => vec![Finding::error(CHECK, error)],
    }
}

fn judge(standing: &Standing) -> Vec<Finding> {
    let Standing { address, version, .. } = standing;
    let mut findings = Vec::new();
    let persistence =
        if standing.appends { ", and writes each change to a file, which leases do not need" } else { "" };
    findings.push(if standing.takes_changes {
        Finding::passed(CHECK, format!("Redis {version} at {address} answers{persistence}"))
    } else {
        let found = format!("Redis at {address} is a replica and takes no changes");
        Finding::failed(CHECK, found, "name its primary in redis.url")
    });
    let policy = standing.eviction_policy.as_str();
    if !policy.is_empty() && policy != "noeviction" {
        let found = format!("maxmemory-policy is {policy}: leases are thrown away when its memory is full");
        let remedy = "set maxmemory-policy to noeviction, and give Leasehold a Redis of its own";
        findings.push(Finding::warning(CHECK, found, remedy));
    }
    let (used, limit) = (standing.memory_used, standing.memory_limit);
    if limit > 0 && used > limit / 10 * 9 {
        let found =
            format!("{} of its {} MiB are in use; full, it takes no heartbeat", used >> 20, limit >> 20);
        findings.push(Finding::warning(
            CHECK,
            found,
            "raise its maxmemory, and give Leasehold a Redis of its own",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use leasehold_testkit::Redis;

    use super::super::Verdict;
    use super::super::testing::{all_passed, config, patient, the};
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_good_redis_passes_and_one_that_forgets_follows_or_is_gone_does_not() {
        let mut redis = Redis::start().await.unwrap();
        let url = redis.url();
        let named = config(&[("postgres.url", "postgres://db/x"), ("redis.url", &url)]);
        let look = async || check(&patient(&named)).await;
        redis.ask(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await.unwrap();
        all_passed(&look().await);
        redis.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await.unwrap();
        assert_eq!(the(&look().await, "allkeys-lru").verdict, Verdict::Warning);
        redis.ask(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
        assert_eq!(the(&look().await, "is a replica").verdict, Verdict::Failed);
        redis.ask(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
        redis.ask(&["CONFIG", "SET", "requirepass", "s3cret"]).await.unwrap();
        let found = look().await;
        assert_eq!(the(&found, "password").verdict, Verdict::Failed);
        redis.kill().unwrap();
        assert_eq!(the(&look().await, "does not answer").verdict, Verdict::Failed);
        let none = config(&[("postgres.url", "postgres://db/x")]);
        assert_eq!(the(&check(&patient(&none)).await, "redis.url is not").verdict, Verdict::Failed);
    }

    #[test]
    fn memory_that_is_nearly_full_is_told() {
        let standing = Standing {
            address: "redis:6379".into(),
            version: "8.0.0".into(),
            takes_changes: true,
            eviction_policy: "noeviction".into(),
            memory_used: 95 << 20,
            memory_limit: 100 << 20,
            appends: true,
            now: Duration::ZERO,
        };
        let found = judge(&standing);
        assert_eq!(the(&found, "95 of its 100 MiB").verdict, Verdict::Warning);
        the(&found, "which leases do not need");
        all_passed(&judge(&Standing { memory_limit: 0, ..standing }));
    }
}
