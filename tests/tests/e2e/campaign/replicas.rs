//! Replicas that are stopped in order, killed, and stand still.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Campaign, REPLICAS, TTL, rounds};
use crate::crash::setting;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_restarted_in_turn_lose_nothing() {
    // The long run: 300 s, a restart every 20 s.
    let long = setting("LEASEHOLD_ROLLING_SECONDS");
    let (time, every) = long.map_or((26, 4), |seconds| (seconds, 20));
    let mut campaign = Campaign::start("rolling restarts", false).await;
    let until = Instant::now() + Duration::from_secs(time);
    let (mut restarts, mut longest) = (0, Duration::ZERO);
    while Instant::now() < until {
        let next = Instant::now() + Duration::from_secs(every);
        let replica = &mut campaign.cluster.replicas[restarts % REPLICAS];
        longest = longest.max(replica.stop().await);
        assert!(longest < Duration::from_secs(12), "a replica took {longest:?} to stop");
        replica.serve().await;
        restarts += 1;
        sleep_until(next).await;
    }
    campaign.finish(&format!("{restarts} restarts, the longest stop {longest:?}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_lose_nothing() {
    let mut campaign = Campaign::start("kills of replicas", false).await;
    let kills = rounds(8);
    for round in 0..kills {
        let victim = campaign.any();
        campaign.cluster.replicas[victim].kill();
        // Sometimes both are away.
        if round % 4 == 3 {
            campaign.cluster.replicas[1 - victim].kill();
            campaign.pause(0.0..1.0).await;
            campaign.cluster.replicas[1 - victim].serve().await;
        }
        campaign.pause(0.0..1.0).await;
        campaign.cluster.replicas[victim].serve().await;
        // Once in a while long enough for somebody to be taken back.
        let quiet = if round % 8 == 4 { 13.5..14.5 } else { 0.2..0.8 };
        campaign.pause(quiet).await;
    }
    campaign.finish(&format!("{kills} kills")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_stands_still_takes_nobody_back() {
    let mut campaign = Campaign::start("replicas that stand still", false).await;
    // Up to one and a half times to live, and some just beyond what makes a gap.
    let spans = [1.8, 2.2, 3.0, 0.4 * TTL.as_secs_f64(), 1.5 * TTL.as_secs_f64()];
    let pauses = rounds(5);
    for round in 0..pauses {
        let victim = campaign.any();
        let span = spans[usize::try_from(round).expect("there are few") % spans.len()];
        campaign.cluster.replicas[victim].stand_still(Duration::from_secs_f64(span)).await;
        campaign.pause(0.3..1.2).await;
    }
    campaign.finish(&format!("{pauses} pauses")).await;
}
