//! Wall clocks that step a day ahead and back: of replicas, of the lease store, of the database.

use super::{Campaign, rounds};

const DAY: i64 = 86_400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_step_by_a_day_end_nothing() {
    steps_of(&["one replica", "both replicas", "Redis"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_of_the_database_that_steps_by_a_day_ends_nothing() {
    steps_of(&["PostgreSQL"]).await;
}

async fn steps_of(clocks: &[&str]) {
    let mut campaign = Campaign::start_with("clock steps", false, true, &[]).await;
    let each = rounds(5);
    let mut steps = 0;
    for round in 0..each {
        let day = if round % 2 == 0 { DAY } else { -DAY };
        for whose in clocks {
            step(&campaign, whose, day);
            // Shorter than the time between two looks, and longer.
            campaign.pause(if *whose == "PostgreSQL" { 0.1..4.0 } else { 0.3..1.0 }).await;
            step(&campaign, whose, 0);
            campaign.pause(0.1..0.4).await;
            steps += 2;
        }
    }
    // The records of the database are by its clock.
    campaign.clock = None;
    campaign.finish(&format!("{steps} steps of clocks")).await;
}

fn step(campaign: &Campaign, whose: &str, ahead: i64) {
    let clocks = campaign.cluster.clocks.as_ref().expect("the clocks can be stepped");
    match whose {
        "one replica" => clocks.replicas[0].set(ahead).unwrap(),
        "both replicas" => clocks.replicas.iter().for_each(|clock| clock.set(ahead).unwrap()),
        "PostgreSQL" => clocks.postgres.set(ahead).unwrap(),
        _ => clocks.redis.set(ahead).unwrap(),
    }
}
