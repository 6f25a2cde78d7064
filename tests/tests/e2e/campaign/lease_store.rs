//! Redis killed, flushed, standing still and blocked, and replicas that are cut off from it.

use std::time::Duration;

use leasehold_testkit::Direction;
use tokio::time::sleep;

use super::{Campaign, TTL, rounds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_store_that_forgets_evicts_nobody() {
    let mut campaign = Campaign::start("Redis killed and flushed", false).await;
    let each = rounds(5);
    for round in 0..each {
        campaign.cluster.redis.kill().unwrap();
        campaign.pause(0.0..0.6).await;
        campaign.cluster.redis.start_again().await.unwrap();
        campaign.pause(0.3..0.8).await;
        if round % 5 == 2 {
            forget_everything(&mut campaign).await;
        } else {
            campaign.cluster.redis.flush().await.unwrap();
        }
        campaign.pause(0.3..0.8).await;
    }
    campaign.finish(&format!("{each} kills and {each} flushes of Redis")).await;
}

/// The database is away for so long that every floor deadline passes, while the lease store goes on answering; then
/// that forgets everybody, and so do the replicas. When all are back nothing speaks for anybody but that nobody could
/// be heard.
async fn forget_everything(campaign: &mut Campaign) {
    // Everybody is known to the lease store first.
    sleep(TTL.mul_f64(0.35)).await;
    campaign.cluster.postgres.stop().await.unwrap();
    sleep(TTL.mul_f64(1.3)).await;
    campaign.cluster.redis.flush().await.unwrap();
    for replica in &mut campaign.cluster.replicas {
        replica.kill();
    }
    campaign.cluster.postgres.start_again().await.unwrap();
    for replica in &mut campaign.cluster.replicas {
        replica.begin();
    }
    for replica in &mut campaign.cluster.replicas {
        replica.ready().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_store_that_stands_still_evicts_nobody() {
    let mut campaign = Campaign::start("Redis paused", false).await;
    let short = [0.4, 0.8, 1.5, 2.5];
    for span in short {
        campaign.cluster.redis.pause().unwrap();
        sleep(Duration::from_secs_f64(span)).await;
        campaign.cluster.redis.resume().unwrap();
        campaign.pause(0.2..0.8).await;
    }
    // Twice the time to live; five times in a long run.
    let long = rounds(1);
    for _ in 0..long {
        campaign.cluster.redis.pause().unwrap();
        sleep(TTL * 2).await;
        campaign.cluster.redis.resume().unwrap();
        campaign.pause(0.2..0.8).await;
    }
    campaign
        .finish(&format!("{} short pauses of Redis and {long} of twice the time to live", short.len()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_store_that_is_out_of_reach_evicts_nobody() {
    let mut campaign = Campaign::start("Redis blocked, replicas cut off from it", true).await;
    let each = rounds(5);
    for round in 0..each {
        let blocked = Duration::from_millis(if round % 2 == 0 { 600 } else { 1_500 });
        campaign.cluster.redis.block(blocked).await.unwrap();
        sleep(blocked).await;
        campaign.pause(0.2..0.6).await;
        let victim = campaign.any();
        let proxy = campaign.cluster.replicas[victim].to_redis.as_ref().expect("there is a proxy");
        if round % 2 == 0 {
            proxy.refuse().await;
            proxy.cut();
        } else {
            proxy.hold(Direction::ToServer);
        }
        // Once longer than the other replica waits before it takes somebody back.
        let time = if round % 5 == 1 { TTL.mul_f64(1.25) } else { Duration::from_secs(1) };
        sleep(time).await;
        proxy.heal().await;
        campaign.pause(0.2..0.6).await;
    }
    campaign.finish(&format!("{each} blocks of Redis and {each} partitions of one replica from it")).await;
}
