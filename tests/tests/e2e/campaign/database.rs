//! Postgres killed, stopped and started again, and connections to it that break.

use std::time::Duration;

use leasehold_testkit::Direction;
use tokio::time::sleep;

use super::{Campaign, rounds};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_and_goes_loses_nothing() {
    let mut campaign = Campaign::start("PostgreSQL", true).await;
    let each = rounds(5);
    for _ in 0..each {
        campaign.cluster.postgres.kill().unwrap();
        campaign.pause(0.0..0.6).await;
        campaign.cluster.postgres.start_again().await.unwrap();
        campaign.pause(0.3..1.0).await;
        for trouble in [Trouble::Cut, Trouble::Refuse, Trouble::HoldTo, Trouble::HoldBack] {
            on_the_way(&mut campaign, trouble).await;
            campaign.pause(0.1..0.5).await;
        }
        campaign.cluster.postgres.stop().await.unwrap();
        campaign.pause(0.0..0.6).await;
        campaign.cluster.postgres.start_again().await.unwrap();
        campaign.pause(0.3..1.0).await;
    }
    let ways = each * 4;
    campaign.finish(&format!("{each} kills, {each} stops, and {ways} times trouble on the way to it")).await;
}

/// What can befall a connection.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Cut,
    Refuse,
    /// Nothing arrives at the database.
    HoldTo,
    /// Nothing comes back, and is lost in the end.
    HoldBack,
}

/// Trouble between one of the replicas and the database.
async fn on_the_way(campaign: &mut Campaign, trouble: Trouble) {
    let victim = campaign.any();
    let proxy = campaign.cluster.replicas[victim].to_postgres.as_ref().expect("there is a proxy");
    match trouble {
        Trouble::Cut => return proxy.cut(),
        Trouble::Refuse => {
            proxy.refuse().await;
            proxy.cut();
        }
        Trouble::HoldTo => proxy.hold(Direction::ToServer),
        Trouble::HoldBack => proxy.hold(Direction::ToClient),
    }
    sleep(Duration::from_millis(500)).await;
    if matches!(trouble, Trouble::HoldBack) {
        proxy.cut();
    }
    proxy.heal().await;
}
